// Token buckets per key (a service account, an address), bounded in number.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"

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
  Bucket& refill(const std::string& key) REQUIRES(mutex_);
  std::optional<Millis> wait_for(const Bucket& bucket, double cost) const;

  const RateLimit limit_;
  const Clock& clock_;
  const size_t max_keys_;
  Mutex mutex_;
  std::list<Bucket> recent_ GUARDED_BY(mutex_);  // most recently used first
  std::unordered_map<std::string, std::list<Bucket>::iterator> buckets_ GUARDED_BY(mutex_);
};

}  // namespace qleet::hub::api
