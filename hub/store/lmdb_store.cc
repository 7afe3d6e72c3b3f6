#include "hub/store/lmdb_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "common/log/log.h"
#include "common/thread/mutex.h"
#include "hub/store/directory_lock.h"
#include "hub/store/lmdb_env.h"
#include "hub/store/lmdb_files.h"
#include "hub/store/lmdb_view.h"
#include "hub/store/lmdb_writer.h"
#include "hub/store/reader_gate.h"
#include "hub/store/subscribers.h"

namespace qleet::hub {
namespace {

constexpr log::Logger kLog{"store"};

using lmdb::Env;
using lmdb::TxnHandle;

// A pass through the gate, for as long as it lives.
class Pass {
 public:
  explicit Pass(ReaderGate& gate) : gate_(&gate) { gate.enter(); }
  Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
  Pass& operator=(Pass&&) = delete;
  ~Pass() {
    if (gate_ != nullptr) gate_->leave();
  }

 private:
  ReaderGate* gate_;
};

// Order matters: the transaction ends before the pass.
class Snapshot final : public Reader {
 public:
  Snapshot(Pass pass, TxnHandle txn, const Env& env, Revision revision)
      : pass_(std::move(pass)), txn_(std::move(txn)), view_(env, txn_.get(), revision) {}
  Revision revision() const override { return view_.revision(); }
  Result<std::optional<Entry>> get(std::string_view key) const override { return view_.get(key); }
  Result<std::vector<Entry>> scan(const Range& range) const override { return view_.scan(range); }

 private:
  Pass pass_;
  TxnHandle txn_;
  lmdb::View view_;
};

}  // namespace

class LmdbStore::Impl {
 public:
  Impl(DirectoryLock lock, std::unique_ptr<Env> env, const LmdbOptions& options, StoreIdentity identity,
       Revision revision)
      : lock_(std::move(lock)),
        options_(options),
        identity_(std::move(identity)),
        env_(std::move(env)),
        writer_(*env_, gate_, subscribers_, options_, revision) {}

  const Env& env() const { return *env_; }
  const LmdbOptions& options() const { return options_; }
  const StoreIdentity& identity() const { return identity_; }
  ReaderGate& gate() { return gate_; }
  Subscribers& subscribers() { return subscribers_; }
  lmdb::Writer& writer() { return writer_; }
  Mutex& backup_mutex() { return backup_mutex_; }

 private:
  DirectoryLock lock_;
  LmdbOptions options_;
  StoreIdentity identity_;
  std::unique_ptr<Env> env_;
  ReaderGate gate_;
  Subscribers subscribers_;
  Mutex backup_mutex_;
  lmdb::Writer writer_;
};

LmdbStore::LmdbStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LmdbStore::~LmdbStore() = default;

Result<std::unique_ptr<LmdbStore>> LmdbStore::open(const std::filesystem::path& dir,
                                                   const LmdbOptions& options) {
  if (options.map_bytes > options.max_map_bytes) {
    return fail(Code::kInvalid, "store: map_bytes is above max_map_bytes: lower the one or raise the other");
  }
  TRY(lmdb::make_directory(dir));
  DirectoryLock lock = TRY(DirectoryLock::acquire(dir));
  TRY(lmdb::check_no_cut_off_restore(dir));
  TRY(lmdb::make_missing(dir, options.random));
  TRY(lmdb::reserve_lock_file(dir, options.max_readers));
  auto env = TRY(
      Env::open(dir, {.map_bytes = options.map_bytes, .max_readers = options.max_readers, .owner = true}));
  // A reader of a process that died would keep old pages from being used again.
  int dead = 0;
  if (int rc = mdb_reader_check(env->handle(), &dead))
    return std::unexpected(env->error(rc, "check readers"));
  if (dead > 0) kLog.warn("cleared the reads of a process that died", {{"reads", std::to_string(dead)}});
  StoreIdentity identity = TRY(lmdb::establish_identity(*env, options.random));
  Revision revision = 0;
  {
    TxnHandle txn = TRY(TxnHandle::begin(*env, true));
    revision = TRY(lmdb::get_meta_revision(*env, txn.get(), lmdb::meta::kRevision));
  }
  kLog.info("store is open",
            {{"dir", dir.string()}, {"revision", std::to_string(revision)}, {"epoch", identity.epoch}});
  return std::unique_ptr<LmdbStore>(new LmdbStore(
      std::make_unique<Impl>(std::move(lock), std::move(env), options, std::move(identity), revision)));
}

Result<std::unique_ptr<Reader>> LmdbStore::snapshot() const {
  Pass pass(impl_->gate());
  TxnHandle txn = TRY(TxnHandle::begin(impl_->env(), true));
  const Revision revision = TRY(lmdb::get_meta_revision(impl_->env(), txn.get(), lmdb::meta::kRevision));
  return std::make_unique<Snapshot>(std::move(pass), std::move(txn), impl_->env(), revision);
}

Result<Revision> LmdbStore::transact(const TxnFunction& function) {
  return impl_->writer().transact(function);
}

Result<std::vector<Change>> LmdbStore::changes(Revision after, size_t limit) const {
  const Pass pass(impl_->gate());
  const TxnHandle txn = TRY(TxnHandle::begin(impl_->env(), true));
  return lmdb::read_log(impl_->env(), txn.get(), after, limit);
}

std::shared_ptr<void> LmdbStore::subscribe(std::function<void(Revision)> wake) {
  return impl_->subscribers().add(std::move(wake));
}

StoreIdentity LmdbStore::identity() const { return impl_->identity(); }

Result<> LmdbStore::compact(Revision before) {
  TRY(impl_->writer().compact(before));
  return {};
}

Result<Revision> LmdbStore::backup(const std::filesystem::path& to) const {
  const MutexLock one_at_a_time(impl_->backup_mutex());
  const Pass pass(impl_->gate());
  return lmdb::copy_env(impl_->env(), to);
}

const metrics::Histogram& LmdbStore::commits() const { return impl_->writer().commits(); }

std::optional<Error> LmdbStore::trouble() const { return impl_->writer().trouble(); }

Result<LmdbStats> LmdbStore::stats() const {
  const Pass pass(impl_->gate());
  const Env& env = impl_->env();
  const TxnHandle txn = TRY(TxnHandle::begin(env, true));
  LmdbStats stats;
  stats.revision = TRY(lmdb::get_meta_revision(env, txn.get(), lmdb::meta::kRevision));
  stats.log_floor = TRY(lmdb::get_meta_revision(env, txn.get(), lmdb::meta::kLogFloor));
  const auto size = TRY(lmdb::log_size(env, txn.get()));
  stats.log_entries = size.entries;
  stats.log_bytes = size.bytes;
  MDB_envinfo info{};
  MDB_stat pages{};
  int rc = mdb_env_info(env.handle(), &info);
  if (rc == 0) rc = mdb_env_stat(env.handle(), &pages);
  if (rc != 0) return std::unexpected(env.error(rc, "stat"));
  stats.file_bytes = (info.me_last_pgno + 1) * pages.ms_psize;
  stats.max_bytes = impl_->options().max_map_bytes;
  return stats;
}

}  // namespace qleet::hub
