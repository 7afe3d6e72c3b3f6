#include "hub/dispatch/flood_watch.h"

#include <utility>

namespace qleet::hub {

void FloodWatch::count(std::string_view agent, size_t bytes) {
  const MutexLock lock(mutex_);
  auto& sent = of_locked(agent);
  ++sent.messages;
  sent.bytes += bytes;
}

void FloodWatch::count_refused(std::string_view agent, std::uint64_t messages) {
  const MutexLock lock(mutex_);
  of_locked(agent).messages += messages;
}

FloodWatch::Sent& FloodWatch::of_locked(std::string_view agent) {
  const auto it = sent_.find(agent);
  return it == sent_.end() ? sent_.emplace(agent, Sent{}).first->second : it->second;
}

std::vector<FloodWatch::Flood> FloodWatch::above(std::uint64_t limit) {
  std::map<std::string, Sent, std::less<>> sent;
  {
    const MutexLock lock(mutex_);
    sent.swap(sent_);
  }
  constexpr std::uint64_t kBytesPerMessage = 64 * 1024;
  std::vector<Flood> floods;
  for (const auto& [agent, of] : sent)
    if (of.messages + of.bytes / kBytesPerMessage > limit) floods.push_back({agent, of.messages, of.bytes});
  return floods;
}

}  // namespace qleet::hub
