#include "common/clock/duration.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
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

namespace {

// Takes exactly `digits` digits from the front; -1: there are not so many.
int take_number(std::string_view& text, size_t digits) {
  int number = 0;
  if (text.size() < digits) return -1;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take_one_of(std::string_view& text, std::string_view characters) {
  if (text.empty() || characters.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<WallTime> parse_time(std::string_view text) {
  const int year = take_number(text, 4);
  if (year < 0 || !take_one_of(text, "-")) return std::nullopt;
  const int month = take_number(text, 2);
  if (month < 1 || !take_one_of(text, "-")) return std::nullopt;
  const int day = take_number(text, 2);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(std::max(day, 0))};
  if (!date.ok() || !take_one_of(text, "Tt ")) return std::nullopt;
  const int hour = take_number(text, 2);
  if (hour < 0 || hour > 23 || !take_one_of(text, ":")) return std::nullopt;
  const int minute = take_number(text, 2);
  if (minute < 0 || minute > 59 || !take_one_of(text, ":")) return std::nullopt;
  const int second = take_number(text, 2);
  if (second < 0 || second > 60) return std::nullopt;
  WallTime time = std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                  std::chrono::seconds(second);
  if (take_one_of(text, ".")) {
    Millis part{0};
    Millis unit{100};
    size_t digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits, unit /= 10) {
      part += unit * (text.front() - '0');
      text.remove_prefix(1);
    }
    if (digits == 0) return std::nullopt;
    time += part;
  }
  if (text == "Z" || text == "z") return time;
  const bool west = text.starts_with('-');
  if (!take_one_of(text, "+-")) return std::nullopt;
  const int offset_hours = take_number(text, 2);
  if (offset_hours < 0 || offset_hours > 23 || !take_one_of(text, ":")) return std::nullopt;
  const int offset_minutes = take_number(text, 2);
  if (offset_minutes < 0 || offset_minutes > 59 || !text.empty()) return std::nullopt;
  const Millis offset = std::chrono::hours(offset_hours) + std::chrono::minutes(offset_minutes);
  return west ? time + offset : time - offset;
}

}  // namespace qleet
