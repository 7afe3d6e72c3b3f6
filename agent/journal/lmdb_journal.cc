#include "agent/journal/lmdb_journal.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>

#include "agent/journal/codec.h"
#include "agent/journal/keys.h"
#include "common/mdb/check.h"
#include "common/mdb/disk.h"

namespace qleet::agent {
namespace {

constexpr unsigned kMaxReaders = 126;

MDB_val val(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }

std::string_view view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// Aborts unless committed. LMDB's own codes: what they mean depends on the disk.
class Transaction {
 public:
  int begin(MDB_env* env, unsigned flags) { return mdb_txn_begin(env, nullptr, flags, &txn_); }
  Transaction() = default;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (txn_) mdb_txn_abort(txn_);
  }
  MDB_txn* get() const { return txn_; }
  int commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }

 private:
  MDB_txn* txn_ = nullptr;
};

int put(MDB_txn* txn, unsigned dbi, std::string_view key, std::string_view value) {
  MDB_val k = val(key), v = val(value);
  return mdb_put(txn, dbi, &k, &v, 0);
}

bool disk_is_full(const std::string& folder) {
  struct statvfs stat{};
  constexpr std::uint64_t kAlmostNothing = 1 << 20;
  return ::statvfs(folder.c_str(), &stat) == 0 &&
         static_cast<std::uint64_t>(stat.f_bavail) * stat.f_frsize < kAlmostNothing;
}

}  // namespace

Error LmdbJournal::error(int rc, std::string_view doing) const {
  const auto make = [&](Code code, std::string_view what) {
    return Error{
        code, "journal " + options_.folder + ": " + std::string(doing) + ": " + std::string(what), {}};
  };
  // A short write is EIO to LMDB.
  if (rc == ENOSPC || rc == EDQUOT || (rc == EIO && disk_is_full(options_.folder)))
    return make(Code::kFull, "the disk is full: free or add space");
  if (rc == MDB_MAP_FULL) return make(Code::kFull, "it has reached its greatest size");
  if (rc == MDB_TXN_FULL) return make(Code::kTooLarge, "too much at once");
  if (rc == MDB_PANIC || mdb::is_system_error(rc))
    return make(Code::kUnavailable, std::string("the disk fails: ") + mdb_strerror(rc));
  if (rc == MDB_INVALID || rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_VERSION_MISMATCH)
    return make(Code::kInternal, std::string(mdb_strerror(rc)) + ": " + mdb::kDataFile +
                                     " is damaged: move it away and restore a backup");
  return make(Code::kInternal, mdb_strerror(rc));
}

Result<std::unique_ptr<LmdbJournal>> LmdbJournal::open(const LmdbJournalOptions& options,
                                                       const crypto::Sealer& sealer) {
  std::error_code error;
  const std::filesystem::path folder(options.folder);
  const bool made = std::filesystem::create_directories(folder, error);
  if (error) return fail(Code::kInternal, "journal folder " + options.folder + ": " + error.message());
  if (made) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);

  std::unique_ptr<LmdbJournal> journal(new LmdbJournal(options, sealer));
  journal->lock_ = ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (journal->lock_ < 0)
    return fail(Code::kInternal, "journal folder " + options.folder + ": " + std::strerror(errno));
  if (::flock(journal->lock_, LOCK_EX | LOCK_NB) != 0)
    return fail(Code::kConflict, "journal folder " + options.folder + " is in use by another process");

  TRY(journal->make_missing());
  if (const int rc = mdb::reserve_lock_file(folder, kMaxReaders))
    return std::unexpected(journal->error(rc, "reserve space"));
  TRY(journal->open_env(options.folder));
  // The last owner may have ended after an error of the disk.
  if (const int rc = mdb::settle(folder)) return std::unexpected(journal->error(rc, "sync"));
  return journal;
}

LmdbJournal::~LmdbJournal() {
  close_env();
  if (lock_ >= 0) ::close(lock_);
}

Result<> LmdbJournal::make_missing() {
  if (mdb::has_data(options_.folder)) return {};
  if (const int rc = mdb::begin_making(options_.folder)) return std::unexpected(error(rc, "make"));
  TRY(open_env(mdb::making_folder(options_.folder).string()));
  close_env();
  if (const int rc = mdb::finish_making(options_.folder)) return std::unexpected(error(rc, "make"));
  return {};
}

void LmdbJournal::close_env() {
  if (env_) mdb_env_close(env_);
  env_ = nullptr;
}

Result<> LmdbJournal::open_env(const std::string& folder) {
  if (const auto damage = mdb::check(folder, mdb::Access::kAlone); !damage.empty())
    return fail(Code::kInternal, "journal " + damage);
  int rc = mdb_env_create(&env_);
  if (rc == 0) rc = mdb_env_set_mapsize(env_, options_.max_bytes);
  if (rc == 0) rc = mdb_env_set_maxreaders(env_, kMaxReaders);
  if (rc == 0) rc = mdb_env_open(env_, folder.c_str(), MDB_NOTLS, 0600);
  auto checked = rc == 0 ? check_format() : std::unexpected(error(rc, "open"));
  if (!checked) close_env();
  return checked;
}

std::vector<JournalMigration> known_journal_migrations() { return {}; }

// 0: there is nothing in it.
Result<unsigned> LmdbJournal::read_format() {
  Transaction txn;
  MDB_stat stat{};
  int rc = txn.begin(env_, MDB_RDONLY);
  if (rc == 0) rc = mdb_dbi_open(txn.get(), nullptr, 0, &dbi_);
  if (rc == 0) rc = mdb_stat(txn.get(), dbi_, &stat);
  if (rc != 0) return std::unexpected(error(rc, "open database"));
  if (stat.ms_entries == 0) return 0;
  MDB_val key = val(keys::kFormatKey), value{};
  rc = mdb_get(txn.get(), dbi_, &key, &value);
  if (rc != 0 && rc != MDB_NOTFOUND) return std::unexpected(error(rc, "read"));
  unsigned format = 0;
  const auto text = rc == 0 ? view(value) : "";
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), format);
  if (wrong != std::errc() || end != text.data() + text.size() || format == 0)
    return fail(Code::kUnsupported,
                "journal " + options_.folder + ": is no journal of an agent: it has no format");
  return format;
}

Result<> LmdbJournal::check_format() {
  unsigned format = TRY(read_format());
  if (format == options_.format) return {};
  const unsigned found = format;
  if (found != 0) {
    const auto leads_on = [&](const JournalMigration& step) { return step.from == format; };
    while (format < options_.format && std::ranges::any_of(options_.migrations, leads_on)) ++format;
    if (format != options_.format)
      return fail(Code::kUnsupported,
                  "journal " + options_.folder + ": has format " + std::to_string(found) +
                      ", this agent knows " + std::to_string(options_.format) +
                      ": start the version of the agent that wrote it; nothing was changed");
    if (const int rc = mdb::settle(options_.folder)) return std::unexpected(error(rc, "sync"));
  }
  return migrate(found);
}

// From nothing, too.
Result<> LmdbJournal::migrate(unsigned from) {
  Transaction txn;
  if (const int rc = txn.begin(env_, 0)) return std::unexpected(error(rc, "begin"));
  if (from != 0) {
    std::map<std::string, std::string> entries;
    std::map<std::string, std::string> damaged;  // no step is to look at them; they stay what they are
    MDB_cursor* cursor = nullptr;
    if (const int rc = mdb_cursor_open(txn.get(), dbi_, &cursor)) return std::unexpected(error(rc, "read"));
    MDB_val key, value;
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
      if (auto plain = checked(view(key), view(value)))
        entries.emplace(view(key), *std::move(plain));
      else
        damaged.emplace(view(key), view(value));
    }
    mdb_cursor_close(cursor);
    for (; from < options_.format; ++from)
      for (const auto& step : options_.migrations)
        if (step.from == from) TRY(step.run(entries));
    if (const int rc = mdb_drop(txn.get(), dbi_, 0)) return std::unexpected(error(rc, "migrate"));
    for (const auto& [name, content] : entries) damaged.try_emplace(name, with_check(name, content));
    for (const auto& [name, content] : damaged)
      if (const int rc = put(txn.get(), dbi_, name, content)) return std::unexpected(error(rc, "migrate"));
  }
  int rc = put(txn.get(), dbi_, keys::kFormatKey, std::to_string(options_.format));
  if (rc == 0) rc = txn.commit();
  if (rc != 0) return std::unexpected(error(rc, "write the format"));
  return {};
}

Result<> LmdbJournal::settle() {
  if (!distrusted_) return {};
  Transaction probe;
  if (env_ == nullptr || probe.begin(env_, MDB_RDONLY) != 0) {
    close_env();
    TRY(open_env(options_.folder));
  }
  if (const int rc = mdb::settle(options_.folder)) return std::unexpected(error(rc, "write after an error"));
  distrusted_ = false;
  return {};
}

Result<JournalContents> LmdbJournal::load() {
  TRY(settle());
  Transaction txn;
  MDB_cursor* cursor = nullptr;
  int rc = txn.begin(env_, MDB_RDONLY);
  if (rc == 0) rc = mdb_cursor_open(txn.get(), dbi_, &cursor);
  if (rc != 0) return std::unexpected(error(rc, "read"));
  const std::unique_ptr<MDB_cursor, decltype(&mdb_cursor_close)> owned(cursor, mdb_cursor_close);
  JournalContents contents;
  MDB_val key, value;
  while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
    TRY(decode(view(key), view(value), sealer_, contents));
  if (rc != MDB_NOTFOUND) return std::unexpected(error(rc, "read"));
  return contents;
}

Result<> LmdbJournal::commit(const JournalChanges& changes) {
  TRY(settle());
  auto written = write(changes);
  // At once, so that a disk that was full for a moment costs nothing more.
  if (distrusted_) (void)settle();
  return written;
}

Result<> LmdbJournal::write(const JournalChanges& changes) {
  const auto failed = [&](int rc, std::string_view doing) {
    distrusted_ = distrusted_ || mdb::is_system_error(rc);
    return std::unexpected(error(rc, doing));
  };
  Transaction txn;
  if (const int rc = txn.begin(env_, 0)) return failed(rc, "begin");
  TRY(encode(changes, sealer_, [&](const std::string& key, const std::string* value) -> Result<> {
    MDB_val k = val(key);
    int rc = value ? put(txn.get(), dbi_, key, *value) : mdb_del(txn.get(), dbi_, &k, nullptr);
    if (!value && rc == MDB_NOTFOUND) rc = 0;
    if (rc != 0) return failed(rc, "write");
    return {};
  }));
  if (const int rc = txn.commit()) return failed(rc, "commit");
  return {};
}

Result<> copy_journal(const std::string& folder, const std::string& to) {
  if (!mdb::has_data(folder)) return fail(Code::kNotFound, folder + ": holds no journal");
  if (const auto damage = mdb::check(folder, mdb::Access::kShared); !damage.empty())
    return fail(Code::kInternal, "journal " + damage);
  std::error_code wrong;
  std::filesystem::create_directories(to, wrong);
  if (!wrong) std::filesystem::permissions(to, std::filesystem::perms::owner_all, wrong);
  if (wrong) return fail(Code::kInternal, to + ": " + wrong.message());
  MDB_env* env = nullptr;
  int rc = mdb_env_create(&env);
  const std::unique_ptr<MDB_env, decltype(&mdb_env_close)> owned(env, mdb_env_close);
  if (rc == 0) rc = mdb_env_set_maxreaders(env, kMaxReaders);
  if (rc == 0) rc = mdb_env_open(env, folder.c_str(), MDB_RDONLY | MDB_NOTLS, 0600);
  if (rc == 0) rc = mdb_env_copy2(env, to.c_str(), MDB_CP_COMPACT);
  if (rc == 0) {
    using std::filesystem::perms;
    std::filesystem::permissions(to + "/" + mdb::kDataFile, perms::owner_read | perms::owner_write, wrong);
    rc = wrong ? wrong.value() : mdb::settle(to);
  }
  if (rc != 0)
    return fail(rc == ENOSPC ? Code::kFull : Code::kInternal,
                "copy journal to " + to + ": " + mdb_strerror(rc));
  return {};
}

}  // namespace qleet::agent
