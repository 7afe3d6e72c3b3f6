// What agents have sent and nobody has looked at yet: for each agent its own bounded place, so that one that
// floods takes nothing from the others. A heartbeat is replaced by the next one; of reports only so many
// wait, which is more than an agent sends before it is confirmed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/thread/mutex.h"

namespace qleet::hub {

struct IntakeLimits {
  // Of one agent. A report on its own is taken whatever its size.
  size_t reports = 16;
  size_t report_bytes = 1 << 20;
};

// Thread-safe.
class Intake {
 public:
  explicit Intake(IntakeLimits limits) : limits_(limits) {}

  // False: dropped, and counted against the agent.
  bool put_report(const std::string& agent, std::string data);
  // Replaces the one that waits.
  void put_heartbeat(const std::string& agent, std::string data);
  // Its connection has ended; what it says after that makes this void.
  void put_left(const std::string& agent);

  struct Taken {
    using Item = std::pair<std::string, std::string>;  // agent, data
    std::vector<Item> heartbeats;
    // The first of each agent, then the second of each, ...
    std::vector<Item> reports;
    // To be looked at last.
    std::vector<std::string> left;
  };
  Taken take();

  std::uint64_t dropped() const;

 private:
  struct Waiting {
    std::optional<std::string> heartbeat;
    std::deque<std::string> reports;
    size_t report_bytes = 0;
    bool left = false;
  };

  const IntakeLimits limits_;
  mutable Mutex mutex_;
  std::map<std::string, Waiting> waiting_ GUARDED_BY(mutex_);  // only agents of which something waits
  std::uint64_t dropped_ GUARDED_BY(mutex_) = 0;
};

}  // namespace qleet::hub
