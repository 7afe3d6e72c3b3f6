#include "hub/controllers/deadline.h"

#include <algorithm>

#include "common/clock/duration.h"

namespace qleet::hub::controllers {

std::optional<Millis> deadline_of(const v1::RolloutPolicy& policy) {
  if (policy.deadline().empty()) return kDefaultDeadline;
  if (policy.deadline() == "0") return std::nullopt;
  const auto parsed = parse_duration(policy.deadline());
  if (!parsed) return kDefaultDeadline;
  return *parsed == Millis(0) ? std::nullopt : std::optional(*parsed);
}

Pace judge_pace(const PaceInput& input) {
  Pace pace;
  for (const auto& region : input.regions) {
    RegionPaceNext next{.name = region.name, .reached = region.reached, .progressed = {}};
    const bool further = region.anew || region.reached > region.reached_before;
    if (!region.anew) next.reached = std::max(region.reached, region.reached_before);
    pace.progress = pace.progress || further;
    if (region.waited_for) {
      // A clock that went back only makes the wait longer.
      const bool begins = further || !region.progressed || *region.progressed > input.now;
      next.progressed = begins ? input.now : *region.progressed;
      if (input.deadline) {
        const auto since = std::max(*next.progressed, input.heard_since.value_or(*next.progressed));
        const auto due = since + *input.deadline;
        if (due > input.now) {
          pace.due = std::min(pace.due.value_or(due), due);
        } else if (pace.overdue.empty()) {
          pace.overdue = region.name;
          pace.message = region.message;
        }
      }
    }
    pace.regions.push_back(std::move(next));
  }
  return pace;
}

std::uint32_t return_to(const v1::RolloutPolicy& policy, std::uint32_t wanted, std::uint32_t good) {
  return policy.on_failure() == "stay" || good == wanted ? 0 : good;
}

}  // namespace qleet::hub::controllers
