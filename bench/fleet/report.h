// The table: what was measured, and what it should be.
#pragma once

#include <string>
#include <vector>

namespace qleet::bench {

void print_heading(const std::string& text);
// A figure with its aims as text; `aim` and `then` may be empty.
void print_row(const std::string& what, const std::string& measured, const std::string& aim = {},
               const std::string& then = {});
void print_note(const std::string& text);

// p50, p99 and largest, as text.
struct Spread {
  std::string p50, p99, max;
};
Spread spread_ms(std::vector<double> milliseconds);

std::string in_seconds(double seconds);

}  // namespace qleet::bench
