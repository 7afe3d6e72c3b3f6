// Shell completion: a small script for each shell, which asks `qleet __complete WORDS...`.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"

namespace qleet::cli {

// "bash", "zsh" or "fish".
std::string completion_script(const std::string& shell);

struct Candidate {
  std::string word;
  std::string description = {};
};

struct Completion {
  std::vector<Candidate> candidates;
  bool files = false;  // the shell completes names of files
};

// What may follow `words` (the last one is being typed). Names come from the hub where it answers within a
// second; else there are none.
Completion complete(const std::vector<std::string>& words);

// A line for each candidate, as the scripts read them.
std::string completion_lines(const Completion& completion);

}  // namespace qleet::cli
