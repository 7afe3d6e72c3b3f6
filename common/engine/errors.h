// What an engine's refusal means: its status and words, as our codes and published reasons.
#pragma once

#include <string>
#include <string_view>

#include "common/result/result.h"

namespace qleet::containers {

// `body` is the engine's error document ({"message": ...}); `what` was being done ("start container web").
Error refused(int status, std::string_view body, std::string_view what);

// A message of a failed pull (they come inside a 200 stream, as text).
Error pull_refused(std::string_view image, std::string_view message);

}  // namespace qleet::containers
