// What an agent holds and made, read without the agent's help.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/chaos/record.h"

namespace qleet::chaos {

// What exists in a noop world's file now, with its content. It is written by rename: whole at any time.
std::map<std::string, std::string> noop_world(const std::filesystem::path& file);
// All that ever happened in it.
std::vector<Deed> noop_deeds(const std::filesystem::path& file);

// Names in the journal of an agent, which may run: the journal is copied by LMDB's own means, and the copy
// read by the agent's own code. Throws std::runtime_error where it cannot be read.
std::vector<std::string> journal_names(const std::filesystem::path& agent_state);

}  // namespace qleet::chaos
