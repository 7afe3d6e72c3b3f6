// Which routes of one router serve, where several ask for the same host and path: one at a time, and it gives
// up its place only to a successor that is ready, or where nobody follows. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock/clock.h"

namespace qleet::route {

// What gives up its place goes on for this long where nobody has asked for that place yet: whoever follows
// may be on the way. Another application takes it over after this time only.
inline constexpr Millis kLinger{2'000};

// One route as it stands.
struct Standing {
  std::string backend;      // names it
  std::string resource;     // that it belongs to
  std::string application;  // with its environment
  std::string host;
  std::string path;
  bool serves = false;
  bool departing = false;   // its resource no longer asks for this
  bool leaving = false;     // its workload is being taken away
  bool alive = false;       // some replica can be reached
  Millis outgoing{0};       // departing or leaving for so long
  std::uint64_t order = 0;  // who asked first
};

struct Arrangement {
  std::set<std::string> serving;   // backends that serve from now on
  std::set<std::string> released;  // of a workload that leaves: it is no longer needed for this route
  std::optional<Millis> again;     // look again then, if nothing else happens
};

// A claim that is free goes to who asked for it first. One that is given up goes to a route of the same
// application before others. What moves together (two that exchange their hosts) changes together.
Arrangement arrange(const std::vector<Standing>& all);

// "<environment>/<application>" out of a resource's name.
std::string application_of(std::string_view resource);

}  // namespace qleet::route
