// One storm: a fleet of real processes, the program's changes by clients that take no loss for an answer, its
// faults, and a look at everything when it is over.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tests/chaos/record.h"

namespace qleet::chaos {

struct StormOptions {
  std::filesystem::path bin;       // of qleet-hub, qleet-agent, qleet
  std::filesystem::path profiles;  // the test's own
  long settle_millis = 60'000;     // after the last fault
  bool keep = false;               // the folder, also where all went well
};

struct Outcome {
  Record record;
  std::vector<std::string> violations;
  std::map<std::string, int> faults;  // by kind
  std::filesystem::path folder;       // with all logs; gone unless it was kept
  long settled_after = 0;             // ms from the end of faults
};

// Throws std::runtime_error where the fleet cannot be set up.
Outcome run_storm(const Program& program, const StormOptions& options);

}  // namespace qleet::chaos
