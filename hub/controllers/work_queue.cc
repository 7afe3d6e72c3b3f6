#include "hub/controllers/work_queue.h"

#include <algorithm>

namespace qleet::hub::controllers {

std::string_view name_of(Controller controller) {
  switch (controller) {
    case Controller::kEnvironment:
      return "environment";
    case Controller::kRegion:
      return "region";
    case Controller::kAgent:
      return "agent";
    case Controller::kApplication:
      return "application";
    case Controller::kDeployment:
      return "deployment";
    case Controller::kStatus:
      return "status";
    case Controller::kUnused:
      return "unused";
  }
  return "unknown";
}

void WorkQueue::add(const Key& key) {
  const std::lock_guard lock(mutex_);
  if (running_.contains(key)) {
    again_.insert(key);
  } else if (waiting_.insert(key).second) {
    ready_.push_back(key);
  }
}

void WorkQueue::add_at(const Key& key, MonoTime when) {
  const std::lock_guard lock(mutex_);
  const auto [found, fresh] = delayed_.try_emplace(key, when);
  if (!fresh) {
    if (found->second <= when) return;
    by_time_.erase({found->second, key});
    found->second = when;
  }
  by_time_.emplace(when, key);
}

void WorkQueue::promote() {
  const auto now = clock_.mono();
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    const auto key = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    delayed_.erase(key);
    if (running_.contains(key)) {
      again_.insert(key);
    } else if (waiting_.insert(key).second) {
      ready_.push_back(key);
    }
  }
}

std::optional<Key> WorkQueue::take() {
  const std::lock_guard lock(mutex_);
  promote();
  if (ready_.empty()) return std::nullopt;
  auto key = std::move(ready_.front());
  ready_.pop_front();
  waiting_.erase(key);
  running_.insert(key);
  return key;
}

void WorkQueue::done(const Key& key, bool ok) {
  std::optional<MonoTime> retry;
  {
    const std::lock_guard lock(mutex_);
    running_.erase(key);
    if (ok) {
      failures_.erase(key);
    } else {
      const auto failures = failures_[key]++;
      const Millis delay =
          failures >= 20 ? options_.last_delay : Millis(options_.first_delay.count() << failures);
      retry = clock_.mono() + std::min(delay, options_.last_delay);
    }
    if (again_.erase(key) > 0 && waiting_.insert(key).second) ready_.push_back(key);
  }
  if (retry) add_at(key, *retry);
}

std::optional<MonoTime> WorkQueue::next_due() const {
  const std::lock_guard lock(mutex_);
  if (by_time_.empty()) return std::nullopt;
  return by_time_.begin()->first;
}

bool WorkQueue::settled() const {
  const std::lock_guard lock(mutex_);
  return ready_.empty() && running_.empty() && failures_.empty();
}

size_t WorkQueue::size() const {
  const std::lock_guard lock(mutex_);
  return ready_.size();
}

}  // namespace qleet::hub::controllers
