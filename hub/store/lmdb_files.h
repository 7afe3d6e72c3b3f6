// A store's directory: making, copying, restoring.
#pragma once

#include <filesystem>

#include "hub/store/lmdb_env.h"
#include "hub/store/random.h"

namespace qleet::hub::lmdb {

// With its parents; readable by its owner alone. Nothing when it exists.
Result<> make_directory(const std::filesystem::path& dir);
// An empty store with an epoch of its own, where there is none: whole or not at all.
Result<> make_missing(const std::filesystem::path& dir, const Random& random);
// kFull where LMDB's lock file cannot have its space.
Result<> reserve_lock_file(const std::filesystem::path& dir, unsigned max_readers);
// The identity of the store, given to it now if it has none.
Result<StoreIdentity> establish_identity(const Env& env, const Random& random);
// kConflict when a restore into `dir` began and did not end.
Result<> check_no_cut_off_restore(const std::filesystem::path& dir);

// As LmdbStore::backup.
Result<Revision> copy_env(const Env& env, const std::filesystem::path& to);

}  // namespace qleet::hub::lmdb
