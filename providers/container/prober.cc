#include "providers/container/prober.h"

#include <algorithm>

namespace qleet::container {

namespace {
constexpr Millis kUntilFirstSuccess{200};
// Most servers listen a moment after they were started: the first few looks follow quickly, twice as late
// each time, and count as one. Not of a command in the container: that is dear.
constexpr Millis kFirstPause{10};
constexpr unsigned kQuickLooks = 5;
constexpr Millis kWhileFailing{1'000};
constexpr Millis kFirstLook{1'000};
constexpr int kWorkers = 3;  // a check that hangs holds up one
}  // namespace

Prober::Prober(Run run, std::function<void(const std::string&)> changed)
    : run_(std::move(run)), changed_(std::move(changed)) {
  for (int i = 0; i < kWorkers; ++i) workers_.emplace_back([this] { work(); });
}

Prober::~Prober() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& worker : workers_) worker.join();
}

bool Prober::take(Entry& entry, ProbeResult result) {
  Health& health = entry.health;
  if (result.ok) {
    const bool changed = !health.ok;
    health = {.ok = true, .ever_ok = true};
    return changed;
  }
  const bool quick =
      !health.ever_ok && entry.target.check.how != CheckSpec::How::kExec && entry.quick_looks < kQuickLooks;
  if (quick) ++entry.quick_looks;
  if (!quick || health.failures == 0) ++health.failures;
  health.message = std::move(result.message);
  const bool other = health.refused != result.refused;
  health.refused = result.refused;
  health.answered = health.answered || result.answered;
  // A refusal is no matter of chance: the first one counts.
  if (health.ok && !health.refused && health.failures < entry.target.check.failures) return false;
  // Also when a streak becomes long enough to act upon.
  const bool changed = health.ok || health.failures == entry.target.check.failures || other;
  health.ok = false;
  return changed;
}

Millis Prober::pause(const Entry& entry) {
  // Each further try is a failed login in somebody's log, and none helps.
  if (entry.health.refused) return entry.target.check.interval;
  if (entry.health.failures == 0) return entry.target.check.interval;
  if (entry.health.ever_ok) return std::min(kWhileFailing, entry.target.check.interval);
  const bool quick = entry.quick_looks > 0 && entry.quick_looks < kQuickLooks;
  return std::min(quick ? kFirstPause * (1 << (entry.quick_looks - 1)) : kUntilFirstSuccess,
                  entry.target.check.interval);
}

Health Prober::ask(const std::string& key, const ProbeTarget& target) {
  if (target.check.how == CheckSpec::How::kNone) return {.ok = true, .ever_ok = true};
  {
    const MutexLock lock(mutex_);
    const auto it = entries_.find(key);
    if (it != entries_.end() && it->second.target.address == target.address) return it->second.health;
  }
  ProbeTarget first = target;
  first.check.timeout = std::min(first.check.timeout, kFirstLook);
  Entry entry{.target = target};
  take(entry, run_(first));
  entry.due = std::chrono::steady_clock::now() + pause(entry);
  const Health health = entry.health;
  {
    const MutexLock lock(mutex_);
    entries_[key] = std::move(entry);
  }
  wake_.notify_one();
  return health;
}

void Prober::keep_only(const std::string& resource, const std::vector<std::string>& keys) {
  const MutexLock lock(mutex_);
  std::erase_if(entries_, [&](auto& item) {
    auto& [key, entry] = item;
    if (entry.target.resource != resource) return false;
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) return false;
    return true;
  });
}

void Prober::work() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    const auto now = std::chrono::steady_clock::now();
    auto next = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (it->second.running) continue;
      if (next == entries_.end() || it->second.due < next->second.due) next = it;
    }
    if (next == entries_.end()) {
      wake_.wait(lock);
      continue;
    }
    if (next->second.due > now) {
      wake_.wait_until(lock, next->second.due);
      continue;
    }
    next->second.running = true;
    const std::string key = next->first;
    const ProbeTarget target = next->second.target;
    lock.unlock();
    ProbeResult result = run_(target);
    lock.lock();
    const auto it = entries_.find(key);
    if (it == entries_.end()) continue;  // dropped meanwhile
    it->second.running = false;
    const bool changed = take(it->second, std::move(result));
    it->second.due = std::chrono::steady_clock::now() + pause(it->second);
    if (!changed) continue;
    lock.unlock();
    changed_(target.resource);
    lock.lock();
  }
}

}  // namespace qleet::container
