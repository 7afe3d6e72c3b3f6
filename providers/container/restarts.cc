#include "providers/container/restarts.h"

#include <algorithm>

namespace qleet::container {

namespace {
constexpr Millis kFirst{1'000};
constexpr Millis kLongest{300'000};
constexpr Millis kForgiven{600'000};
}  // namespace

Millis Restarts::backoff(unsigned count) {
  if (count <= 1) return kFirst;
  return std::min(kFirst * (1U << std::min(count - 1, 12U)), kLongest);
}

Millis Restarts::remaining(const std::string& container) const {
  const MutexLock lock(mutex_);
  const auto it = entries_.find(container);
  if (it == entries_.end()) return Millis(0);
  const Millis since = clock_.mono() - it->second.last;
  return std::max(backoff(it->second.count) - since, Millis(0));
}

void Restarts::note(const std::string& container) {
  const MutexLock lock(mutex_);
  Entry& entry = entries_[container];
  if (clock_.mono() - entry.last > kForgiven) entry.count = 0;
  ++entry.count;
  entry.last = clock_.mono();
}

void Restarts::forget(const std::string& container) {
  const MutexLock lock(mutex_);
  entries_.erase(container);
}

}  // namespace qleet::container
