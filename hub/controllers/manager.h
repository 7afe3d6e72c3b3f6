// The loop: follows the store's change log, and runs the reconcilers on the keys that its changes touch.
//
// Nothing is remembered that cannot be found again in the store: after a restart it goes on from the position
// that it noted last, and looks once at what was unfinished (deployments, applications, timers), when nothing
// else is to be done.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"
#include "common/thread/mutex.h"
#include "hub/controllers/change_map.h"
#include "hub/controllers/unfinished.h"
#include "hub/controllers/work.h"
#include "hub/controllers/work_queue.h"
#include "hub/store/random.h"
#include "hub/store/store.h"

namespace qleet::hub::controllers {

struct ManagerOptions {
  // Threads. They wait most of the time: what several write shares one commit.
  size_t workers = 32;
  size_t max_changes_per_read = 1000;
  // How far everything is done is noted so often, while there is something to note.
  Millis note_position_after{2'000};
};

// Either driven by hand (resume or start_after, then run_until_idle or turn), or by its own threads (start,
// stop).
class Manager {
 public:
  Manager(Store& store, const Clock& clock, const Random& random)
      : Manager(store, clock, random, ManagerOptions()) {}
  Manager(Store& store, const Clock& clock, const Random& random, const ManagerOptions& options);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // Finds what is to be done.
  Result<> resume();
  // Notes that a hub starts, and that nothing was heard of any agent before.
  void note_start();
  // Cares only for what changes after this revision.
  void start_after(Revision revision);

  // Reads changes and runs what is due, on the caller's thread, until there is nothing left; delayed keys
  // stay. The number of steps. kInternal after `max_steps`: something does not come to rest. An error or
  // exception of a reconciler does not end it; the key is tried again later.
  Result<size_t> run_until_idle(size_t max_steps = 1'000'000);

  // One turn of what its threads do: reads changes, and runs the next key that is due. False: nothing is left
  // to do before next_due (nullopt: before the next change).
  bool turn();
  std::optional<MonoTime> next_due();

  // note_start, resume, and then threads that run until stop. stop returns when all have ended; it is safe to
  // call twice.
  Result<> start();
  void stop();

  // Keys that are due now; for metrics.
  size_t depth() const { return queue_.size(); }

 private:
  Result<size_t> poll();
  Result<std::set<Key>> keys_of(const Reader& reader, const Change& change) REQUIRES(poll_mutex_);
  Result<> look_at_everything(const Reader& reader) REQUIRES(poll_mutex_);
  // Goes on with looking at what was unfinished. False: it has seen everything.
  Result<bool> search();
  bool run_one(bool rests);
  // How long the key may rest afterwards. `spent`: processor time of the step.
  Result<Millis> run(const Key& key, std::chrono::microseconds& spent);
  struct Stepped {
    std::optional<WallTime> again;  // when to look again, where time alone may change the outcome
    Millis rest{};                  // may go by before the next step of this key
    bool unused = false;            // something that nobody needs is to be looked at
  };
  static Result<Stepped> step(Work& work, const Key& key, const std::set<std::string>& touched);
  void note_position();
  std::optional<MonoTime> note_due();
  void work();
  void pause_after(std::string_view what, const Error& error);
  void signal();
  void requeue(const Key& key, WallTime when);

  Store& store_;
  const Clock& clock_;
  const Random random_;
  const ManagerOptions options_;
  WorkQueue queue_;

  Mutex poll_mutex_;  // one reader of the log
  ChangeMap changes_ GUARDED_BY(poll_mutex_);
  std::optional<UnfinishedSearch> search_ GUARDED_BY(poll_mutex_);
  Revision position_ GUARDED_BY(poll_mutex_) = 0;
  Revision noted_ GUARDED_BY(poll_mutex_) = 0;
  MonoTime noted_at_ GUARDED_BY(poll_mutex_){};
  Revision marked_ GUARDED_BY(poll_mutex_) = 0;
  std::deque<std::pair<WorkQueue::Mark, Revision>> marks_
      GUARDED_BY(poll_mutex_);  // all changes up to there led to what was added before

  TouchedRegions touched_;

  Mutex mutex_;
  Condition wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::uint64_t signals_ GUARDED_BY(mutex_) = 0;          // commits
  std::uint64_t polled_ GUARDED_BY(mutex_) = 0;           // of which the log was read
  std::optional<MonoTime> waits_for_ GUARDED_BY(mutex_);  // a thread does
  std::vector<std::thread> threads_;
  std::shared_ptr<void> subscription_;
};

}  // namespace qleet::hub::controllers
