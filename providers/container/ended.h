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

// What was started, runs, and has not been ready since.
struct Starting {
  enum class Asked { kNothing, kPort, kProbe };
  Asked asked = Asked::kNothing;  // how it is found out whether it is ready
  std::string answer;             // why it is not, of that
  bool tells = false;             // it answered, or its silence has lasted so long that it tells something
  bool was_ready = false;         // in a life before
  unsigned restarts = 0;
  std::optional<containers::Ending> last;  // of the life before
  std::int64_t memory = 0;                 // its limit, bytes; 0: none
};

// "ended with code 3 as soon as it was started, restarted 4 times", "is starting", "waits for its probe:
// ...". Pure.
std::string why_not_yet(const Starting& starting);

// A container that ended so often and has never been ready is not about to be. It is tried on.
inline constexpr unsigned kStallAfterRestarts = 5;
constexpr bool tried_in_vain(unsigned restarts, bool was_ready) {
  return restarts >= kStallAfterRestarts && !was_ready;
}

// Whether it was ready in any of its lives: kept beside the part's files.
bool was_noted_ready(const Mounts& mounts, const std::string& key, const std::string& part);
void note_ready(const Mounts& mounts, const std::string& key, const std::string& part);

}  // namespace qleet::container
