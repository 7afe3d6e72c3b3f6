// What the kernel says about processes that it ended because their memory limit was reached. Not every engine
// tells: Podman 4.3 takes part in it only where its monitor is told by the cgroup, which depends on the host.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/clock/clock.h"

namespace qleet::containers {

// Whether the kernel ended a process of this container for the container's own memory limit, at about that
// time. False where the kernel's log may not be read. Reads it once, without waiting.
bool out_of_memory(std::string_view container_id, WallTime ended);

// The same of a log as /dev/kmsg gives it: "<priority>,<number>,<microseconds since boot>,<flags>;<text>".
// Pure. `ended`: since boot.
bool says_out_of_memory(std::string_view log, std::string_view container_id, std::chrono::microseconds ended);

}  // namespace qleet::containers
