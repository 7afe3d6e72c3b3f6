#include "hub/store/lmdb_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "common/mdb/disk.h"
#include "hub/store/directory_lock.h"
#include "hub/store/lmdb_store.h"

namespace qleet::hub::lmdb {
namespace {

namespace fs = std::filesystem;

constexpr const char* kData = mdb::kDataFile;
constexpr const char* kLock = "LOCK";
constexpr const char* kRestoring = "restoring";
constexpr const char* kScrubbing = "scrubbing";

// More than a store commits in its life.
constexpr Revision kRestoreGap = 1ULL << 32;

// A restore takes up to so many of them: small enough that 2^53 (what JSON's numbers hold) is a hundred
// restores away.
constexpr Revision kMostRestoreGaps = 1ULL << 14;

std::unexpected<Error> failed(const fs::path& path, std::string_view doing, const std::error_code& error) {
  const bool full = error == std::errc::no_space_on_device;
  return fail(full ? Code::kFull : Code::kInternal,
              fmt::format("{}: {}: {}", path.string(), doing, error.message()));
}

Result<> sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const std::error_code error(errno, std::generic_category());
  if (fd >= 0) ::close(fd);
  if (!synced) return failed(path, "sync", error);
  return {};
}

// Nothing in it but what a store's own preparations leave.
Result<> check_empty(const fs::path& dir) {
  std::error_code error;
  fs::directory_iterator entries(dir, error);
  if (error == std::errc::no_such_file_or_directory) return {};
  if (error) return failed(dir, "read", error);
  for (const auto& entry : entries) {
    const auto name = entry.path().filename();
    if (name == kLock || name == kRestoring || name == kScrubbing ||
        name == mdb::making_folder("").filename())
      continue;
    return fail(Code::kConflict, fmt::format("{}: is not empty (it holds {}): name a new directory",
                                             dir.string(), name.string()));
  }
  return {};
}

// `free_pages`: they may go along where they cannot be told from the others.
Result<> copy_compact(const Env& env, const fs::path& to, bool free_pages = true) {
  if (env.handle() == nullptr) return std::unexpected(env.error(MDB_PANIC, "copy"));
  int rc = mdb_env_copy2(env.handle(), to.c_str(), MDB_CP_COMPACT);
  if (rc == MDB_INCOMPATIBLE && free_pages) {
    // The pages do not add up, which LMDB counts only when it compacts; a plain copy is good all the same.
    std::error_code ignored;
    fs::remove(to / kData, ignored);
    rc = mdb_env_copy2(env.handle(), to.c_str(), 0);
  }
  if (rc != 0) return std::unexpected(env.error(rc, fmt::format("copy to {}", to.string())));
  std::error_code error;
  fs::permissions(to / kData, fs::perms::owner_read | fs::perms::owner_write, error);
  if (error) return failed(to / kData, "set permissions", error);
  return sync_path(to / kData);
}

// Whether another process has the store open. Also says yes where it cannot be known.
bool open_elsewhere(const fs::path& dir) {
  const int fd = ::open((dir / "lock.mdb").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno != ENOENT;
  // What LMDB takes for as long as an environment lives.
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  const bool known = ::fcntl(fd, F_GETLK, &lock) == 0;
  ::close(fd);
  return !known || lock.l_type != F_UNLCK;
}

Result<> overwrite(int fd, const fs::path& path) {
  const std::string zeros(1 << 20, '\0');
  const off_t size = ::lseek(fd, 0, SEEK_END);
  for (off_t at = 0; at < size;) {
    const auto part = std::min<size_t>(zeros.size(), static_cast<size_t>(size - at));
    const auto written = ::pwrite(fd, zeros.data(), part, at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed(path, "overwrite the old file", {errno, std::generic_category()});
    at += written;
  }
  if (::fsync(fd) != 0) return failed(path, "overwrite the old file", {errno, std::generic_category()});
  return {};
}

// Gives the copy in `dir` its new life.
Result<StoreIdentity> rebirth(const fs::path& dir, const Random& random) {
  auto env = TRY(Env::open(dir, {.as_it_is = true}));
  TxnHandle txn = TRY(TxnHandle::begin(*env, false));
  StoreIdentity identity = TRY(get_identity(*env, txn.get()));
  identity.lineage.insert(identity.lineage.begin(), identity.epoch);
  identity.epoch = random_hex128(random);
  TRY(put_identity(*env, txn.get(), identity));
  const std::string revision = encode_revision(
      revision_after_restore(TRY(get_meta_revision(*env, txn.get(), meta::kRevision)), random));
  int rc = put_meta(*env, txn.get(), meta::kRevision, revision);
  if (rc == 0) rc = put_meta(*env, txn.get(), meta::kLogFloor, revision);
  if (rc == 0) rc = mdb_drop(txn.get(), env->log(), 0);
  if (rc == 0) rc = txn.commit();
  if (rc != 0) return std::unexpected(env->error(rc, "give the copy its identity"));
  return identity;
}

}  // namespace

Result<> make_directory(const fs::path& dir) {
  std::error_code error;
  if (!fs::create_directories(dir, error)) {
    if (error) return failed(dir, "make the directory", error);
    return {};
  }
  fs::permissions(dir, fs::perms::owner_all, error);
  if (error) return failed(dir, "set permissions", error);
  return sync_path(fs::absolute(dir).parent_path());
}

Result<> make_missing(const fs::path& dir, const Random& random) {
  if (mdb::has_data(dir)) return {};
  const auto made = [&](int error) -> Result<> {
    if (error == 0) return {};
    return failed(dir, "make the store", std::error_code(error, std::generic_category()));
  };
  TRY(made(mdb::begin_making(dir)));
  {
    auto env = TRY(Env::open(mdb::making_folder(dir), {}));
    TRY(establish_identity(*env, random));
  }
  return made(mdb::finish_making(dir));
}

Result<> reserve_lock_file(const fs::path& dir, unsigned max_readers) {
  if (const int error = mdb::reserve_lock_file(dir, max_readers))
    return failed(dir / "lock.mdb", "reserve its space", std::error_code(error, std::generic_category()));
  return {};
}

Result<StoreIdentity> establish_identity(const Env& env, const Random& random) {
  TxnHandle txn = TRY(TxnHandle::begin(env, false));
  StoreIdentity identity = TRY(get_identity(env, txn.get()));
  if (!identity.epoch.empty()) return identity;
  identity.epoch = random_hex128(random);
  TRY(put_identity(env, txn.get(), identity));
  if (int rc = txn.commit()) return std::unexpected(env.error(rc, "write the identity"));
  return identity;
}

Result<> check_no_cut_off_restore(const fs::path& dir) {
  std::error_code ignored;
  if (!fs::exists(dir / kRestoring, ignored) || fs::exists(dir / kData, ignored)) return {};
  return fail(Code::kConflict,
              fmt::format("store {}: a restore into it was cut off: run the restore again, or "
                          "remove {} for an empty store",
                          dir.string(), (dir / kRestoring).string()));
}

Result<Revision> copy_env(const Env& env, const fs::path& to) {
  TRY(check_empty(to));
  fs::path partial = to;
  if (!partial.has_filename()) partial = partial.parent_path();
  const fs::path target = partial;
  partial += ".partial";
  std::error_code error;
  fs::remove_all(partial, error);
  if (error) return failed(partial, "remove what an earlier backup left", error);
  TRY(make_directory(partial));

  auto copy = [&]() -> Result<Revision> {
    TRY(copy_compact(env, partial));
    // Also shows that the copy can be read.
    auto copied = TRY(Env::open(partial, {.read_only = true, .as_it_is = true}));
    TxnHandle txn = TRY(TxnHandle::begin(*copied, true));
    return get_meta_revision(*copied, txn.get(), meta::kRevision);
  };
  auto revision = copy();
  if (revision) {
    fs::rename(partial, target, error);
    if (!error) {
      TRY(sync_path(fs::absolute(target).parent_path()));
      return revision;
    }
    revision = failed(target, "put the backup in place", error);
  }
  fs::remove_all(partial, error);
  return revision;
}

}  // namespace qleet::hub::lmdb

namespace qleet::hub {

// A backup may be restored twice, and what the first restored store gave out must not be given out again
// either.
Revision revision_after_restore(Revision backup, const Random& random) {
  return backup + (1 + random() % lmdb::kMostRestoreGaps) * lmdb::kRestoreGap;
}

Result<Revision> backup_lmdb(const std::filesystem::path& dir, const std::filesystem::path& to) {
  std::error_code error;
  if (!std::filesystem::exists(dir / lmdb::kData, error)) {
    return fail(Code::kNotFound, fmt::format("{}: holds no store", dir.string()));
  }
  auto env = TRY(lmdb::Env::open(dir, {.as_it_is = true}));
  return lmdb::copy_env(*env, to);
}

Result<> scrub_lmdb(const std::filesystem::path& dir) {
  using namespace lmdb;
  const DirectoryLock lock = TRY(DirectoryLock::acquire(dir));
  if (open_elsewhere(dir))
    return fail(Code::kUnavailable,
                fmt::format("{}: is being read by another process, a backup perhaps", dir.string()));
  const fs::path fresh = dir / kScrubbing;
  std::error_code error;
  fs::remove_all(fresh, error);
  if (error) return failed(fresh, "remove what was left", error);
  TRY(make_directory(fresh));
  const auto replaced = [&]() -> Result<> {
    {
      auto env = TRY(Env::open(dir, {.as_it_is = true}));
      TRY(copy_compact(*env, fresh, false));
      auto copied = TRY(Env::open(fresh, {.read_only = true, .as_it_is = true}));
      const TxnHandle before = TRY(TxnHandle::begin(*env, true));
      const TxnHandle after = TRY(TxnHandle::begin(*copied, true));
      if (TRY(get_meta_revision(*env, before.get(), meta::kRevision)) !=
          TRY(get_meta_revision(*copied, after.get(), meta::kRevision)))
        return fail(Code::kUnavailable, fmt::format("{}: was written meanwhile", dir.string()));
    }
    const int old = ::open((dir / kData).c_str(), O_RDWR | O_CLOEXEC);
    if (old < 0) return failed(dir / kData, "open", {errno, std::generic_category()});
    fs::rename(fresh / kData, dir / kData, error);
    Result<> done = error ? failed(dir / kData, "replace", error) : sync_path(dir);
    // Who came meanwhile may have the old file.
    if (done && open_elsewhere(dir))
      done = fail(Code::kUnavailable, fmt::format("{}: is being read by another process", dir.string()));
    if (done) done = overwrite(old, dir / kData);
    ::close(old);
    return done;
  }();
  fs::remove_all(fresh, error);
  return replaced;
}

Result<StoreIdentity> restore_lmdb(const std::filesystem::path& from, const std::filesystem::path& dir,
                                   const Random& random) {
  using namespace lmdb;
  std::error_code error;
  if (!fs::exists(from / kData, error)) {
    return fail(Code::kNotFound,
                fmt::format("{}: holds no backup (no {}): name the directory that the backup made",
                            from.string(), kData));
  }
  std::optional<DirectoryLock> source;
  if (fs::exists(from / kLock, error)) source.emplace(TRY(DirectoryLock::acquire(from)));

  TRY(check_empty(dir));
  TRY(make_directory(dir));
  DirectoryLock lock = TRY(DirectoryLock::acquire(dir));
  TRY(check_empty(dir));
  const fs::path restoring = dir / kRestoring;
  fs::remove_all(restoring, error);
  if (error) return failed(restoring, "remove what an earlier restore left", error);
  TRY(make_directory(restoring));
  {
    auto backup = TRY(Env::open(from, {.read_only = true, .as_it_is = true}));
    TRY(copy_compact(*backup, restoring));
  }
  StoreIdentity identity = TRY(rebirth(restoring, random));
  fs::rename(restoring / kData, dir / kData, error);
  if (error) return failed(dir, "put the restored store in place", error);
  TRY(sync_path(dir));
  // What is left of it is LMDB's lock file, which means nothing without the data.
  fs::remove_all(restoring, error);
  return identity;
}

}  // namespace qleet::hub
