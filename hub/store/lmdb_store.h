// Store on LMDB: one process, nothing to install. One thread writes; it takes whatever transactions have been
// submitted, runs them one after the other, and makes them durable with one fsync.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "common/metrics/histogram.h"
#include "hub/store/random.h"
#include "hub/store/store.h"

namespace qleet::hub {

struct LmdbOptions {
  size_t max_log_entries = 1'000'000;  // of the change log; older revisions are dropped
  size_t max_log_bytes = 1ULL << 30;   // the same by size
  size_t map_bytes = 64ULL << 30;      // address space to begin with; the file takes only what it needs
  size_t max_map_bytes = 64ULL << 30;  // and what it may grow to: the store's maximum size
  std::chrono::milliseconds grow_wait{2000};  // for readers to finish, before it can grow
  unsigned max_readers = 1024;                // snapshots at once
  Random random = system_random();            // for the epoch of a new store
};

struct LmdbStats {
  Revision revision = 0;
  Revision log_floor = 0;  // the log is whole after this one
  size_t log_entries = 0;
  size_t log_bytes = 0;
  size_t file_bytes = 0;  // used pages, with those that can be used again
  size_t max_bytes = 0;
};

// The directory is of this store alone. Snapshots must be destroyed before it.
class LmdbStore final : public Store {
 public:
  // Makes the directory and an empty store with a new epoch where there is none. kUnavailable when another
  // process has it (named by pid), kUnsupported for a format that this version does not know, kConflict for a
  // restore that was cut off.
  static Result<std::unique_ptr<LmdbStore>> open(const std::filesystem::path& dir,
                                                 const LmdbOptions& options = {});
  // Finishes what was submitted.
  ~LmdbStore() override;

  Result<std::unique_ptr<Reader>> snapshot() const override;
  // Runs `function` on the writer thread; what it throws is thrown here. kFull when the disk or the map is
  // full: nothing was written, the store can still be read, and written again when there is room. After a
  // write or sync that failed nothing is written until the disk has taken what this store knows to be
  // durable: kUnavailable. An error that says that it is not known whether it was written, is true to its
  // word. kInternal when called from within a TxnFunction.
  Result<Revision> transact(const TxnFunction& function) override;
  Result<std::vector<Change>> changes(Revision after, size_t limit) const override;
  [[nodiscard]] std::shared_ptr<void> subscribe(std::function<void(Revision)> wake) override;
  StoreIdentity identity() const override;

  // Drops the change log's revisions before this one.
  Result<> compact(Revision before);

  // A consistent copy, compacted and checked, as the directory `to`, which must not exist or be empty; it
  // appears whole or not at all. Writes go on meanwhile. Returns the revision that it holds.
  Result<Revision> backup(const std::filesystem::path& to) const;

  Result<LmdbStats> stats() const;
  // How long commits took, in seconds.
  const metrics::Histogram& commits() const;

  // Why writes are refused at present: the disk or the map is full, or the disk fails. Goes by itself, within
  // about a second after its reason.
  std::optional<Error> trouble() const;

 private:
  class Impl;
  explicit LmdbStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// As LmdbStore::backup, of a store that another process may have open and be writing.
Result<Revision> backup_lmdb(const std::filesystem::path& dir, const std::filesystem::path& to);

// Writes the store's file anew, without what is no longer in the store, and overwrites the old file: of what
// was erased or replaced before, LMDB's free pages keep nothing. The store stays the same one, its change log
// included. It is open nowhere: kUnavailable where it is, also for a backup; nothing is changed then. Needs
// room for a second file.
Result<> scrub_lmdb(const std::filesystem::path& dir);

// What a store that is restored from a backup at that revision goes on from: by a random distance above all
// that any store made of that backup can have given out.
Revision revision_after_restore(Revision backup, const Random& random);

// Makes a store in `dir`, which must not exist or be empty, from a backup. It gets a new epoch, with the
// backup's in front of its lineage, an empty change log, and revisions far above all that the lost store can
// have given out: so that neither an agent nor a watch mistakes it for the one that it was. kConflict when
// `dir` holds something, kUnavailable when `from` is a store in use.
Result<StoreIdentity> restore_lmdb(const std::filesystem::path& from, const std::filesystem::path& dir,
                                   const Random& random = system_random());

}  // namespace qleet::hub
