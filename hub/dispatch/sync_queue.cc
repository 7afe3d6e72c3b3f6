#include "hub/dispatch/sync_queue.h"

#include <utility>

namespace qleet::hub {

bool SyncQueue::put(SyncCall call) {
  const MutexLock lock(mutex_);
  const auto waiting = calls_.find(call.agent);
  if (waiting != calls_.end()) {
    waiting->second = std::move(call);
    return true;
  }
  if (calls_.size() >= limit_) {
    ++dropped_;
    return false;
  }
  order_.push_back(call.agent);
  std::string agent = call.agent;
  calls_.emplace(std::move(agent), std::move(call));
  return true;
}

std::optional<SyncCall> SyncQueue::take() {
  const MutexLock lock(mutex_);
  if (order_.empty()) return std::nullopt;
  auto node = calls_.extract(order_.front());
  order_.pop_front();
  return std::move(node.mapped());
}

bool SyncQueue::empty() const {
  const MutexLock lock(mutex_);
  return order_.empty();
}

std::uint64_t SyncQueue::dropped() const {
  const MutexLock lock(mutex_);
  return dropped_;
}

}  // namespace qleet::hub
