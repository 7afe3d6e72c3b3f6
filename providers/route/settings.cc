#include "providers/route/settings.h"

#include <fmt/format.h>

#include <charconv>

namespace qleet::route {

namespace {

// The number behind "name=".
std::int64_t number(std::string_view text, std::string_view name, std::int64_t otherwise) {
  const std::string key = fmt::format(" {}=", name);
  const std::size_t found = text.find(key);
  if (found == std::string_view::npos) return otherwise;
  std::int64_t out = 0;
  const char* start = text.data() + found + key.size();
  const auto read = std::from_chars(start, text.data() + text.size(), out);
  return read.ec == std::errc() && out > 0 ? out : otherwise;
}

}  // namespace

std::string to_text(const Settings& settings) {
  std::string out = fmt::format(" headers={}", settings.max_header);
  for (const auto& [name, time] : kTimes) out += fmt::format(" {}={}", name, (settings.*time).count());
  return out + "\n";
}

Settings settings_from(std::string_view text) {
  Settings out;
  out.max_header = static_cast<std::uint32_t>(number(text, "headers", out.max_header));
  for (const auto& [name, time] : kTimes) out.*time = Millis(number(text, name, (out.*time).count()));
  return out;
}

}  // namespace qleet::route
