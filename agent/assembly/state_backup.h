// An agent's folder, for backup and restore: the journal, what opens it, and what providers keep of their
// own. What runs is not in it.
//
//   identity/ journal/   and the files that are named
#pragma once

#include <filesystem>
#include <vector>

#include "common/result/result.h"

namespace qleet::agent {

// Makes the folder `to`, which must not exist or be empty. `files`: relative to the folder; one that is not
// there is left out. Works while the agent runs.
Result<> backup_state(const std::filesystem::path& state, const std::filesystem::path& to,
                      const std::vector<std::filesystem::path>& files);

// kConflict where `state` has a journal or an identity. Of `files`, those that the backup has and `state` has
// not are put back. The agent must not run.
Result<> restore_state(const std::filesystem::path& from, const std::filesystem::path& state,
                       const std::vector<std::filesystem::path>& files);

}  // namespace qleet::agent
