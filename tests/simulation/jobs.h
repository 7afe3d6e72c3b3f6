// Many seeds, in one process or several.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tests/simulation/history.h"

namespace qleet::sim {

struct JobsOptions {
  std::uint64_t first = 1;
  std::uint64_t last = 1;  // not below `first`
  unsigned jobs = 1;       // processes; with 1 there is none but this one
  bool go_on = false;      // after a seed that fails
  bool trace = false;
  bool copies = false;
  Sabotage sabotage = Sabotage::kNone;
};

struct Tally {
  std::uint64_t played = 0;
  std::uint64_t operations = 0;
  std::uint64_t faults = 0;
  std::uint64_t failed = 0;  // histories, a process that ended in the middle of one included
  std::uint64_t hash = 0;    // over the traces of all; does not depend on their order

  void add(const Tally& other);
};

// Plays them. `told`: what is to be said of one seed, whole: after each that failed, and where it is the only
// one. `progress`: after each 1,000 histories. Both are called in this process. Without `go_on` it ends at
// the first that fails; the other processes play their seed to its end.
Tally play_all(const JobsOptions& options, const std::function<void(const std::string& text)>& told,
               const std::function<void(const Tally& so_far)>& progress);

}  // namespace qleet::sim
