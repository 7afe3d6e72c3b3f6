// What becomes of a resource when nobody needs it, and when somebody needs it again. Pure.
#pragma once

#include <optional>

#include "common/clock/clock.h"

namespace qleet::hub::controllers {

enum class Fate {
  kKeep,        // nothing to do
  kMarkUnused,  // note since when, look again when due
  kTombstone,   // to be deleted
  kRetain,      // the grace period is over, and it stays
  kRevive,      // somebody needs it: take back the mark or the tombstone
};

struct LifecycleInput {
  bool has_users = false;
  bool deleted = false;                  // is a tombstone already
  std::optional<WallTime> unused_since;  // empty: it is in use
  Millis grace{};
  bool stays = false;  // after its grace period, too: model::stays_unused
  WallTime now;
};

struct LifecycleDecision {
  Fate fate = Fate::kKeep;
  std::optional<WallTime> due;  // look again then
};

// A grace period of 0 ms tombstones at once. A clock that went back only makes the wait longer.
LifecycleDecision decide_lifecycle(const LifecycleInput& input);

}  // namespace qleet::hub::controllers
