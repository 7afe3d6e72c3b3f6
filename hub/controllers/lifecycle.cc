#include "hub/controllers/lifecycle.h"

namespace qleet::hub::controllers {

LifecycleDecision decide_lifecycle(const LifecycleInput& input) {
  if (input.has_users) {
    return {input.deleted || input.unused_since ? Fate::kRevive : Fate::kKeep, std::nullopt};
  }
  if (input.deleted) return {Fate::kKeep, std::nullopt};
  const bool retain = input.policy.do_() == "retain";
  const auto since = input.unused_since.value_or(input.now);
  const auto due = since + Millis(input.policy.after_ms());
  if (input.now >= due && (input.unused_since || input.policy.after_ms() == 0) && !retain)
    return {Fate::kTombstone, std::nullopt};
  if (!input.unused_since) return {Fate::kMarkUnused, due};
  if (input.now >= due) return {Fate::kRetain, std::nullopt};
  return {Fate::kKeep, due};
}

}  // namespace qleet::hub::controllers
