#include "hub/api/unreadable.h"

#include "common/log/log.h"

namespace qleet::hub::api {
namespace {

constexpr log::Logger kLog{"api"};
constexpr size_t kMost = 10'000;

}  // namespace

void UnreadableObjects::note(const std::string& key, Revision revision, const std::string& why) {
  {
    const MutexLock lock(mutex_);
    if (const auto it = known_.find(key); it != known_.end() && it->second == revision) return;
    if (known_.size() < kMost) known_[key] = revision;
  }
  kLog.error("object left out of a list", {{"key", key}, {"error", why}});
}

size_t UnreadableObjects::count() const {
  const MutexLock lock(mutex_);
  return known_.size();
}

std::string printable(std::string_view name) {
  std::string text(name);
  for (char& c : text)
    if (c <= ' ' || c > '~' || c == '"' || c == '\\') c = '?';
  return text;
}

}  // namespace qleet::hub::api
