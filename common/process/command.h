// What another program says, on request.
#pragma once

#include <cstddef>
#include <string>

#include "common/clock/clock.h"
#include "common/result/result.h"

namespace qleet {

// Standard output of a command of the shell; its standard error is this program's. Waits for its end.
// kDeadline after `limit` (it is killed), kTooLarge beyond `most` bytes, kInvalid where it fails; no message
// holds what it printed.
Result<std::string> output_of(const std::string& command, Millis limit, size_t most);

}  // namespace qleet
