// Whether hub, agents and cloud have arrived where everything says the same; and whether nothing is left in
// the end.
#pragma once

#include <string>

#include "tests/simulation/world.h"

namespace qleet::sim {

// Empty, or the first thing that is not yet as desired.
std::string difference(World& world);

// Everything that is wrong with the store's own bookkeeping: edges both ways, positions, records about
// nothing.
void check_store(World& world);

// Everything that runs as something else than the release that its deployment has.
void check_contents(World& world);

// After the last application has gone, and its grace periods: what is left, or empty.
std::string leftovers(World& world);

}  // namespace qleet::sim
