// A store's directory: making, copying, restoring.
#pragma once

#include <filesystem>

#include "hub/store/lmdb_env.h"

namespace qleet::hub::lmdb {

// With its parents; readable by its owner alone. Nothing when it exists.
Result<> make_directory(const std::filesystem::path& dir);
// Makes durable what files the directory has.
Result<> sync_directory(const std::filesystem::path& dir);
// kConflict when a restore into `dir` began and did not end.
Result<> check_no_cut_off_restore(const std::filesystem::path& dir);

// As LmdbStore::backup.
Result<Revision> copy_env(const Env& env, const std::filesystem::path& to);

}  // namespace qleet::hub::lmdb
