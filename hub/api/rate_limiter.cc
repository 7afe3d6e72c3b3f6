#include "hub/api/rate_limiter.h"

#include <algorithm>
#include <cmath>

namespace qleet::hub::api {

RateLimiter::RateLimiter(RateLimit limit, const Clock& clock, size_t max_keys)
    : limit_(limit), clock_(clock), max_keys_(max_keys) {}

std::optional<Millis> RateLimiter::take(const std::string& key, double cost) {
  const MutexLock lock(mutex_);
  Bucket& bucket = refill(key);
  if (auto wait = wait_for(bucket, cost)) return wait;
  bucket.level -= cost;
  return std::nullopt;
}

RateLimiter::Bucket& RateLimiter::refill(const std::string& key) {
  const MonoTime now = clock_.mono();
  if (const auto it = buckets_.find(key); it != buckets_.end()) {
    recent_.splice(recent_.begin(), recent_, it->second);
    Bucket& bucket = recent_.front();
    const double seconds = std::chrono::duration<double>(now - bucket.at).count();
    bucket.level = std::min(limit_.burst, bucket.level + seconds * limit_.per_second);
    bucket.at = now;
    return bucket;
  }
  if (buckets_.size() >= max_keys_) {
    buckets_.erase(recent_.back().key);
    recent_.pop_back();
  }
  recent_.push_front({key, limit_.burst, now});
  buckets_[key] = recent_.begin();
  return recent_.front();
}

std::optional<Millis> RateLimiter::wait_for(const Bucket& bucket, double cost) const {
  const double missing = cost - bucket.level;
  if (missing <= 1e-9) return std::nullopt;
  return Millis(static_cast<Millis::rep>(std::ceil(missing / limit_.per_second * 1000)));
}

}  // namespace qleet::hub::api
