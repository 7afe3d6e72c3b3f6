// How a container ended, how often it was started again since it was made, and how that is said. Nothing that
// its process printed: statuses and events are read by people who may not read logs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/engine/endings.h"
#include "common/engine/types.h"
#include "providers/container/context.h"

namespace qleet::container {

// The engine counts the restarts that it makes by itself, anew from each start by the agent; how many there
// were before is kept beside the part's files (mounts.h).
unsigned restarts_of(const Mounts& mounts, const std::string& key, const std::string& part,
                     const containers::ContainerDetails& details);
// The agent has started it again after it had ended by itself; `details`: as it was before.
void note_restart(const Mounts& mounts, const std::string& key, const std::string& part,
                  const containers::ContainerDetails& details);

struct Ended {
  containers::Ending ending;
  std::int64_t memory = 0;  // its limit, bytes; 0: none
  unsigned restarts = 0;
  std::string engine_says;  // about a failed start
};

Ended ended(const containers::ContainerDetails& details, unsigned restarts);

// "ended with code 3, restarted 4 times", for what does not run. Pure.
std::string why_ended(const Ended& ended);
// The published reason: Exited, or OutOfMemory.
std::string_view reason_of(const containers::Ending& ending);

// "restarted 4 times, the last time it ended with code 3", for what runs (again); empty where it was never
// restarted. Pure.
std::string restarted(unsigned restarts, const std::optional<containers::Ending>& last, std::int64_t memory);

}  // namespace qleet::container
