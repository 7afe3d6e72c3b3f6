// Counts who reads, so that the one thing LMDB allows only without readers, growing its map, can wait for
// them. Thread-safe; readers may leave on another thread than they came.
#pragma once

#include <chrono>

#include "common/thread/mutex.h"

namespace qleet::hub {

class ReaderGate {
 public:
  // Waits while closed.
  void enter() {
    MutexLock lock(mutex_);
    changed_.wait(lock, [&]() REQUIRES(mutex_) { return !closed_; });
    ++inside_;
  }
  void leave() {
    const MutexLock lock(mutex_);
    if (--inside_ == 0) changed_.notify_all();
  }
  // Lets nobody in and waits until all have left; false, and open again, when they have not in time. One
  // closer at a time.
  bool close(std::chrono::milliseconds timeout) {
    MutexLock lock(mutex_);
    closed_ = true;
    if (changed_.wait_for(lock, timeout, [&]() REQUIRES(mutex_) { return inside_ == 0; })) return true;
    closed_ = false;
    changed_.notify_all();
    return false;
  }
  void open() {
    const MutexLock lock(mutex_);
    closed_ = false;
    changed_.notify_all();
  }

 private:
  Mutex mutex_;
  Condition changed_;
  bool closed_ GUARDED_BY(mutex_) = false;
  size_t inside_ GUARDED_BY(mutex_) = 0;
};

}  // namespace qleet::hub
