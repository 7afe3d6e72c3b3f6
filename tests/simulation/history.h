// One seed: a random program of what people, CI and misfortune do, then peace, then the end of everything.
#pragma once

#include <string>
#include <vector>

#include "tests/simulation/universe.h"
#include "tests/simulation/world.h"

namespace qleet::sim {

struct Outcome {
  std::vector<Finding> findings;
  std::uint64_t trace_hash = 0;
  unsigned operations = 0;  // that were done
  unsigned faults = 0;
  Millis simulated{0};
};

// Plays the whole history.
Outcome play(const WorldOptions& options);

}  // namespace qleet::sim
