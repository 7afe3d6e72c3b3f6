// Sync requests that wait: the newest one of each agent, in the order in which they began to ask. So an agent
// that asks without end holds one place.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace qleet::hub {

struct SyncCall {
  std::string agent;
  std::string reply;
  std::string data;
};

// Thread-safe.
class SyncQueue {
 public:
  explicit SyncQueue(size_t limit) : limit_(limit) {}

  // False: full, dropped and counted.
  bool put(SyncCall call);
  // The one that has waited longest.
  std::optional<SyncCall> take();
  bool empty() const;
  std::uint64_t dropped() const;

 private:
  const size_t limit_;
  mutable std::mutex mutex_;
  std::map<std::string, SyncCall> calls_;  // by agent
  std::deque<std::string> order_;          // the agents of calls_
  std::uint64_t dropped_ = 0;
};

}  // namespace qleet::hub
