// Where provider steps run. The engine hands over work and is told of its end through its own inbox.
#pragma once

#include <deque>
#include <functional>

#include "common/thread/mutex.h"

namespace qleet::agent {

// Thread-safe.
class Executor {
 public:
  virtual ~Executor() = default;
  // Runs `work` once, soon, on any thread (also at once on the caller's). Work may be dropped unrun when the
  // executor is destroyed.
  virtual void run(std::function<void()> work) = 0;
};

// Threads that are made when work waits and none is free, up to `max_threads`, and end after having been idle
// for a while: a slow step holds up nobody, and an idle agent has none.
class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(unsigned max_threads);
  // Drops what has not begun, waits for what has.
  ~ThreadExecutor() override;
  void run(std::function<void()> work) override;

 private:
  void serve();

  const unsigned max_threads_;
  Mutex mutex_;
  Condition work_ready_;
  Condition all_ended_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  unsigned threads_ GUARDED_BY(mutex_) = 0;
  unsigned idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace qleet::agent
