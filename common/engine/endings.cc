#include "common/engine/endings.h"

#include <charconv>
#include <chrono>
#include <ctime>

#include "common/engine/kernel_log.h"

namespace qleet::containers {

namespace {

constexpr int kKilled = 128 + 9;

WallTime now() { return std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now()); }

std::optional<int> exit_code(const Event& event) {
  const auto found = event.attributes.find("exitCode");
  if (found == event.attributes.end()) return std::nullopt;
  int code = 0;
  const auto& text = found->second;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), code);
  return read.ec == std::errc() ? std::optional(code) : std::nullopt;
}

// "2026-11-30T18:54:45.382679562Z"; of other zones nothing is made.
std::optional<WallTime> time_of(const std::string& text) {
  std::tm parts{};
  if (!text.ends_with('Z') || ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr)
    return std::nullopt;
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

}  // namespace

void Endings::note(const Event& event) {
  if (event.type != "container") return;
  if (event.action == "oom") {
    const MutexLock lock(mutex_);
    out_of_memory_.insert(event.id);
  } else if (event.action == "die" || event.action == "died") {
    const auto code = exit_code(event);
    if (!code) return;
    const bool killed = *code == kKilled && out_of_memory(event.id, now());
    const MutexLock lock(mutex_);
    // It may also have been another process in it, which it went on without.
    const bool said = out_of_memory_.erase(event.id) > 0 && *code != 0;
    endings_[event.id] = {.exit_code = *code, .out_of_memory = said || killed};
  } else if (event.action == "remove" || event.action == "destroy") {
    const MutexLock lock(mutex_);
    endings_.erase(event.id);
    out_of_memory_.erase(event.id);
  }
}

std::optional<Ending> Endings::last(const std::string& container_id) const {
  const MutexLock lock(mutex_);
  const auto found = endings_.find(container_id);
  return found == endings_.end() ? std::nullopt : std::optional(found->second);
}

Ending ending_of(const ContainerDetails& container) {
  Ending out{.exit_code = container.exit_code, .out_of_memory = container.oom_killed};
  if (out.out_of_memory || container.exit_code != kKilled || container.memory <= 0) return out;
  out.out_of_memory = out_of_memory(container.id, time_of(container.finished_at).value_or(now()));
  return out;
}

}  // namespace qleet::containers
