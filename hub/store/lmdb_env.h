// One LMDB environment of the hub's format: three tables, and what stands in them.
//
//   meta  "format"     decimal; the first thing that is looked at
//         "epoch"      32 hex digits
//         "lineage"    epochs, newest first, one per line
//         "revision"   8 bytes big endian: of the last commit
//         "log_floor"  8 bytes big endian: the log is whole for revisions after this one
//   data  key          8 bytes big endian: revision that wrote it last; then the value
//   log   8 bytes revision, 4 bytes index within it, both big endian
//                      1 byte: 0 changed, 1 erased, 2 created; 2 bytes big endian: size of the key; the key;
//                      the value
#pragma once

#include <lmdb.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/store/keys.h"
#include "hub/store/store.h"

namespace qleet::hub::lmdb {

namespace meta {
inline constexpr std::string_view kFormat = "format";
inline constexpr std::string_view kEpoch = "epoch";
inline constexpr std::string_view kLineage = "lineage";
inline constexpr std::string_view kRevision = "revision";
inline constexpr std::string_view kLogFloor = "log_floor";
}  // namespace meta

// One step from a format to the next one. Returns LMDB's own code; runs in the transaction that then notes
// the new format, so it has happened wholly or not at all.
class Env;
struct Migration {
  unsigned from = 0;
  std::function<int(const Env& env, MDB_txn* txn)> run;
};
// The steps that this program knows; formats begin with 1.
std::vector<Migration> known_migrations();

struct EnvOptions {
  size_t map_bytes = 0;  // address space; 0: as the file says
  unsigned max_readers = 126;
  bool read_only = false;  // then without LMDB's lock file: only for files that nobody writes
  bool owner = false;      // the file's one writer: makes sure of what the disk holds, and migrates
  bool as_it_is = false;   // an older format that this program knows is not migrated: for copies of a store
  unsigned format = keys::kFormat;
  std::vector<Migration> migrations = known_migrations();
};

// Thread-safe as far as LMDB is. Outlives its transactions.
class Env {
 public:
  // `dir` exists. Makes the tables where there are none (an identity is for the caller to write);
  // kUnsupported for a format that this program does not know; nothing is changed then.
  static Result<std::unique_ptr<Env>> open(const std::filesystem::path& dir, const EnvOptions& options);
  Env(const Env&) = delete;
  ~Env();

  // Null after a reopen that failed.
  MDB_env* handle() const { return env_; }
  MDB_dbi meta() const { return meta_; }
  MDB_dbi data() const { return data_; }
  MDB_dbi log() const { return log_; }
  const std::filesystem::path& dir() const { return dir_; }

  // What LMDB's `rc` means here; `doing` as in "commit". A full disk or map is kFull.
  Error error(int rc, std::string_view doing) const;

  bool disk_is_full() const;
  // Whether LMDB refuses all use because it could not write a meta page.
  bool panicked() const;
  bool read_only() const { return options_.read_only; }
  // Nobody uses it meanwhile. Where it cannot be opened for writing it is opened for reading alone, so that
  // at least that goes on; else it cannot be used at all, and begin fails.
  Result<> reopen();
  void close();

 private:
  Env(std::filesystem::path dir, const EnvOptions& options) : dir_(std::move(dir)), options_(options) {}
  Result<> start();
  Result<> open_tables();
  // Of the file; 0: there is nothing in it.
  Result<unsigned> read_format();
  Result<> check_format(unsigned found) const;
  Result<> bring_to_format(MDB_txn* txn, unsigned found);

  std::filesystem::path dir_;
  EnvOptions options_;
  MDB_env* env_ = nullptr;
  MDB_dbi meta_ = 0, data_ = 0, log_ = 0;
};

// Aborts unless committed. A read transaction may move between threads; a write transaction may not.
class TxnHandle {
 public:
  static Result<TxnHandle> begin(const Env& env, bool read_only);
  explicit TxnHandle(MDB_txn* txn) : txn_(txn) {}
  TxnHandle(TxnHandle&& other) noexcept;
  TxnHandle& operator=(TxnHandle&&) = delete;
  ~TxnHandle();

  MDB_txn* get() const { return txn_; }
  // LMDB's own code: the writer tells a full map from the rest.
  [[nodiscard]] int commit();

 private:
  MDB_txn* txn_;
};

MDB_val val(std::string_view bytes);
std::string_view view(const MDB_val& value);

std::string encode_revision(Revision revision);
// Of the first 8 bytes.
Result<Revision> decode_revision(std::string_view bytes);

// nullopt where there is no such entry. The view lives until the transaction's next write or end.
Result<std::optional<std::string_view>> get_meta(const Env& env, MDB_txn* txn, std::string_view name);
// Returns LMDB's own code.
int put_meta(const Env& env, MDB_txn* txn, std::string_view name, std::string_view value);
// kRevision and kLogFloor; 0 where missing.
Result<Revision> get_meta_revision(const Env& env, MDB_txn* txn, std::string_view name);

Result<StoreIdentity> get_identity(const Env& env, MDB_txn* txn);
Result<> put_identity(const Env& env, MDB_txn* txn, const StoreIdentity& identity);

}  // namespace qleet::hub::lmdb
