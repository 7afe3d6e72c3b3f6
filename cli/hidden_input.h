// What is typed and must not be seen.
#pragma once

#include <string>

namespace qleet::cli {

// A line from standard input after `prompt` was printed on standard error; on a terminal it is not shown.
// Ctrl-C meanwhile ends the process with 130, and leaves the terminal as it was.
std::string read_hidden(const std::string& prompt);

}  // namespace qleet::cli
