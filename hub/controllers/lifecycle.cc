#include "hub/controllers/lifecycle.h"

namespace qleet::hub::controllers {

LifecycleDecision decide_lifecycle(const LifecycleInput& input) {
  if (input.has_users) {
    return {input.deleted || input.unused_since ? Fate::kRevive : Fate::kKeep, std::nullopt};
  }
  if (input.deleted) return {Fate::kKeep, std::nullopt};
  const auto since = input.unused_since.value_or(input.now);
  const auto due = since + input.grace;
  if (input.now >= due && (input.unused_since || input.grace == Millis(0)) && !input.stays)
    return {Fate::kTombstone, std::nullopt};
  if (!input.unused_since) return {Fate::kMarkUnused, due};
  if (input.now >= due) return {Fate::kRetain, std::nullopt};
  return {Fate::kKeep, due};
}

}  // namespace qleet::hub::controllers
