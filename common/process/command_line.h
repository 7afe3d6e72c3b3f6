// How a program begins and ends: its arguments, and what its exit code says.
#pragma once

#include <optional>

#include "common/result/result.h"

namespace CLI {
class App;
}

namespace qleet {

// The exit code where the program ends at once: 0 after --help and --version, 2 where the arguments are
// wrong; either has been printed.
std::optional<int> parse(CLI::App& app, int argc, const char* const* argv);

// Logs the error, and each field that it names; the exit code.
int failed(const Error& error);

}  // namespace qleet
