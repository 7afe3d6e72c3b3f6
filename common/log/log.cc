#include "common/log/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>

#include "common/clock/duration.h"
#include "common/text/visible.h"

namespace qleet::log {
namespace {

std::atomic<Level> threshold{Level::kInfo};

std::string_view name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
  }
  return "error";
}

// Values come from anywhere: none ends a line, none reaches a terminal as anything but text.
void append_value(std::string& line, std::string_view value) {
  std::string seen;
  text::append_visible(seen, value, {.lines = false});
  const bool plain =
      !value.empty() && seen == value && value.find_first_of(" \"=\\") == std::string_view::npos;
  if (plain) {
    line += value;
    return;
  }
  std::string quoted;
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  line += '"';
  text::append_visible(line, quoted, {.lines = false});
  line += '"';
}

}  // namespace

void set_level(Level level) { threshold.store(level); }

std::string line_of(Level level, std::string_view component, std::string_view message, Fields fields) {
  std::string line =
      fmt::format("{} {} component={} msg=", format_time(SystemClock().wall()), name(level), component);
  append_value(line, message);
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    append_value(line, value);
  }
  return line + '\n';
}

void write(Level level, std::string_view component, std::string_view message, Fields fields) {
  if (level < threshold.load()) return;
  const std::string line = line_of(level, component, message, fields);
  // One write a line, so that lines of several threads do not mix.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace qleet::log
