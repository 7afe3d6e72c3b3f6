// Counts what each agent sends, of whatever kind, before anything else is done with it: to notice one that
// sends more than any agent can mean.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/thread/mutex.h"

namespace qleet::hub {

// Thread-safe.
class FloodWatch {
 public:
  // A message counts more the bigger it is.
  void count(std::string_view agent, size_t bytes);
  // Messages that never came here: the broker refused them.
  void count_refused(std::string_view agent, std::uint64_t messages);

  struct Flood {
    std::string agent;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };
  // Those that sent more than `limit` since the last call, a message of 64 KiB counting twice. Begins anew.
  std::vector<Flood> above(std::uint64_t limit);

 private:
  struct Sent {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };
  Sent& of_locked(std::string_view agent) REQUIRES(mutex_);
  Mutex mutex_;
  std::map<std::string, Sent, std::less<>> sent_ GUARDED_BY(mutex_);
};

}  // namespace qleet::hub
