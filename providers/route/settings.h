// What a router lets through and how long it waits. TEMPLATES.md says it for those who write profiles.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/clock/clock.h"

namespace qleet::route {

struct Settings {
  std::uint32_t max_header = 64U << 10U;  // bytes of all headers of a request, or of a response
  Millis connect{2'000};                  // until a replica takes the connection
  Millis idle{60'000};                    // of a client in the middle of a request or response
  Millis response{300'000};               // of a replica in the middle of a response, or before it
  Millis request{30'000};                 // until all headers of a request have come
  Millis keep_alive{60'000};              // between two requests
  Millis tunnel{3'600'000};               // of a connection that was upgraded (WebSocket)
  bool operator==(const Settings&) const = default;
};

// The times, by their names in templates.
struct NamedTime {
  const char* name;
  Millis Settings::* time;
};
inline constexpr NamedTime kTimes[] = {
    {"connect", &Settings::connect},      {"idle", &Settings::idle},
    {"response", &Settings::response},    {"request", &Settings::request},
    {"keepAlive", &Settings::keep_alive}, {"tunnel", &Settings::tunnel},
};

// As one line of text, kept beside the router's configuration; what is missing or wrong reads as the default.
std::string to_text(const Settings& settings);
Settings settings_from(std::string_view text);

}  // namespace qleet::route
