// In which order the regions of a deployment get the wanted release, and what the deployment's state is.
// Pure.
//
// * At most `max_at_once` regions are on their way at the same time (0: no limit).
// * A region that is stalled with the wanted release, or in which it made no progress for too long, stops the
//   others from getting it.
// * A stale region (its agent is away) neither counts as on its way nor as ready, and holds nobody up. It
// gets
//   the wanted release last, when no other region is left to go before it, and then all stale ones at once:
//   what they will do when they return must not be ahead of what was proven elsewhere.
// * Of those that may go, a region that is stalled with an older release goes first (it has nothing to lose),
// then
//   regions that run something, then new ones; by name.
// * A region whose content changed under the same release (a variable of its environment) goes the same way.
// * A region that the deployment leaves keeps what it has until all regions that stay are ready with the
// wanted
//   release. A release that has nothing to hand out yet (wanted 0) moves nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qleet::hub::controllers {

enum class Health { kNone, kProgressing, kReady, kStalled };

// Of workloads.
struct Replicas {
  std::uint32_t ready = 0;
  std::uint32_t wanted = 0;
  std::uint32_t restarts = 0;
};

// What is told of a region beside its health; the rollout does not look at it.
struct RegionFacts {
  Replicas replicas;
  std::uint32_t reached = 0;  // how far it came with what it has: grows towards ready
  bool blamed = false;        // it is not ready, and that is not for its agent's sake
  bool anew = false;          // it was handed out just now
};

struct RegionNow {
  std::string name;
  bool placed = true;             // false: to be left
  std::uint32_t release = 0;      // handed out last; 0: none
  Health health = Health::kNone;  // of that release's resources
  bool stale = false;
  std::string message;    // why it is not ready
  bool outdated = false;  // it has the wanted release as it was: a variable or a policy changed since
  RegionFacts facts{};
};

struct RolloutInput {
  std::uint32_t wanted = 0;  // 0: none
  std::uint32_t max_at_once = 0;
  std::vector<RegionNow> regions;
  std::string failed =
      {};  // the region in which the wanted release made no progress for too long; empty: none
};

struct RegionNext {
  std::string name;
  std::uint32_t release = 0;  // to be handed out now (the same as before: nothing changes); 0: nothing yet
  bool advance = false;       // the wanted release is to be handed out now, or again
  bool leave = false;         // what it has is to be taken away now
  bool outdated = false;      // RegionRollout.outdated
  std::string state;          // RegionRollout.state
  std::string message;
  RegionFacts facts{};
};

struct Rollout {
  std::vector<RegionNext> regions;  // by name
  bool complete = false;  // every placed region is ready with the wanted release, and none is leaving
  std::string state;      // "RollingOut", "Ready", "Stalled"; empty where nothing is wanted
  std::string message;
};

Rollout roll_out(const RolloutInput& input);

}  // namespace qleet::hub::controllers
