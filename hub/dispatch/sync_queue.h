// Sync requests that wait: the newest one of each agent, in the order in which they began to ask. So an agent
// that asks without end holds one place.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "common/thread/mutex.h"

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
  mutable Mutex mutex_;
  std::map<std::string, SyncCall> calls_ GUARDED_BY(mutex_);  // by agent
  std::deque<std::string> order_ GUARDED_BY(mutex_);          // the agents of calls_
  std::uint64_t dropped_ GUARDED_BY(mutex_) = 0;
};

}  // namespace qleet::hub
