#include "hub/controllers/work_queue.h"

#include <algorithm>

namespace qleet::hub::controllers {

std::string_view name_of(Controller controller) {
  switch (controller) {
    case Controller::kEnvironment:
      return "environment";
    case Controller::kRegions:
      return "regions";
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

WorkQueue::Mark WorkQueue::mark() {
  const MutexLock lock(mutex_);
  return now_++;
}

bool WorkQueue::passed(Mark mark) const {
  const MutexLock lock(mutex_);
  return open_.empty() || open_.begin()->first > mark;
}

void WorkQueue::stamp(const Key& key, Mark mark) {
  if (stamps_.try_emplace(key, mark).second) ++open_[mark];
}

void WorkQueue::unstamp(const Key& key) {
  const auto found = stamps_.find(key);
  if (found == stamps_.end()) return;
  const auto open = open_.find(found->second);
  if (--open->second == 0) open_.erase(open);
  stamps_.erase(found);
}

std::optional<WorkQueue::Mark> WorkQueue::take_again(const Key& key) {
  const auto found = again_.find(key);
  if (found == again_.end()) return std::nullopt;
  const Mark since = found->second;
  const auto open = open_.find(since);
  if (--open->second == 0) open_.erase(open);
  again_.erase(found);
  return since;
}

void WorkQueue::make_ready(const Key& key) {
  if (running_.contains(key) || resting_.contains(key)) {
    if (again_.try_emplace(key, now_).second) ++open_[now_];
  } else if (waiting_.insert(key).second) {
    stamp(key, now_);
    (key.controller == Controller::kStatus ? ready_status_ : ready_).push_back(key);
  }
}

void WorkQueue::add(const Key& key) {
  const MutexLock lock(mutex_);
  make_ready(key);
}

void WorkQueue::add_at(const Key& key, MonoTime when) {
  const MutexLock lock(mutex_);
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
    make_ready(key);
  }
  while (!rest_ends_.empty() && rest_ends_.begin()->first <= now) {
    const auto key = rest_ends_.begin()->second;
    rest_ends_.erase(rest_ends_.begin());
    resting_.erase(key);
    if (const auto since = take_again(key)) {
      stamp(key, *since);
      make_ready(key);
    }
  }
}

std::optional<Key> WorkQueue::take() {
  constexpr unsigned kStatusTurn = 4;
  const MutexLock lock(mutex_);
  promote();
  const bool others = !ready_.empty() && fits(ready_.front().controller);
  const bool statuses = !ready_status_.empty() && fits(Controller::kStatus);
  if (!others && !statuses) return std::nullopt;
  const bool status = !others || (statuses && ++taken_ % kStatusTurn == 0);
  auto& from = status ? ready_status_ : ready_;
  auto key = std::move(from.front());
  from.pop_front();
  waiting_.erase(key);
  running_.insert(key);
  ++cost_of(key.controller).running;
  return key;
}

bool WorkQueue::fits(Controller controller) const {
  if (running_.empty()) return true;
  std::chrono::microseconds all{0};
  for (const auto& cost : costs_) all += cost.usual * cost.running;
  const auto& one = costs_[static_cast<size_t>(controller)];
  if (controller == Controller::kStatus && one.usual * (one.running + 1) > options_.status_at_once &&
      one.running > 0)
    return false;
  return all + one.usual <= options_.at_once;
}

void WorkQueue::done(const Key& key, bool ok, Millis rest, std::optional<std::chrono::microseconds> spent) {
  constexpr int kMemory = 8;
  std::optional<MonoTime> retry;
  {
    const MutexLock lock(mutex_);
    if (running_.erase(key) > 0) --cost_of(key.controller).running;
    if (spent) cost_of(key.controller).usual += (*spent - cost_of(key.controller).usual) / kMemory;
    if (ok) {
      failures_.erase(key);
      unstamp(key);
    } else {
      const auto failures = failures_[key]++;
      const Millis delay =
          failures >= 20 ? options_.last_delay : Millis(options_.first_delay.count() << failures);
      retry = clock_.mono() + std::min(delay, options_.last_delay);
    }
    if (rest > Millis(0)) {
      resting_.insert(key);
      rest_ends_.emplace(clock_.mono() + rest, key);
    } else if (const auto since = take_again(key)) {
      stamp(key, *since);
      make_ready(key);
    }
  }
  if (retry) add_at(key, *retry);
}

std::optional<MonoTime> WorkQueue::next_due() const {
  const MutexLock lock(mutex_);
  std::optional<MonoTime> due;
  if (!by_time_.empty()) due = by_time_.begin()->first;
  if (!rest_ends_.empty()) due = std::min(due.value_or(MonoTime::max()), rest_ends_.begin()->first);
  return due;
}

bool WorkQueue::settled() const {
  const MutexLock lock(mutex_);
  return waiting_.empty() && running_.empty() && again_.empty() && failures_.empty();
}

bool WorkQueue::ready() const {
  const MutexLock lock(mutex_);
  return (!ready_.empty() && fits(ready_.front().controller)) ||
         (!ready_status_.empty() && fits(Controller::kStatus));
}

size_t WorkQueue::size() const {
  const MutexLock lock(mutex_);
  return waiting_.size();
}

}  // namespace qleet::hub::controllers
