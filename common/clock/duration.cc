#include "common/clock/duration.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>

namespace qleet {

Result<Millis> parse_duration(std::string_view text) {
  const std::string original(text);
  auto invalid = [&] {
    return fail(Code::kInvalid,
                "\"" + original + "\" is not a duration; write for example 30s, 10m or 1h30m");
  };
  if (text.empty()) return invalid();
  Millis total{0};
  while (!text.empty()) {
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0 || number > 1'000'000'000) return invalid();
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    auto take = [&](std::string_view unit) {
      if (!text.starts_with(unit)) return false;
      text.remove_prefix(unit.size());
      return true;
    };
    if (take("ms")) {
      total += Millis(number);
    } else if (take("s")) {
      total += std::chrono::seconds(number);
    } else if (take("m")) {
      total += std::chrono::minutes(number);
    } else if (take("h")) {
      total += std::chrono::hours(number);
    } else if (take("d")) {
      total += std::chrono::days(number);
    } else {
      return invalid();
    }
  }
  return total;
}

std::string human_duration(Millis duration) {
  const auto ms = duration.count();
  if (ms < 1000) return fmt::format("{} ms", ms);
  if (ms < 60'000) return fmt::format("{}.{} s", ms / 1000, ms % 1000 / 100);
  const auto minutes = ms / 60'000;
  if (minutes < 60) return fmt::format("{} min", minutes);
  const auto hours = minutes / 60;
  if (hours < 48)
    return minutes % 60 ? fmt::format("{} h {} min", hours, minutes % 60) : fmt::format("{} h", hours);
  return fmt::format("{} d", hours / 24);
}

std::string format_time(WallTime time) {
  const auto ms = time.time_since_epoch().count();
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(seconds), ms % 1000);
}

}  // namespace qleet
