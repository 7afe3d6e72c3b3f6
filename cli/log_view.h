// Log lines as the hub streams them, made what a person or a program sees.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cli/terminal.h"
#include "common/text/log_line.h"

namespace qleet::cli {

struct LogViewOptions {
  bool safe =
      false;  // for a terminal: control characters are shown; otherwise bytes are as they were written
  bool json = false;  // an object for each line
  bool prefix = true;
  bool timestamps = false;
  // Where all lines are of one, its name says nothing.
  bool environments = true;
  bool regions = true;
};

// Takes "<environment>/<region>/<name> | <time> <text>" lines and "-- <note>" lines, cut anywhere. Remembers
// where it is, so that a stream that broke can be asked for again from there. Not thread-safe.
class LogView {
 public:
  // `out` is given bytes for standard output, `note` one line for standard error.
  LogView(const Terminal& terminal, LogViewOptions options, std::function<void(std::string_view)> out,
          std::function<void(std::string_view)> note);

  void feed(std::string_view bytes);
  // The stream has ended: a line that was cut off is dropped, and comes whole with the next stream.
  void interrupted();
  // From when to ask again; nullopt: nothing has come yet.
  std::optional<WallTime> resume_from() const { return cursor_.resume_from(); }
  std::size_t lines() const { return lines_; }
  std::size_t notes() const { return notes_; }

 private:
  void line(std::string_view text, std::string& shown);
  std::string shown_source(std::string_view source) const;
  std::string json_of(std::string_view source, const StampedLine& line) const;
  Colour colour_of(const std::string& source);

  const Terminal& terminal_;
  const LogViewOptions options_;
  std::function<void(std::string_view)> out_;
  std::function<void(std::string_view)> note_;
  std::string rest_;
  LogCursor cursor_;
  std::map<std::string, Colour, std::less<>> colours_;
  std::string last_note_;
  std::size_t lines_ = 0;
  std::size_t notes_ = 0;
};

}  // namespace qleet::cli
