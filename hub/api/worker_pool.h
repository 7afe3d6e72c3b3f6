// A fixed number of threads for work that may block (store transactions, plans), behind a bounded queue.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/thread/mutex.h"

namespace qleet::hub::api {

// Thread-safe.
class WorkerPool {
 public:
  WorkerPool(unsigned threads, size_t queue_limit);
  ~WorkerPool();  // stop()

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False when the queue is full or the pool was stopped: `job` will not run. Jobs must not throw.
  [[nodiscard]] bool submit(std::function<void()> job);
  // For the continuation of work that was already let in (the next piece of a stream): no limit, since the
  // number of those is bounded elsewhere. False only when stopped.
  [[nodiscard]] bool submit_admitted(std::function<void()> job);
  // Waits for running jobs; jobs that have not begun are dropped.
  void stop();
  size_t waiting() const;

 private:
  void run();
  bool push(std::function<void()> job, size_t limit);

  const size_t queue_limit_;
  mutable Mutex mutex_;
  Condition changed_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace qleet::hub::api
