// What is known against versions of nats-server, as far as it concerns the way in which a hub runs it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qleet::hub {

struct Advisory {
  std::string_view id;       // as its makers publish it
  std::string_view source;   // where it stands
  std::string_view what;     // for people
  std::string_view upgrade;  // to which versions
};

// Those that concern this version ("2.9.10", "2.14.0-RC.1"). A version that cannot be read has none: see
// known_version.
std::vector<Advisory> advisories_of(std::string_view version);
bool known_version(std::string_view version);

}  // namespace qleet::hub
