#include "providers/container/ended.h"

#include <fmt/format.h>

#include <charconv>

#include "common/model/reasons.h"

namespace qleet::container {

namespace {

constexpr const char* kNote = "restarts";
constexpr const char* kReadyNote = "was-ready";

unsigned noted(const Mounts& mounts, const std::string& key, const std::string& part) {
  const std::string text = mounts.read_part_note(key, part, kNote);
  unsigned out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::string size_text(std::int64_t bytes) {
  constexpr std::int64_t kMebi = std::int64_t{1} << 20U;
  if (bytes % (kMebi << 10U) == 0) return fmt::format("{}Gi", bytes / (kMebi << 10U));
  if (bytes % kMebi == 0) return fmt::format("{}Mi", bytes / kMebi);
  return fmt::format("{} bytes", bytes);
}

std::string end_text(const containers::Ending& ending, std::int64_t memory) {
  std::string out = fmt::format("ended with code {}", ending.exit_code);
  if (!ending.out_of_memory) return out;
  out += " (out of memory: ";
  return out + (memory > 0 ? fmt::format("it needs more than its limit of {})", size_text(memory))
                           : "the host had none left)");
}

std::string times(unsigned restarts) {
  return restarts == 1 ? "restarted once" : fmt::format("restarted {} times", restarts);
}

}  // namespace

unsigned restarts_of(const Mounts& mounts, const std::string& key, const std::string& part,
                     const containers::ContainerDetails& details) {
  return noted(mounts, key, part) + details.restarts;
}

void note_restart(const Mounts& mounts, const std::string& key, const std::string& part,
                  const containers::ContainerDetails& details) {
  // A count that cannot be kept keeps nothing from running.
  (void)mounts.write_part_note(key, part, kNote, std::to_string(restarts_of(mounts, key, part, details) + 1));
}

Ended ended(const containers::ContainerDetails& details, unsigned restarts) {
  return {.ending = containers::ending_of(details),
          .memory = details.memory,
          .restarts = restarts,
          .engine_says = details.error};
}

std::string why_ended(const Ended& ended) {
  std::string out = end_text(ended.ending, ended.memory);
  if (!ended.engine_says.empty()) out += ": " + ended.engine_says.substr(0, 300);
  if (ended.restarts > 0) out += ", " + times(ended.restarts);
  if (ended.ending.out_of_memory && ended.memory > 0) out += "; raise its memory limit, or have it use less";
  return out;
}

std::string_view reason_of(const containers::Ending& ending) {
  return ending.out_of_memory ? reasons::kOutOfMemory : reasons::kExited;
}

std::string restarted(unsigned restarts, const std::optional<containers::Ending>& last, std::int64_t memory) {
  if (restarts == 0) return {};
  if (!last) return times(restarts);
  return fmt::format("{}, the last time after it {}", times(restarts), end_text(*last, memory));
}

std::string why_not_yet(const Starting& starting) {
  using Asked = Starting::Asked;
  const bool says_more = starting.asked != Asked::kNothing && starting.tells;
  if (!says_more && starting.restarts > 0 && starting.last && !starting.was_ready)
    return fmt::format(
        "{} {}, {}", end_text(*starting.last, starting.memory),
        starting.asked == Asked::kNothing ? "as soon as it was started" : "before it was ready",
        times(starting.restarts));
  std::string out = !says_more
                        ? "is starting"
                        : fmt::format("waits for its {}: {}",
                                      starting.asked == Asked::kPort ? "port" : "probe", starting.answer);
  const std::string before = restarted(starting.restarts, starting.last, starting.memory);
  return before.empty() ? out : out + "; " + before;
}

bool was_noted_ready(const Mounts& mounts, const std::string& key, const std::string& part) {
  return !mounts.read_part_note(key, part, kReadyNote).empty();
}

void note_ready(const Mounts& mounts, const std::string& key, const std::string& part) {
  // Where it cannot be kept it is found out again.
  (void)mounts.write_part_note(key, part, kReadyNote, "yes");
}

}  // namespace qleet::container
