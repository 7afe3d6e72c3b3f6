// Token buckets per key (a service account, an address), bounded in number.
#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/clock/clock.h"

namespace qleet::hub::api {

struct RateLimit {
  double per_second = 50;
  double burst = 200;
};

// Thread-safe. Forgets the least recently used key when there are too many: a forgotten key starts with a
// full bucket.
class RateLimiter {
 public:
  RateLimiter(RateLimit limit, const Clock& clock, size_t max_keys = 10'000);

  // Nothing: go on. Else how long to wait before the next attempt can succeed.
  std::optional<Millis> take(const std::string& key, double cost = 1);

 private:
  struct Bucket {
    std::string key;
    double level;
    MonoTime at;
  };
  Bucket& refill(const std::string& key);
  std::optional<Millis> wait_for(const Bucket& bucket, double cost) const;

  const RateLimit limit_;
  const Clock& clock_;
  const size_t max_keys_;
  std::mutex mutex_;
  std::list<Bucket> recent_;  // most recently used first
  std::unordered_map<std::string, std::list<Bucket>::iterator> buckets_;
};

}  // namespace qleet::hub::api
