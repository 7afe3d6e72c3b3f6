#include "bench/fleet/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace qleet::bench {

void print_heading(const std::string& text) {
  fmt::print("\n## {}\n{:<72} {:>16} {:>12} {:>12}\n", text, "", "measured", "aim", "then");
  std::fflush(stdout);
}

void print_row(const std::string& what, const std::string& measured, const std::string& aim,
               const std::string& then) {
  fmt::print("{:<72} {:>16} {:>12} {:>12}\n", what, measured, aim, then);
  std::fflush(stdout);
}

void print_note(const std::string& text) {
  fmt::print("  {}\n", text);
  std::fflush(stdout);
}

Spread spread_ms(std::vector<double> milliseconds) {
  std::ranges::sort(milliseconds);
  const auto at = [&](double part) {
    const auto index = static_cast<size_t>(part * static_cast<double>(milliseconds.size()));
    return fmt::format("{:.1f} ms", milliseconds[std::min(milliseconds.size() - 1, index)]);
  };
  return {at(0.5), at(0.99), at(1)};
}

std::string in_seconds(double seconds) { return fmt::format("{:.2f} s", seconds); }

}  // namespace qleet::bench
