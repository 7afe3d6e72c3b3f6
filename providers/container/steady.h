// Whether a container that nothing is asked of can be believed to run. Pure.
#pragma once

#include <string>

#include "common/clock/clock.h"

namespace qleet::container {

// A container without a probe is ready once it has run for so long: one that ends as soon as it is started
// was never ready.
inline constexpr Millis kSteadyAfter{2'000};

// `started_at`: as engines write it (RFC 3339); one that cannot be read, or that lies in the future because
// the clock went back, is long ago.
bool is_steady(const std::string& started_at, WallTime now, Millis after = kSteadyAfter);

}  // namespace qleet::container
