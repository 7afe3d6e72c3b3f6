// Lines of a workload's log on their way from where it runs to whoever asked.
//
// Where a line carries its time it stands in front, as "2026-11-30T19:00:34.120Z text"; "-" where it is not
// known. Engines round times (Podman: to seconds), so a time alone does not tell one line from the next.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/clock/clock.h"

namespace qleet {

// A longer line is cut there, and says so.
constexpr std::size_t kLongestLogLine = 1U << 20U;

struct LogWish {
  bool follow = false;  // go on with what comes, also of what is started later
  unsigned tail = 0;    // the last lines of each source; 0: all there are
  std::optional<WallTime> since = {};
  bool previous = false;  // of the runs before the present one
};

struct LogLine {
  std::string source;  // replica/container
  std::string data;    // without its end
  std::optional<WallTime> time = {};
};

// "<time> " or "- ".
std::string stamp(const std::optional<WallTime>& time);

struct StampedLine {
  bool stamped = false;
  std::optional<WallTime> time;
  std::string_view text;
};
// A line that begins with what stamp() writes, apart; otherwise all of it is text.
StampedLine split_stamp(std::string_view line);

// Where a reader stands in the logs of several sources, so that it can ask again and goes on where it was.
// Not thread-safe.
class LogCursor {
 public:
  // A line that is about to be handed on. False: it was handed on before the interruption.
  bool take(std::string_view source, const std::optional<WallTime>& time);
  // Begins anew with what resume_from() said; lines that were seen come again.
  void interrupted();
  // From when to ask again so that nothing is left out; nullopt: no line with a time has come yet.
  std::optional<WallTime> resume_from() const;

 private:
  struct Place {
    WallTime second;         // of the newest line
    std::uint64_t seen = 0;  // lines of that second
    std::uint64_t to_skip = 0;
    bool again = false;  // asked again: older lines are known
  };
  std::map<std::string, Place, std::less<>> places_;
};

}  // namespace qleet
