// Shell completion: a small script for each shell, which asks `qleet __complete WORDS...`.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"

namespace qleet::cli {

std::string completion_script(const std::string& shell);

// What may follow `words` (the last one is being typed), one a line; names come from the hub where it answers
// quickly.
std::vector<std::string> complete(const std::vector<std::string>& words);

}  // namespace qleet::cli
