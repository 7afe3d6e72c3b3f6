// Everything that `qleet` can be asked, as its command line is declared, and what of it a command line asks.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace qleet::test {

// "apply", "apply --image", "diff FROM": each command without commands below it, with its options and
// arguments. An option that has two names, such as -f and --filename, is one; --no-wait is one of its own.
std::set<std::string> surface();

// Each command, also those that only have others below them: "build", "build notify".
std::vector<std::string> all_commands();

// Of the surface, what this command line has in it; empty where it is no right one. `words`: without "qleet".
std::set<std::string> asked_of(const std::vector<std::string>& words);

}  // namespace qleet::test
