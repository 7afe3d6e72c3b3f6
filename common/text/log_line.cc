#include "common/text/log_line.h"

#include <algorithm>

#include "common/clock/duration.h"

namespace qleet {
namespace {

// Whoever writes the log chooses the names of its sources: what is remembered is bounded.
constexpr std::size_t kMostPlaces = 1'000;

}  // namespace

std::string stamp(const std::optional<WallTime>& time) { return time ? format_time(*time) + " " : "- "; }

StampedLine split_stamp(std::string_view line) {
  const auto space = line.substr(0, 40).find(' ');
  const auto first = line.substr(0, space);
  const auto rest = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  if (first == "-" && space != std::string_view::npos) return {true, std::nullopt, rest};
  if (const auto time = parse_time(first)) return {true, time, rest};
  return {false, std::nullopt, line};
}

bool LogCursor::take(std::string_view source, const std::optional<WallTime>& time) {
  if (!time) return true;
  const WallTime second = std::chrono::floor<std::chrono::seconds>(*time);
  auto it = places_.find(source);
  if (it == places_.end() && places_.size() >= kMostPlaces) return true;
  if (it == places_.end()) it = places_.emplace(source, Place{.second = second}).first;
  Place& place = it->second;
  if (place.again) {
    if (second < place.second) return false;
    if (second == place.second && place.to_skip > 0) {
      --place.to_skip;
      return false;
    }
    place.again = false;
  }
  if (second > place.second) {
    place.second = second;
    place.seen = 0;
  }
  // Output and errors of one container come a little out of order: an older one counts for the newest.
  if (second == place.second) ++place.seen;
  return true;
}

void LogCursor::interrupted() {
  for (auto& [source, place] : places_) {
    place.again = true;
    place.to_skip = place.seen;
  }
}

std::optional<WallTime> LogCursor::resume_from() const {
  std::optional<WallTime> from;
  for (const auto& [source, place] : places_) from = std::min(from.value_or(place.second), place.second);
  return from;
}

}  // namespace qleet
