// What each agent did that it should not: counted, told of in words now and then, and when it comes to a
// suspension, for how long. Pure but for its memory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock/clock.h"

namespace qleet::hub {

class Misconduct {
 public:
  enum class What { kOverAllowance, kUnreadable, kPartsRefused };

  void count(const std::string& agent, What what, std::uint64_t by = 1);

  struct Remark {
    std::string agent;
    std::string message;
  };
  // What was counted and not told of yet, of each agent at most once a minute. The same again until `told`.
  std::vector<Remark> remarks(MonoTime now) const;
  // They are durable.
  void told(const std::vector<Remark>& remarks, MonoTime now);

  // For how long an agent that floods is cut off: `first`, doubling with each time within an hour, up to
  // `longest`. nullopt: it is cut off already.
  std::optional<Millis> suspend(const std::string& agent, Millis first, Millis longest, MonoTime now);
  // Until when it is cut off, if it is.
  std::optional<MonoTime> suspended(const std::string& agent) const;
  // Those whose time is over.
  std::vector<std::string> released(MonoTime now);
  void forget(const std::string& agent) { agents_.erase(agent); }

 private:
  struct Record {
    std::uint64_t over = 0, unreadable = 0, parts = 0;
    MonoTime told_at{};
    bool told = false;
    MonoTime suspended_until{};
    bool suspended = false;
    unsigned times = 0;
  };
  std::map<std::string, Record> agents_;
};

}  // namespace qleet::hub
