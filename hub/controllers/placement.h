// Where a deployment goes. Pure.
#pragma once

#include <string>
#include <vector>

#include "qleet/v1/environment.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::controllers {

struct Placement {
  std::vector<std::string> regions;  // chosen, sorted; empty only when blocked
  bool blocked = false;              // no region matches
  std::string message;               // why blocked, or what is short (fewer regions than were asked for)
};

// Chooses from `all` what `choice` asks for. Keeps what is in `current` as long as it matches: nothing moves
// because something better appeared. A cordoned region takes nothing new and keeps what it has. With a count,
// regions are added so that the values of the label `spread_by` are used evenly (a region without the label
// counts as a value of its own), then by name.
Placement place(const v1::RegionChoice& choice, const std::vector<const v1::Region*>& all,
                const std::vector<std::string>& current, const std::string& environment);

}  // namespace qleet::hub::controllers
