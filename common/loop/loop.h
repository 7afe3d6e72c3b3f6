// A part of the program that does everything in steps on one thread: what arrives from other threads is
// queued, and handled when the owner makes a step. A test or a simulation calls `step` itself; in production
// a LoopThread does.
#pragma once

#include <functional>
#include <thread>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"

namespace qleet {

class Stepper {
 public:
  virtual ~Stepper() = default;
  // Handles what has arrived and what is due; never waits for a peer. Returns when to come back at the
  // latest. One thread at a time.
  virtual MonoTime step() = 0;
};

// Thread-safe. Tells whoever drives a Stepper that there is something to do.
class Wake {
 public:
  void operator()();
  // Replaces the one before; an empty function ends it, and no call of the old one is running afterwards.
  void set(std::function<void()> target);

 private:
  Mutex mutex_;
  std::function<void()> target_ GUARDED_BY(mutex_);
};

// Drives a Stepper on a thread of its own: a step when woken or due. `stepper`, `wake` and `clock` must
// outlive it. The destructor waits for the step that is running.
class LoopThread {
 public:
  LoopThread(Stepper& stepper, Wake& wake, const Clock& clock);
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

 private:
  void run();

  Stepper& stepper_;
  Wake& wake_;
  const Clock& clock_;
  Mutex mutex_;
  Condition changed_;
  bool woken_ GUARDED_BY(mutex_) = true;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace qleet
