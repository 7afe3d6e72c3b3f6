// Structured log lines on standard error: a constant message and keys, one line each (logfmt). For whoever
// runs the daemons; users read status, conditions and events instead. Secrets never go in.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace qleet::log {

enum class Level { kDebug, kInfo, kWarn, kError };

using Fields = std::initializer_list<std::pair<std::string_view, std::string>>;

// Lines below the level are dropped; default kInfo. Thread-safe.
void set_level(Level level);

void write(Level level, std::string_view component, std::string_view message, Fields fields);

// What write() writes: one line, whatever the values hold.
std::string line_of(Level level, std::string_view component, std::string_view message, Fields fields);

// One per component: `constexpr log::Logger kLog{"dispatch"};`. Thread-safe.
struct Logger {
  std::string_view component;
  void debug(std::string_view message, Fields fields = {}) const {
    write(Level::kDebug, component, message, fields);
  }
  void info(std::string_view message, Fields fields = {}) const {
    write(Level::kInfo, component, message, fields);
  }
  void warn(std::string_view message, Fields fields = {}) const {
    write(Level::kWarn, component, message, fields);
  }
  void error(std::string_view message, Fields fields = {}) const {
    write(Level::kError, component, message, fields);
  }
};

}  // namespace qleet::log
