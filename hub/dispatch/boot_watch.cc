#include "hub/dispatch/boot_watch.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace qleet::hub {
namespace {

// Of one agent: more is an agent that restarts without end, or a hostile one.
constexpr size_t kMostOthers = 16;

// A boot id is "<how often this state was started>-<something random>"; nullopt: it is another one's.
std::optional<std::uint64_t> starts_of(std::string_view boot) {
  std::uint64_t starts = 0;
  const auto [end, wrong] = std::from_chars(boot.data(), boot.data() + boot.size(), starts);
  if (wrong != std::errc{} || end == boot.data() + boot.size() || *end != '-') return std::nullopt;
  return starts;
}

bool began_before(std::string_view boot, std::string_view other) {
  const auto starts = starts_of(boot), others = starts_of(other);
  return starts && others && *starts < *others;
}

}  // namespace

bool BootWatch::heard(const std::string& agent, const std::string& boot, bool asks, MonoTime now) {
  // Older agents, and what is no message, name none.
  if (boot.empty()) return true;
  const MutexLock lock(mutex_);
  Record& record = agents_[agent];
  if (record.serving.empty()) record.serving = boot;
  if (record.serving == boot) {
    record.heard_at = now;
    return true;
  }
  const auto known = record.others.find(boot);
  const bool gone = now - record.heard_at >= limits_.gone;
  // A process that nobody knows begins; one that is known, that began before, or that says itself that it
  // does not serve, does so only once the other is gone.
  const bool begins = known == record.others.end() && !asks && !began_before(boot, record.serving);
  if (begins || gone) {
    record.others.erase(boot);
    if (record.others.size() >= kMostOthers)
      record.others.erase(std::ranges::min_element(record.others, {},
                                                   [](const auto& entry) { return entry.second.heard_at; }));
    record.others[record.serving] = {.since = now, .heard_at = record.heard_at, .straggled_at = {}};
    record.serving = boot;
    record.heard_at = now;
    return true;
  }
  Other& other = record.others[boot];
  other.heard_at = now;
  if (!other.straggled_at) other.straggled_at = now;
  other.alive = other.alive || asks || now - *other.straggled_at >= limits_.stragglers;
  return false;
}

void BootWatch::restore(const std::string& agent, const std::string& boot, MonoTime now) {
  if (boot.empty()) return;
  const MutexLock lock(mutex_);
  agents_[agent] = {.serving = boot, .heard_at = now, .others = {}, .told = {}};
}

void BootWatch::forget(const std::string& agent) {
  const MutexLock lock(mutex_);
  agents_.erase(agent);
}

std::optional<BootWatch::Copies> BootWatch::copies_of(const Record& record, MonoTime now) const {
  for (const auto& [boot, other] : record.others)
    if (other.alive && now - other.heard_at < limits_.forget) return Copies{record.serving, boot};
  return std::nullopt;
}

std::optional<BootWatch::Copies> BootWatch::copies(const std::string& agent, MonoTime now) const {
  const MutexLock lock(mutex_);
  const auto record = agents_.find(agent);
  return record == agents_.end() ? std::nullopt : copies_of(record->second, now);
}

size_t BootWatch::agents_with_copies(MonoTime now) const {
  const MutexLock lock(mutex_);
  return static_cast<size_t>(std::ranges::count_if(
      agents_, [&](const auto& entry) { return copies_of(entry.second, now).has_value(); }));
}

std::vector<std::string> BootWatch::take_news(MonoTime now) {
  const MutexLock lock(mutex_);
  std::vector<std::string> changed;
  for (auto& [agent, record] : agents_) {
    auto copies = copies_of(record, now);
    if (copies == record.told) continue;
    record.told = std::move(copies);
    changed.push_back(agent);
  }
  return changed;
}

}  // namespace qleet::hub
