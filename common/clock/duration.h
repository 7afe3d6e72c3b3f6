// Durations as people write them: "250ms", "30s", "10m", "1h30m", "7d".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/clock/clock.h"
#include "common/result/result.h"

namespace qleet {

Result<Millis> parse_duration(std::string_view text);

// "4.1 s", "3 min", "2 h 5 min": for people.
std::string human_duration(Millis duration);

// RFC 3339 with milliseconds, UTC.
std::string format_time(WallTime time);

// RFC 3339: "2026-11-30T19:00:34Z", with any digits of a second (what is below a millisecond is cut off), or
// an offset such as "+01:00". nullopt: it is none.
std::optional<WallTime> parse_time(std::string_view text);

}  // namespace qleet
