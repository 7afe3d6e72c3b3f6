// The engine's event stream: one JSON object a line.
#pragma once

#include <optional>
#include <string_view>

#include "common/engine/types.h"

namespace qleet::containers {

// Nothing for an empty line or one that is no event.
std::optional<Event> parse_event(std::string_view line);

}  // namespace qleet::containers
