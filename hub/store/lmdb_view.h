// Reading the tables inside an LMDB transaction, and appending to the change log.
#pragma once

#include <string_view>
#include <vector>

#include "hub/store/lmdb_env.h"
#include "hub/store/store.h"

namespace qleet::hub::lmdb {

// The data table as a Reader. Outlived by `env` and `txn`; sees what `txn` has written.
class View final : public Reader {
 public:
  View(const Env& env, MDB_txn* txn, Revision revision) : env_(env), txn_(txn), revision_(revision) {}
  Revision revision() const override { return revision_; }
  Result<std::optional<Entry>> get(std::string_view key) const override;
  Result<std::vector<Entry>> scan(const Range& range) const override;

 private:
  const Env& env_;
  MDB_txn* txn_;
  Revision revision_;
};

// As Store::changes.
Result<std::vector<Change>> read_log(const Env& env, MDB_txn* txn, Revision after, size_t limit);

struct LogSize {
  size_t entries = 0;
  size_t bytes = 0;  // of the pages that it takes
};
Result<LogSize> log_size(const Env& env, MDB_txn* txn);

// The functions below write, and return LMDB's own code: whoever writes must tell a full map from the rest.

enum class LogKind : char { kChanged = 0, kErased = 1, kCreated = 2 };
// `index` counts within the revision.
int append_log(const Env& env, MDB_txn* txn, Revision revision, std::uint32_t index, LogKind kind,
               std::string_view key, std::string_view value);

struct LogBound {
  Revision before = 0;  // older ones go in any case
  size_t max_entries = SIZE_MAX;
  size_t max_bytes = SIZE_MAX;
  size_t budget = SIZE_MAX;  // entries to remove at most, but always whole revisions
};
// Removes whole revisions, oldest first, until the log is within the bound; the last revision stays unless it
// is older than `before`. Moves log_floor with it.
int trim_log(const Env& env, MDB_txn* txn, const LogBound& bound);

}  // namespace qleet::hub::lmdb
