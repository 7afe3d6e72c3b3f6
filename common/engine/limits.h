// Limits on open files and processes that a container may be given.
//
// An engine that runs under lower hard limits than its configured default cannot start a container at all
// ("error setting rlimit type 7"), so every container is created with explicit ones, no higher than what the
// service itself has.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/result/result.h"

namespace qleet::containers {

struct Limits {
  std::uint64_t nofile = 0;
  std::uint64_t nproc = 0;
};

// Hard limits out of the text of /proc/<pid>/limits; "unlimited" reads as the largest number.
std::optional<Limits> parse_limits(std::string_view text);

// Those of a process; pid 0: of this one.
Result<Limits> limits_of(int pid);

// What to ask for by default under the service's `hard` limits: no more than a container commonly needs.
Limits default_limits(const Limits& hard);

// The next lower try after a refusal; nothing below what a container can live with.
std::optional<Limits> step_down(const Limits& refused);

}  // namespace qleet::containers
