// Counts who reads, so that the one thing LMDB allows only without readers, growing its map, can wait for
// them. Thread-safe; readers may leave on another thread than they came.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace qleet::hub {

class ReaderGate {
 public:
  // Waits while closed.
  void enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !closed_; });
    ++inside_;
  }
  void leave() {
    std::lock_guard lock(mutex_);
    if (--inside_ == 0) changed_.notify_all();
  }
  // Lets nobody in and waits until all have left; false, and open again, when they have not in time. One
  // closer at a time.
  bool close(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    closed_ = true;
    if (changed_.wait_for(lock, timeout, [&] { return inside_ == 0; })) return true;
    closed_ = false;
    changed_.notify_all();
    return false;
  }
  void open() {
    std::lock_guard lock(mutex_);
    closed_ = false;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  size_t inside_ = 0;
};

}  // namespace qleet::hub
