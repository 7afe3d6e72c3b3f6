// The one thread that writes an LMDB store: group commit.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "common/metrics/histogram.h"
#include "common/thread/mutex.h"
#include "hub/store/buffered_txn.h"
#include "hub/store/lmdb_env.h"
#include "hub/store/lmdb_store.h"
#include "hub/store/lmdb_view.h"
#include "hub/store/reader_gate.h"
#include "hub/store/subscribers.h"

namespace qleet::hub::lmdb {

// Thread-safe.
class Writer {
 public:
  // `revision`: the store's current one. All arguments outlive this.
  Writer(Env& env, ReaderGate& gate, Subscribers& subscribers, const LmdbOptions& options, Revision revision);
  // Finishes what was submitted.
  ~Writer();

  // Both wait until durable.
  Result<Revision> transact(const TxnFunction& function);
  Result<Revision> compact(Revision before);

  // How long commits took that reached the disk, each with all that was written together, in seconds.
  const metrics::Histogram& commits() const { return commits_; }

  // Why writes are refused at present; looks again every second while there is such a reason.
  std::optional<Error> trouble() const;

 private:
  struct Request {
    const TxnFunction* function = nullptr;  // null: compact
    Revision compact_before = 0;
    std::promise<Result<Revision>> done;
  };
  using Batch = std::vector<std::shared_ptr<Request>>;
  using Outcome = std::variant<Result<Revision>, std::exception_ptr>;

  Result<Revision> submit(std::shared_ptr<Request> request);
  void loop();
  // How many of the batch, from its beginning, have their answer: the others ran out of time.
  size_t run(const Batch& batch);
  // Of as many as there was time for. Nothing of the batch has happened when this fails.
  Result<std::vector<Outcome>> attempt(const Batch& batch);
  // LMDB's own code. `revision` is the current one, and then what it became, or would have.
  int attempt_once(const Batch& batch, std::vector<Outcome>& outcomes, Revision& revision);
  int run_function(MDB_txn* txn, const TxnFunction& function, Revision& revision, Outcome& outcome);
  int apply(MDB_txn* txn, const BufferedTxn::Writes& writes, Revision revision, bool& wrote);
  Result<> grow();
  // After a failure of the disk, before anything else is written: makes sure of what the disk holds, and
  // follows it.
  Result<> settle();
  Result<> reopen();
  // What a commit came to, as far as the disk and the map are concerned.
  void note(const Result<>& result);
  // Whether there is room, and the disk takes a commit; changes nothing.
  Result<> probe();

  Env& env_;
  ReaderGate& gate_;
  Subscribers& subscribers_;
  const LmdbOptions& options_;
  Revision revision_;  // the thread's own, as all of this
  metrics::Histogram commits_{metrics::short_durations()};
  bool distrusted_ = false;  // the disk failed: what it holds is not known

  mutable Mutex mutex_;
  std::optional<Error> trouble_ GUARDED_BY(mutex_);
  Condition submitted_;
  std::deque<std::shared_ptr<Request>> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace qleet::hub::lmdb
