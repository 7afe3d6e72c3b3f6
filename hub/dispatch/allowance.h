// How much work one agent may make: buckets that fill with time, sized by what the agent has to do. A bigger
// region rightly says and asks more.
#pragma once

#include <map>
#include <string>

#include "common/clock/clock.h"

namespace qleet::hub {

struct Allowance {
  double burst = 0;
  double per_second = 0;
};

// Not thread-safe.
class Allowances {
 public:
  // True, and `cost` is taken: the agent may. A bucket that is not empty may be overdrawn once.
  bool take(const std::string& agent, double cost, const Allowance& allowance, MonoTime now);
  void forget(const std::string& agent) { buckets_.erase(agent); }

 private:
  struct Bucket {
    double level = 0;
    MonoTime at{};
  };
  std::map<std::string, Bucket> buckets_;
};

}  // namespace qleet::hub
