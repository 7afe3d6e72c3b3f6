#include "hub/dispatch/flood_watch.h"

#include <utility>

namespace qleet::hub {

void FloodWatch::count(std::string_view agent, size_t bytes) {
  const std::lock_guard lock(mutex_);
  auto it = sent_.find(agent);
  if (it == sent_.end()) it = sent_.emplace(agent, Sent{}).first;
  ++it->second.messages;
  it->second.bytes += bytes;
}

std::vector<FloodWatch::Flood> FloodWatch::above(std::uint64_t limit) {
  std::map<std::string, Sent, std::less<>> sent;
  {
    const std::lock_guard lock(mutex_);
    sent.swap(sent_);
  }
  constexpr std::uint64_t kBytesPerMessage = 64 * 1024;
  std::vector<Flood> floods;
  for (const auto& [agent, of] : sent)
    if (of.messages + of.bytes / kBytesPerMessage > limit) floods.push_back({agent, of.messages, of.bytes});
  return floods;
}

}  // namespace qleet::hub
