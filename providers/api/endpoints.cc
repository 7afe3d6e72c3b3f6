#include "providers/api/endpoints.h"

#include <algorithm>

namespace qleet {

std::uint64_t EndpointBoard::publish(const std::string& workload, std::vector<Endpoint> ready) {
  std::ranges::sort(ready, {}, &Endpoint::replica);
  std::vector<std::function<void()>> tell;
  std::uint64_t version = 0;
  {
    const MutexLock lock(mutex_);
    Entry& entry = entries_[workload];
    if (entry.set && entry.set->ready == ready) return entry.set->version;
    version = ++last_version_;
    entry.set = EndpointSet{version, std::move(ready)};
    for (const auto& [_, follower] : entry.followers) tell.push_back(follower.changed);
  }
  for (const auto& changed : tell) changed();
  return version;
}

void EndpointBoard::leave(const std::string& workload, bool leaving) {
  std::vector<std::function<void()>> tell;
  {
    const MutexLock lock(mutex_);
    const auto it = entries_.find(workload);
    if (it == entries_.end() || it->second.leaving == leaving) return;
    it->second.leaving = leaving;
    for (auto& [_, follower] : it->second.followers) {
      follower.released = false;
      tell.push_back(follower.changed);
    }
  }
  for (const auto& changed : tell) changed();
}

bool EndpointBoard::leaving(const std::string& workload) const {
  const MutexLock lock(mutex_);
  const auto it = entries_.find(workload);
  return it != entries_.end() && it->second.leaving;
}

void EndpointBoard::release(const std::string& workload, const std::string& follower) {
  {
    const MutexLock lock(mutex_);
    const auto it = entries_.find(workload);
    if (it == entries_.end()) return;
    const auto found = it->second.followers.find(follower);
    if (found == it->second.followers.end() || found->second.released) return;
    found->second.released = true;
  }
  tell_settled(workload);
}

bool EndpointBoard::released(const std::string& workload) const {
  const MutexLock lock(mutex_);
  const auto it = entries_.find(workload);
  if (it == entries_.end()) return true;
  return std::ranges::all_of(it->second.followers, [](const auto& entry) { return entry.second.released; });
}

void EndpointBoard::withdraw(const std::string& workload) {
  publish(workload, {});
  const MutexLock lock(mutex_);
  const auto it = entries_.find(workload);
  if (it != entries_.end() && it->second.followers.empty()) entries_.erase(it);
}

std::optional<EndpointSet> EndpointBoard::get(const std::string& workload) const {
  const MutexLock lock(mutex_);
  const auto it = entries_.find(workload);
  return it == entries_.end() ? std::nullopt : it->second.set;
}

std::shared_ptr<void> EndpointBoard::follow(const std::string& workload, const std::string& follower,
                                            std::function<void()> changed) {
  {
    const MutexLock lock(mutex_);
    entries_[workload].followers[follower] = Follower{.changed = std::move(changed)};
  }
  return {this, [this, workload, follower](void*) {
            {
              const MutexLock lock(mutex_);
              const auto it = entries_.find(workload);
              if (it == entries_.end()) return;
              it->second.followers.erase(follower);
            }
            tell_settled(workload);
          }};
}

void EndpointBoard::applied(const std::string& workload, const std::string& follower, std::uint64_t version) {
  {
    const MutexLock lock(mutex_);
    const auto it = entries_.find(workload);
    if (it == entries_.end()) return;
    const auto found = it->second.followers.find(follower);
    if (found == it->second.followers.end()) return;
    found->second.applied = std::max(found->second.applied, version);
  }
  tell_settled(workload);
}

bool EndpointBoard::settled(const std::string& workload, std::uint64_t version) const {
  const MutexLock lock(mutex_);
  const auto it = entries_.find(workload);
  if (it == entries_.end()) return true;
  return std::ranges::all_of(it->second.followers,
                             [&](const auto& entry) { return entry.second.applied >= version; });
}

std::shared_ptr<void> EndpointBoard::on_settled(std::function<void(const std::string&)> changed) {
  const MutexLock lock(mutex_);
  const auto id = ++last_listener_;
  listeners_[id] = std::move(changed);
  return {this, [this, id](void*) {
            const MutexLock inner(mutex_);
            listeners_.erase(id);
          }};
}

void EndpointBoard::tell_settled(const std::string& workload) {
  std::vector<std::function<void(const std::string&)>> tell;
  {
    const MutexLock lock(mutex_);
    for (const auto& [_, listener] : listeners_) tell.push_back(listener);
  }
  for (const auto& listener : tell) listener(workload);
}

}  // namespace qleet
