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
  return fmt::format(" headers={} connect={} idle={} response={} request={} keepAlive={} tunnel={}\n",
                     settings.max_header, settings.connect.count(), settings.idle.count(),
                     settings.response.count(), settings.request.count(), settings.keep_alive.count(),
                     settings.tunnel.count());
}

Settings settings_from(std::string_view text) {
  Settings out;
  out.max_header = static_cast<std::uint32_t>(number(text, "headers", out.max_header));
  const auto time = [&](std::string_view name, Millis& to) { to = Millis(number(text, name, to.count())); };
  time("connect", out.connect);
  time("idle", out.idle);
  time("response", out.response);
  time("request", out.request);
  time("keepAlive", out.keep_alive);
  time("tunnel", out.tunnel);
  return out;
}

}  // namespace qleet::route
