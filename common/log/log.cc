#include "common/log/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>

#include "common/clock/duration.h"

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

void append_value(std::string& line, std::string_view value) {
  const bool plain = !value.empty() && value.find_first_of(" \"=\n\r\t\\") == std::string_view::npos;
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      line += c;
    }
  }
  line += '"';
}

}  // namespace

void set_level(Level level) { threshold.store(level); }

void write(Level level, std::string_view component, std::string_view message, Fields fields) {
  if (level < threshold.load()) return;
  std::string line =
      fmt::format("{} {} component={} msg=", format_time(SystemClock().wall()), name(level), component);
  append_value(line, message);
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    append_value(line, value);
  }
  line += '\n';
  // One write a line, so that lines of several threads do not mix.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace qleet::log
