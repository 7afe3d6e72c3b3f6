// Whether a rollout comes nearer to its end, and what becomes of one that does not. Pure.
//
// The clock runs for each region by itself, and only where the release can be blamed: the region has what is
// wanted, is not ready, and its agent is there and has taken it up. A region that is lost, or whose turn is
// to come, has no clock. It begins anew when the region is handed something, and whenever it comes further
// than it ever was with that: what goes back and forth, as a container does that is started again and again,
// is no progress.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"
#include "qleet/v1/environment.pb.h"

namespace qleet::hub::controllers {

inline constexpr Millis kDefaultDeadline = std::chrono::minutes(10);

// Of an environment. nullopt: none.
std::optional<Millis> deadline_of(const v1::RolloutPolicy& policy);

struct RegionPace {
  std::string name;
  bool waited_for = false;             // the release can be blamed for what is missing
  bool anew = false;                   // handed out just now
  std::uint32_t reached = 0;           // how far it is
  std::uint32_t reached_before = 0;    // the furthest with what it was handed
  std::optional<WallTime> progressed;  // as stored
  std::string message;                 // why it is not ready
};

struct PaceInput {
  std::vector<RegionPace> regions;
  std::optional<Millis> deadline;       // nullopt: none
  std::optional<WallTime> heard_since;  // nothing was heard of any agent before
  WallTime now;
};

struct RegionPaceNext {
  std::string name;
  std::uint32_t reached = 0;           // to be stored
  std::optional<WallTime> progressed;  // the same
};

struct Pace {
  std::vector<RegionPaceNext> regions;  // in the order of the input
  bool progress = false;                // some region came nearer to its end
  std::string overdue;                  // the first region without progress for the deadline; empty: none
  std::string message;                  // of it
  std::optional<WallTime> due;          // look again then
};

Pace judge_pace(const PaceInput& input);

// The release to go back to from `wanted`, which has failed. 0: it stays. `good`: the last one that was
// complete in every region; once that is the wanted one, there is nothing to go back from: it has proven
// itself.
std::uint32_t return_to(const v1::RolloutPolicy& policy, std::uint32_t wanted, std::uint32_t good);

}  // namespace qleet::hub::controllers
