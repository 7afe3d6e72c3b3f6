// A hub's folder as a whole, for backup and restore: the store, and what its agents and clients know it by
// (the CA, the broker's keys and revocations, the administrator's token). Without the latter a restored hub
// would be a stranger to every agent.
//
//   store/      as the store's own backup makes it
//   broker/ tls/ admin-token
//   secrets.key   unless it is kept elsewhere
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/result/result.h"

namespace qleet::hub {

struct BackupParts {
  bool secrets_key = true;  // what opens the store's Secrets
};

// Makes the folder `to`, which must not exist or be empty, readable by its owner alone; it appears whole or
// not at all. `store` makes the store's part in the folder it is given. Works while the hub runs.
Result<> backup_state(const std::filesystem::path& state, const std::filesystem::path& to,
                      const std::function<Result<>(const std::filesystem::path& to)>& store,
                      BackupParts parts = {});

struct Restored {
  std::vector<std::string> taken;  // from the backup
  std::vector<std::string> kept;   // were there already
};

// The parts beside the store, where the folder lacks them; `store` then makes the store of a backup in the
// folder it is given. A backup of the store alone is taken, too.
Result<Restored> restore_state(const std::filesystem::path& from, const std::filesystem::path& state,
                               const std::function<Result<>(const std::filesystem::path& from)>& store);

}  // namespace qleet::hub
