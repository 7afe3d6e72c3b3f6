#include "hub/store/lmdb_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <utility>

#include "common/log/log.h"
#include "common/mdb/disk.h"
#include "hub/store/keys.h"

namespace qleet::hub::lmdb {
namespace {

// Bound how long a caller waits for others' transactions, what one commit can lose together, and the memory
// that its pages take.
constexpr size_t kMaxBatch = 1024;
constexpr std::chrono::milliseconds kLongestBatch{100};
// Trimming keeps up with writing without making one commit long.
constexpr size_t kMinTrim = 1024;
// While writes are refused.
constexpr std::chrono::seconds kProbeEvery{1};
constexpr size_t kProbeBytes = 64 << 10;
constexpr log::Logger kLog{"store"};

}  // namespace

Writer::Writer(Env& env, ReaderGate& gate, Subscribers& subscribers, const LmdbOptions& options,
               Revision revision)
    : env_(env), gate_(gate), subscribers_(subscribers), options_(options), revision_(revision) {
  thread_ = std::thread([this] { loop(); });
}

Writer::~Writer() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  submitted_.notify_one();
  thread_.join();
}

Result<Revision> Writer::transact(const TxnFunction& function) {
  auto request = std::make_shared<Request>();
  request->function = &function;
  return submit(std::move(request));
}

Result<Revision> Writer::compact(Revision before) {
  auto request = std::make_shared<Request>();
  request->compact_before = before;
  return submit(std::move(request));
}

Result<Revision> Writer::submit(std::shared_ptr<Request> request) {
  if (std::this_thread::get_id() == thread_.get_id()) {
    return fail(Code::kInternal, "store: a transaction was begun within a transaction");
  }
  auto done = request->done.get_future();
  {
    const MutexLock lock(mutex_);
    queue_.push_back(std::move(request));
  }
  submitted_.notify_one();
  return done.get();
}

void Writer::loop() {
  for (;;) {
    Batch batch;
    {
      MutexLock lock(mutex_);
      const auto woken = [&]() REQUIRES(mutex_) { return stopping_ || !queue_.empty(); };
      if (!trouble_) {
        submitted_.wait(lock, woken);
      } else if (!submitted_.wait_for(lock, kProbeEvery, woken)) {
        lock.unlock();
        note(probe());
        continue;
      }
      if (queue_.empty()) return;
      const size_t count = std::min(queue_.size(), kMaxBatch);
      std::move(queue_.begin(), queue_.begin() + count, std::back_inserter(batch));
      queue_.erase(queue_.begin(), queue_.begin() + count);
    }
    const Revision before = revision_;
    const size_t answered = run(batch);
    if (revision_ != before) subscribers_.notify(revision_);
    if (answered == batch.size()) continue;
    const MutexLock lock(mutex_);
    queue_.insert(queue_.begin(), batch.begin() + static_cast<std::ptrdiff_t>(answered), batch.end());
  }
}

size_t Writer::run(const Batch& batch) {
  const auto begun = std::chrono::steady_clock::now();
  const Revision before = revision_;
  auto outcomes = attempt(batch);
  if (outcomes) {
    if (revision_ != before)
      commits_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
    note({});
  } else {
    note(std::unexpected(outcomes.error()));
  }
  const auto does_not_fit = [](Code code) { return code == Code::kFull || code == Code::kTooLarge; };
  if (!outcomes && batch.size() > 1 && !distrusted_ && does_not_fit(outcomes.error().code)) {
    // One of them may be what does not fit: it shall not take the others with it.
    for (const auto& request : batch) run({request});
    return batch.size();
  }
  const size_t answered = outcomes ? outcomes->size() : batch.size();
  for (size_t i = 0; i < answered; ++i) {
    auto& done = batch[i]->done;
    if (!outcomes) {
      done.set_value(std::unexpected(outcomes.error()));
    } else if (auto* thrown = std::get_if<std::exception_ptr>(&(*outcomes)[i])) {
      done.set_exception(*thrown);
    } else {
      done.set_value(std::get<Result<Revision>>(std::move((*outcomes)[i])));
    }
  }
  return answered;
}

Result<std::vector<Writer::Outcome>> Writer::attempt(const Batch& batch) {
  TRY(settle());
  for (;;) {
    std::vector<Outcome> outcomes;
    const Revision before = revision_;
    Revision revision = before;
    const int rc = attempt_once(batch, outcomes, revision);
    if (rc == 0) return outcomes;
    if (rc == MDB_MAP_FULL) {
      TRY(grow());
      continue;
    }
    const Error error = env_.error(rc, "commit");
    if (!mdb::is_system_error(rc)) return std::unexpected(error);
    distrusted_ = true;
    if (const auto settled = settle(); !settled) {
      return fail(error.code,
                  fmt::format("store {}: commit: {}: whether this was written is not known before the "
                              "disk works again, and until then nothing is",
                              env_.dir().string(), std::generic_category().message(rc)));
    }
    // It had happened after all.
    if (revision_ == revision && revision_ != before) return outcomes;
    return std::unexpected(error);
  }
}

void Writer::note(const Result<>& result) {
  const MutexLock lock(mutex_);
  if (!result && result.error().code != Code::kFull && result.error().code != Code::kUnavailable) return;
  const bool troubled = trouble_.has_value();
  if (result) {
    if (troubled) kLog.info("the store is written again");
    trouble_.reset();
    return;
  }
  if (!troubled) kLog.error("the store cannot be written", {{"error", result.error().message}});
  trouble_ = result.error();
}

std::optional<Error> Writer::trouble() const {
  const MutexLock lock(mutex_);
  return trouble_;
}

Result<> Writer::probe() {
  const Revision before = revision_;
  TRY(settle());
  if (revision_ != before) subscribers_.notify(revision_);
  if (env_.disk_is_full()) return std::unexpected(env_.error(ENOSPC, "look for room"));
  {
    const TxnHandle room = TRY(TxnHandle::begin(env_, false));
    if (int rc = put_meta(env_, room.get(), "probe", std::string(kProbeBytes, '0')))
      return std::unexpected(env_.error(rc, "look for room"));
  }
  TxnHandle txn = TRY(TxnHandle::begin(env_, false));
  int rc = put_meta(env_, txn.get(), meta::kRevision, encode_revision(revision_));
  if (rc == 0) rc = txn.commit();
  if (rc == 0) return {};
  distrusted_ = mdb::is_system_error(rc);
  return std::unexpected(env_.error(rc, "look for room"));
}

Result<> Writer::settle() {
  if (!distrusted_) return {};
  if (env_.panicked() || env_.read_only()) TRY(reopen());
  if (const int rc = mdb::settle(env_.dir())) return std::unexpected(env_.error(rc, "write after an error"));
  const TxnHandle txn = TRY(TxnHandle::begin(env_, true));
  revision_ = TRY(get_meta_revision(env_, txn.get(), meta::kRevision));
  distrusted_ = false;
  return {};
}

Result<> Writer::reopen() {
  if (!gate_.close(options_.grow_wait))
    return fail(Code::kUnavailable,
                "store: has to be opened again, but is being read all the time: try again");
  const auto done = env_.reopen();
  gate_.open();
  TRY(done);
  if (env_.read_only()) return std::unexpected(env_.error(EROFS, "write after an error"));
  return {};
}

int Writer::attempt_once(const Batch& batch, std::vector<Outcome>& outcomes, Revision& revision) {
  MDB_txn* raw = nullptr;
  if (int rc = mdb_txn_begin(env_.handle(), nullptr, 0, &raw)) return rc;
  TxnHandle txn(raw);
  bool compacted = false;
  const auto until = std::chrono::steady_clock::now() + kLongestBatch;
  for (const auto& request : batch) {
    if (!outcomes.empty() && std::chrono::steady_clock::now() > until) break;
    Outcome& outcome = outcomes.emplace_back(Result<Revision>(revision));
    if (request->function != nullptr) {
      if (int rc = run_function(txn.get(), *request->function, revision, outcome)) return rc;
      continue;
    }
    const auto floor = get_meta_revision(env_, txn.get(), meta::kLogFloor);
    if (!floor) return MDB_CORRUPTED;
    // Up to the current revision: a log that is whole after the future could tell nothing.
    const Revision wanted = std::min(request->compact_before, revision + 1);
    if (wanted <= *floor + 1) continue;
    if (int rc = trim_log(env_, txn.get(), {.before = wanted})) return rc;
    if (int rc = put_meta(env_, txn.get(), meta::kLogFloor, encode_revision(wanted - 1))) return rc;
    compacted = true;
  }
  if (revision == revision_ && !compacted) return 0;

  const LogBound bound{.max_entries = options_.max_log_entries,
                       .max_bytes = options_.max_log_bytes,
                       .budget = kMinTrim + 2 * (revision - revision_)};
  if (int rc = trim_log(env_, txn.get(), bound)) return rc;
  if (int rc = put_meta(env_, txn.get(), meta::kRevision, encode_revision(revision))) return rc;
  if (int rc = txn.commit()) return rc;
  revision_ = revision;
  return 0;
}

int Writer::run_function(MDB_txn* txn, const TxnFunction& function, Revision& revision, Outcome& outcome) {
  const View view(env_, txn, revision);
  BufferedTxn buffered(view, revision + 1);
  try {
    auto result = function(buffered);
    if (result) result = buffered.valid();
    if (!result) {
      outcome = Result<Revision>(std::unexpected(std::move(result).error()));
      return 0;
    }
  } catch (...) {
    outcome = std::current_exception();
    return 0;
  }
  bool wrote = false;
  if (int rc = apply(txn, buffered.writes(), revision + 1, wrote)) return rc;
  if (wrote) ++revision;
  outcome = Result<Revision>(revision);
  return 0;
}

int Writer::apply(MDB_txn* txn, const BufferedTxn::Writes& writes, Revision revision, bool& wrote) {
  const std::string stamp = encode_revision(revision);
  std::uint32_t index = 0;
  for (const auto& [key, value] : writes) {
    const bool logged = key.starts_with(keys::kObjectPrefix);
    MDB_val k = val(key);
    if (!value) {
      MDB_val old{};
      int rc = mdb_get(txn, env_.data(), &k, &old);
      if (rc == MDB_NOTFOUND) continue;
      if (rc != 0) return rc;
      const std::string last(view(old).substr(std::min<size_t>(8, old.mv_size)));
      rc = mdb_del(txn, env_.data(), &k, nullptr);
      if (rc == 0 && logged) rc = append_log(env_, txn, revision, index++, LogKind::kErased, key, last);
      if (rc != 0) return rc;
      wrote = true;
      continue;
    }
    LogKind kind = LogKind::kChanged;
    if (logged) {
      MDB_val old{};
      const int rc = mdb_get(txn, env_.data(), &k, &old);
      if (rc != 0 && rc != MDB_NOTFOUND) return rc;
      if (rc == MDB_NOTFOUND) kind = LogKind::kCreated;
    }
    MDB_val v{stamp.size() + value->size(), nullptr};
    if (int rc = mdb_put(txn, env_.data(), &k, &v, MDB_RESERVE)) return rc;
    std::copy(value->begin(), value->end(),
              std::copy(stamp.begin(), stamp.end(), static_cast<char*>(v.mv_data)));
    wrote = true;
    if (!logged) continue;
    if (int rc = append_log(env_, txn, revision, index++, kind, key, *value)) return rc;
  }
  return 0;
}

Result<> Writer::grow() {
  MDB_envinfo info{};
  if (int rc = mdb_env_info(env_.handle(), &info)) return std::unexpected(env_.error(rc, "grow"));
  if (info.me_mapsize >= options_.max_map_bytes) return std::unexpected(env_.error(MDB_MAP_FULL, "commit"));
  if (!gate_.close(options_.grow_wait)) {
    return fail(Code::kUnavailable, "store: has to grow, but is being read all the time: try again");
  }
  const int rc =
      mdb_env_set_mapsize(env_.handle(), std::min<size_t>(info.me_mapsize * 2, options_.max_map_bytes));
  gate_.open();
  if (rc != 0) return std::unexpected(env_.error(rc, "grow"));
  return {};
}

}  // namespace qleet::hub::lmdb
