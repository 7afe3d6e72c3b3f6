// What the product logs of trouble that is made on purpose interests nobody.
#pragma once

#include "common/log/log.h"

namespace qleet::sim {

// Above every level: nothing is logged.
inline constexpr auto kSilent = log::Level(static_cast<int>(log::Level::kError) + 1);

}  // namespace qleet::sim
