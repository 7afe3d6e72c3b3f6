// What `qleet status` says.
#pragma once

#include <string>

#include "cli/terminal.h"
#include "qleet/v1/system.pb.h"

namespace qleet::cli {

// Begins with the answer; then figures, what is not well and why, what waits, what will not stay well.
std::string render_status(const Terminal& terminal, const v1::SystemStatus& status, const std::string& url);

}  // namespace qleet::cli
