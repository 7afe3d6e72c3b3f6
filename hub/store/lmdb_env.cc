#include "hub/store/lmdb_env.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <charconv>
#include <utility>

#include "common/log/log.h"
#include "common/mdb/check.h"
#include "common/mdb/disk.h"
#include "hub/store/keys.h"

namespace qleet::hub::lmdb {
namespace {

constexpr log::Logger kLog{"store"};

}  // namespace

Result<std::unique_ptr<Env>> Env::open(const std::filesystem::path& dir, const EnvOptions& options) {
  std::unique_ptr<Env> env(new Env(dir, options));
  TRY(env->start());
  return env;
}

Result<> Env::start() {
  if (const auto damage =
          mdb::check(dir_, options_.owner || options_.read_only ? mdb::Access::kAlone : mdb::Access::kShared);
      !damage.empty())
    return fail(Code::kInternal, fmt::format("store {}", damage));
  if (int rc = mdb_env_create(&env_)) return std::unexpected(error(rc, "create"));
  if (options_.map_bytes != 0) {
    if (int rc = mdb_env_set_mapsize(env_, options_.map_bytes)) {
      return std::unexpected(error(rc, "set the map size"));
    }
  }
  int rc = mdb_env_set_maxdbs(env_, 8);
  if (rc == 0) rc = mdb_env_set_maxreaders(env_, options_.max_readers);
  const unsigned flags = MDB_NOTLS | (options_.read_only ? MDB_RDONLY | MDB_NOLOCK : 0);
  if (rc == 0) rc = mdb_env_open(env_, dir_.c_str(), flags, 0600);
  if (rc != 0) return std::unexpected(error(rc, "open"));
  return open_tables();
}

Env::~Env() { close(); }

void Env::close() {
  if (env_ != nullptr) mdb_env_close(env_);
  env_ = nullptr;
}

bool Env::disk_is_full() const {
  struct statvfs stat{};
  constexpr std::uint64_t kAlmostNothing = 1 << 20;
  return ::statvfs(dir_.c_str(), &stat) == 0 &&
         static_cast<std::uint64_t>(stat.f_bavail) * stat.f_frsize < kAlmostNothing;
}

bool Env::panicked() const {
  if (env_ == nullptr) return true;
  MDB_txn* txn = nullptr;
  const int rc = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  if (rc == 0) mdb_txn_abort(txn);
  return rc == MDB_PANIC;
}

Result<> Env::reopen() {
  // A map that has grown since stays so.
  MDB_envinfo info{};
  if (env_ != nullptr && mdb_env_info(env_, &info) == 0) options_.map_bytes = info.me_mapsize;
  for (const bool read_only : {false, true}) {
    close();
    options_.read_only = read_only;
    const auto opened = start();
    if (opened) return {};
    if (read_only) {
      close();
      return opened;
    }
  }
  return {};
}

std::vector<Migration> known_migrations() {
  // 2: names of resources are joined with dots. Names of before stay as they are, so nothing is rewritten;
  // but a program that reads format 1 would join them otherwise, and make anew what stands under a dotted
  // name.
  return {{1, [](const Env&, MDB_txn*) { return 0; }}};
}

Result<unsigned> Env::read_format() {
  TxnHandle txn = TRY(TxnHandle::begin(*this, true));
  MDB_stat stat{};
  if (int rc = mdb_env_stat(env_, &stat)) return std::unexpected(error(rc, "stat"));
  if (stat.ms_entries == 0) return 0;
  int rc = mdb_dbi_open(txn.get(), "meta", 0, &meta_);
  if (rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE) {
    return fail(Code::kUnsupported,
                fmt::format("store {}: is not a hub's store: name another directory", dir_.string()));
  }
  if (rc != 0) return std::unexpected(error(rc, "open table meta"));
  const auto found = TRY(get_meta(*this, txn.get(), meta::kFormat));
  unsigned format = 0;
  const std::string_view text = found.value_or("");
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), format);
  if (wrong != std::errc() || end != text.data() + text.size() || format == 0) {
    return fail(Code::kUnsupported,
                fmt::format("store {}: has format \"{}\", which is none: name another directory",
                            dir_.string(), text));
  }
  rc = txn.commit();
  if (rc != 0) return std::unexpected(error(rc, "open table meta"));
  return format;
}

Result<> Env::check_format(unsigned found) const {
  if (found == options_.format) return {};
  unsigned oldest = options_.format;
  for (bool more = true; more;) {
    more = false;
    for (const auto& step : options_.migrations) {
      if (step.from + 1 != oldest) continue;
      --oldest;
      more = true;
      break;
    }
  }
  if (found > options_.format || found < oldest) {
    return fail(
        Code::kUnsupported,
        fmt::format(
            "store {}: has format {}, this hub reads format {}{}: start {} version of the hub that knows "
            "it, or restore a backup that this version made; nothing was changed",
            dir_.string(), found, oldest == options_.format ? "" : fmt::format("{} to ", oldest),
            options_.format, found > options_.format ? "the newer" : "an older"));
  }
  return {};
}

Result<> Env::bring_to_format(MDB_txn* txn, unsigned found) {
  for (; found != 0 && found < options_.format; ++found) {
    for (const auto& step : options_.migrations) {
      if (step.from != found) continue;
      if (int rc = step.run(*this, txn))
        return std::unexpected(error(rc, fmt::format("migrate from format {}", found)));
    }
  }
  if (int rc = put_meta(*this, txn, meta::kFormat, std::to_string(options_.format)))
    return std::unexpected(error(rc, "write the format"));
  return {};
}

Result<> Env::open_tables() {
  const unsigned found = TRY(read_format());
  const bool fresh = found == 0;
  if (fresh && options_.read_only) {
    return fail(Code::kInvalid, fmt::format("store {}: is empty", dir_.string()));
  }
  if (!fresh) TRY(check_format(found));
  const bool older = !fresh && found < options_.format && !options_.as_it_is;
  if (older && (!options_.owner || options_.read_only)) {
    return fail(Code::kUnsupported,
                fmt::format("store {}: has the older format {}: start this version's hub over it first",
                            dir_.string(), found));
  }
  // The last owner may have ended after an error of the disk.
  if (!fresh && options_.owner && !options_.read_only) {
    if (int rc = mdb::settle(dir_)) return std::unexpected(error(rc, "sync"));
  }
  TxnHandle txn = TRY(TxnHandle::begin(*this, !fresh && !older));
  for (auto [name, dbi] : {std::pair{"meta", &meta_}, std::pair{"data", &data_}, std::pair{"log", &log_}}) {
    const int rc = mdb_dbi_open(txn.get(), name, fresh ? MDB_CREATE : 0, dbi);
    if (rc != 0) return std::unexpected(error(rc, std::string("open table ") + name));
  }
  if (fresh || older) TRY(bring_to_format(txn.get(), found));
  if (int rc = txn.commit()) return std::unexpected(error(rc, "make the tables"));
  if (older)
    kLog.info("store was migrated",
              {{"from", std::to_string(found)}, {"to", std::to_string(options_.format)}});
  return {};
}

Error Env::error(int rc, std::string_view doing) const {
  auto make = [&](Code code, std::string_view what) {
    return Error{code, fmt::format("store {}: {}: {}", dir_.string(), doing, what), {}};
  };
  switch (rc) {
    // A short write is EIO to LMDB.
    case EIO:
      if (!disk_is_full()) return make(Code::kUnavailable, "the disk fails (EIO): check it and its log");
      [[fallthrough]];
    case ENOSPC:
    case EDQUOT:
      return make(Code::kFull, "the disk is full: free or add space; nothing was written");
    case MDB_MAP_FULL:
      return make(Code::kFull,
                  "the store has reached its configured maximum size: raise it (or remove objects); "
                  "nothing was written");
    case EROFS:
      return make(
          Code::kUnavailable,
          "the disk can only be read: the system did that after an error, or it was mounted so; check it");
    case MDB_TXN_FULL:
      return make(Code::kTooLarge, "the transaction writes too much at once: split it");
    case MDB_READERS_FULL:
      return make(Code::kExhausted, "too many reads at once: try again");
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
      return make(Code::kInternal, fmt::format("{}: {} is damaged or not a store: restore a backup",
                                               mdb_strerror(rc), mdb::kDataFile));
    case MDB_PANIC:
      return make(Code::kUnavailable, "an earlier write to the disk failed: check the disk");
    default:
      return make(Code::kInternal, mdb_strerror(rc));
  }
}

Result<TxnHandle> TxnHandle::begin(const Env& env, bool read_only) {
  MDB_txn* txn = nullptr;
  if (env.handle() == nullptr) return std::unexpected(env.error(MDB_PANIC, "begin"));
  if (int rc = mdb_txn_begin(env.handle(), nullptr, read_only ? MDB_RDONLY : 0, &txn)) {
    return std::unexpected(env.error(rc, read_only ? "begin to read" : "begin to write"));
  }
  return TxnHandle(txn);
}

TxnHandle::TxnHandle(TxnHandle&& other) noexcept : txn_(std::exchange(other.txn_, nullptr)) {}

TxnHandle::~TxnHandle() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

int TxnHandle::commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }

MDB_val val(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

std::string_view view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

std::string encode_revision(Revision revision) {
  std::string bytes(8, '\0');
  for (int i = 7; i >= 0; --i, revision >>= 8) bytes[i] = static_cast<char>(revision & 0xff);
  return bytes;
}

Result<Revision> decode_revision(std::string_view bytes) {
  if (bytes.size() < 8) return fail(Code::kInternal, "store: a record is too short: restore a backup");
  Revision revision = 0;
  for (int i = 0; i < 8; ++i) revision = (revision << 8) | static_cast<unsigned char>(bytes[i]);
  return revision;
}

Result<std::optional<std::string_view>> get_meta(const Env& env, MDB_txn* txn, std::string_view name) {
  MDB_val key = val(name);
  MDB_val value{};
  int rc = mdb_get(txn, env.meta(), &key, &value);
  if (rc == MDB_NOTFOUND) return std::nullopt;
  if (rc != 0) return std::unexpected(env.error(rc, "read meta"));
  return view(value);
}

int put_meta(const Env& env, MDB_txn* txn, std::string_view name, std::string_view value) {
  MDB_val k = val(name);
  MDB_val v = val(value);
  return mdb_put(txn, env.meta(), &k, &v, 0);
}

Result<Revision> get_meta_revision(const Env& env, MDB_txn* txn, std::string_view name) {
  auto bytes = TRY(get_meta(env, txn, name));
  if (!bytes) return 0;
  return decode_revision(*bytes);
}

Result<StoreIdentity> get_identity(const Env& env, MDB_txn* txn) {
  StoreIdentity identity;
  identity.epoch = TRY(get_meta(env, txn, meta::kEpoch)).value_or("");
  std::string_view rest = TRY(get_meta(env, txn, meta::kLineage)).value_or("");
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    identity.lineage.emplace_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  return identity;
}

Result<> put_identity(const Env& env, MDB_txn* txn, const StoreIdentity& identity) {
  int rc = put_meta(env, txn, meta::kEpoch, identity.epoch);
  if (rc == 0) rc = put_meta(env, txn, meta::kLineage, fmt::format("{}", fmt::join(identity.lineage, "\n")));
  if (rc != 0) return std::unexpected(env.error(rc, "write the identity"));
  return {};
}

}  // namespace qleet::hub::lmdb
