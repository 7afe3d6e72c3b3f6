#include "hub/fleet/liveness.h"

#include <algorithm>

namespace qleet::hub {

void Liveness::restore(const std::string& agent, bool was_connected, MonoTime now, WallTime wall) {
  const MutexLock lock(mutex_);
  Known& known = agents_[agent];
  known.sight = {was_connected ? Presence::kExpected : Presence::kLost, std::nullopt, wall};
  known.heard_at = now;
}

bool Liveness::heard(const std::string& agent, MonoTime now, WallTime wall) {
  const MutexLock lock(mutex_);
  Known& known = agents_[agent];
  known.heard_at = now;
  known.lost_at = MonoTime::max();
  known.sight.last_seen = wall;
  if (known.sight.presence == Presence::kConnected) return false;
  known.sight.presence = Presence::kConnected;
  known.sight.since = wall;
  return true;
}

void Liveness::left(const std::string& agent, MonoTime now, Millis grace) {
  const MutexLock lock(mutex_);
  const auto known = agents_.find(agent);
  if (known != agents_.end()) known->second.lost_at = std::min(known->second.lost_at, now + grace);
}

std::vector<std::string> Liveness::expire(MonoTime now, WallTime wall) {
  const MutexLock lock(mutex_);
  std::vector<std::string> lost;
  for (auto& [name, known] : agents_) {
    const bool there =
        known.sight.presence == Presence::kConnected || known.sight.presence == Presence::kExpected;
    if (!there || (now - known.heard_at < lost_after_ && now < known.lost_at)) continue;
    known.sight.presence = Presence::kLost;
    known.sight.since = wall;
    lost.push_back(name);
  }
  return lost;
}

void Liveness::forget(const std::string& agent) {
  const MutexLock lock(mutex_);
  agents_.erase(agent);
}

Sight Liveness::sight(std::string_view agent) const {
  const MutexLock lock(mutex_);
  const auto it = agents_.find(agent);
  return it == agents_.end() ? Sight{} : it->second.sight;
}

size_t Liveness::connected() const {
  const MutexLock lock(mutex_);
  return static_cast<size_t>(std::ranges::count_if(
      agents_, [](const auto& agent) { return agent.second.sight.presence == Presence::kConnected; }));
}

}  // namespace qleet::hub
