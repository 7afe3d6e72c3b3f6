#include "hub/store/lmdb_env.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <utility>

#include "hub/store/keys.h"

namespace qleet::hub::lmdb {
namespace {

bool disk_is_full(const std::filesystem::path& dir) {
  struct statvfs stat{};
  constexpr std::uint64_t kAlmostNothing = 1 << 20;
  return ::statvfs(dir.c_str(), &stat) == 0 &&
         static_cast<std::uint64_t>(stat.f_bavail) * stat.f_frsize < kAlmostNothing;
}

}  // namespace

Result<std::unique_ptr<Env>> Env::open(const std::filesystem::path& dir, const EnvOptions& options) {
  std::unique_ptr<Env> env(new Env(dir));
  if (int rc = mdb_env_create(&env->env_)) return std::unexpected(env->error(rc, "create"));
  if (options.map_bytes != 0) {
    if (int rc = mdb_env_set_mapsize(env->env_, options.map_bytes)) {
      return std::unexpected(env->error(rc, "set the map size"));
    }
  }
  int rc = mdb_env_set_maxdbs(env->env_, 8);
  if (rc == 0) rc = mdb_env_set_maxreaders(env->env_, options.max_readers);
  const unsigned flags = MDB_NOTLS | (options.read_only ? MDB_RDONLY | MDB_NOLOCK : 0);
  if (rc == 0) rc = mdb_env_open(env->env_, dir.c_str(), flags, 0600);
  if (rc != 0) return std::unexpected(env->error(rc, "open"));
  TRY(env->open_tables(options.read_only));
  return env;
}

Env::~Env() {
  if (env_ != nullptr) mdb_env_close(env_);
}

Result<> Env::open_tables(bool read_only) {
  TxnHandle txn = TRY(TxnHandle::begin(*this, read_only));
  MDB_stat stat{};
  if (int rc = mdb_env_stat(env_, &stat)) return std::unexpected(error(rc, "stat"));
  const bool fresh = stat.ms_entries == 0;
  if (fresh && read_only) {
    return fail(Code::kInvalid, fmt::format("store {}: is empty", dir_.string()));
  }
  int rc = mdb_dbi_open(txn.get(), "meta", fresh ? MDB_CREATE : 0, &meta_);
  if (rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE) {
    return fail(Code::kUnsupported,
                fmt::format("store {}: is not a hub's store: name another directory", dir_.string()));
  }
  if (rc != 0) return std::unexpected(error(rc, "open table meta"));
  const std::string format = std::to_string(keys::kFormat);
  if (fresh) {
    rc = put_meta(*this, txn.get(), meta::kFormat, format);
    if (rc != 0) return std::unexpected(error(rc, "write the format"));
  } else {
    const auto found = TRY(get_meta(*this, txn.get(), meta::kFormat));
    if (found != format) {
      return fail(
          Code::kUnsupported,
          fmt::format("store {}: has format {}, this hub reads format {}: start the version of the hub "
                      "that wrote it, or restore a backup that this version made",
                      dir_.string(), found.value_or("(none)"), format));
    }
  }
  for (auto [name, dbi] : {std::pair{"data", &data_}, std::pair{"log", &log_}}) {
    rc = mdb_dbi_open(txn.get(), name, fresh ? MDB_CREATE : 0, dbi);
    if (rc != 0) {
      return std::unexpected(error(rc, std::string("open table ") + name));
    }
  }
  rc = txn.commit();
  if (rc != 0) return std::unexpected(error(rc, "make the tables"));
  return {};
}

Error Env::error(int rc, std::string_view doing) const {
  auto make = [&](Code code, std::string_view what) {
    return Error{code, fmt::format("store {}: {}: {}", dir_.string(), doing, what), {}};
  };
  switch (rc) {
    // A short write is EIO to LMDB.
    case EIO:
      if (!disk_is_full(dir_)) return make(Code::kInternal, mdb_strerror(rc));
      [[fallthrough]];
    case ENOSPC:
    case EDQUOT:
      return make(Code::kExhausted, "the disk is full: free or add space; nothing was written");
    case MDB_MAP_FULL:
      return make(Code::kExhausted,
                  "the store has reached its configured maximum size: raise it (or remove objects); "
                  "nothing was written");
    case MDB_TXN_FULL:
      return make(Code::kTooLarge, "the transaction writes too much at once: split it");
    case MDB_READERS_FULL:
      return make(Code::kExhausted, "too many reads at once: try again");
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
      return make(Code::kInternal,
                  fmt::format("{}: the file is damaged or not a store: restore a backup", mdb_strerror(rc)));
    case MDB_PANIC:
      return make(Code::kInternal, "an earlier write to the disk failed: check the disk, restart the hub");
    default:
      return make(Code::kInternal, mdb_strerror(rc));
  }
}

Result<TxnHandle> TxnHandle::begin(const Env& env, bool read_only) {
  MDB_txn* txn = nullptr;
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
