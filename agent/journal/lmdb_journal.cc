#include "agent/journal/lmdb_journal.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "agent/journal/codec.h"
#include "agent/journal/keys.h"

namespace qleet::agent {
namespace {

std::unexpected<Error> failed(int rc, std::string_view doing) {
  const bool full = rc == MDB_MAP_FULL || rc == ENOSPC || rc == MDB_TXN_FULL;
  return fail(full ? Code::kExhausted : Code::kInternal,
              "journal: " + std::string(doing) + ": " + mdb_strerror(rc));
}

MDB_val val(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }

std::string_view view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// Aborts unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(MDB_env* env, unsigned flags) {
    MDB_txn* txn = nullptr;
    if (const int rc = mdb_txn_begin(env, nullptr, flags, &txn)) return failed(rc, "begin");
    return Transaction(txn);
  }
  Transaction(Transaction&& other) noexcept : txn_(std::exchange(other.txn_, nullptr)) {}
  ~Transaction() {
    if (txn_) mdb_txn_abort(txn_);
  }
  MDB_txn* get() const { return txn_; }
  Result<> commit() {
    if (const int rc = mdb_txn_commit(std::exchange(txn_, nullptr))) return failed(rc, "commit");
    return {};
  }

 private:
  explicit Transaction(MDB_txn* txn) : txn_(txn) {}
  MDB_txn* txn_;
};

Result<> put(MDB_txn* txn, unsigned dbi, std::string_view key, std::string_view value) {
  MDB_val k = val(key), v = val(value);
  if (const int rc = mdb_put(txn, dbi, &k, &v, 0)) return failed(rc, "write");
  return {};
}

}  // namespace

Result<std::unique_ptr<LmdbJournal>> LmdbJournal::open(const LmdbJournalOptions& options,
                                                       const crypto::Sealer& sealer) {
  std::error_code error;
  const std::filesystem::path folder(options.folder);
  const bool made = std::filesystem::create_directories(folder, error);
  if (error) return fail(Code::kInternal, "journal folder " + options.folder + ": " + error.message());
  if (made) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);

  std::unique_ptr<LmdbJournal> journal(new LmdbJournal(sealer));
  journal->lock_ = ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (journal->lock_ < 0)
    return fail(Code::kInternal, "journal folder " + options.folder + ": " + std::strerror(errno));
  if (::flock(journal->lock_, LOCK_EX | LOCK_NB) != 0)
    return fail(Code::kConflict, "journal folder " + options.folder + " is in use by another process");

  if (const int rc = mdb_env_create(&journal->env_)) return failed(rc, "create");
  if (const int rc = mdb_env_set_mapsize(journal->env_, options.max_bytes)) return failed(rc, "set size");
  if (const int rc = mdb_env_open(journal->env_, options.folder.c_str(), MDB_NOTLS, 0600))
    return failed(rc, "open " + options.folder);
  TRY(journal->check_format());
  return journal;
}

LmdbJournal::~LmdbJournal() {
  if (env_) mdb_env_close(env_);
  if (lock_ >= 0) ::close(lock_);
}

Result<> LmdbJournal::check_format() {
  auto txn = TRY(Transaction::begin(env_, 0));
  if (const int rc = mdb_dbi_open(txn.get(), nullptr, 0, &dbi_)) return failed(rc, "open database");
  MDB_val key = val(keys::kFormatKey), value;
  const int rc = mdb_get(txn.get(), dbi_, &key, &value);
  if (rc == MDB_NOTFOUND) {
    MDB_stat stat;
    if (const int bad = mdb_stat(txn.get(), dbi_, &stat)) return failed(bad, "stat");
    if (stat.ms_entries > 0)
      return fail(Code::kUnsupported, "this is no journal of an agent: it has no format");
    TRY(put(txn.get(), dbi_, keys::kFormatKey, keys::kFormat));
  } else if (rc != 0) {
    return failed(rc, "read");
  } else {
    JournalContents nothing;
    TRY(decode(keys::kFormatKey, view(value), sealer_, nothing));
  }
  return txn.commit();
}

Result<JournalContents> LmdbJournal::load() {
  auto txn = TRY(Transaction::begin(env_, MDB_RDONLY));
  MDB_cursor* cursor = nullptr;
  if (const int rc = mdb_cursor_open(txn.get(), dbi_, &cursor)) return failed(rc, "read");
  const std::unique_ptr<MDB_cursor, decltype(&mdb_cursor_close)> owned(cursor, mdb_cursor_close);
  JournalContents contents;
  MDB_val key, value;
  int rc = 0;
  while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
    TRY(decode(view(key), view(value), sealer_, contents));
  if (rc != MDB_NOTFOUND) return failed(rc, "read");
  return contents;
}

Result<> LmdbJournal::commit(const JournalChanges& changes) {
  auto txn = TRY(Transaction::begin(env_, 0));
  TRY(encode(changes, sealer_, [&](const std::string& key, const std::string* value) -> Result<> {
    if (value) return put(txn.get(), dbi_, key, *value);
    MDB_val k = val(key);
    const int rc = mdb_del(txn.get(), dbi_, &k, nullptr);
    if (rc != 0 && rc != MDB_NOTFOUND) return failed(rc, "erase");
    return {};
  }));
  return txn.commit();
}

}  // namespace qleet::agent
