// The standard library's mutexes, locks and condition variables, annotated: clang refuses a member that is
// GUARDED_BY a mutex where that is not held. What the analysis cannot follow are callbacks: a lambda that
// runs with a mutex held says so itself, `[&]() REQUIRES(mutex_) { ... }`.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "common/thread/annotations.h"

namespace qleet {

template <class Native>
class CAPABILITY("mutex") AnyMutex {
 public:
  AnyMutex() = default;
  AnyMutex(const AnyMutex&) = delete;
  AnyMutex& operator=(const AnyMutex&) = delete;

  void lock() ACQUIRE() { native_.lock(); }
  void unlock() RELEASE() { native_.unlock(); }
  bool try_lock() TRY_ACQUIRE(true) { return native_.try_lock(); }

 private:
  Native native_;
};

using Mutex = AnyMutex<std::mutex>;
// One that its thread may take again. The analysis knows no second taking within one function.
using RecursiveMutex = AnyMutex<std::recursive_mutex>;

// Holds a mutex for its own life, but for what is between unlock() and lock().
template <class M>
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(M& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }
  void unlock() RELEASE() {
    held_ = false;
    mutex_.unlock();
  }

 private:
  M& mutex_;
  bool held_ = true;
};

// Waits with a MutexLock, as std::condition_variable_any does; the mutex is held when a wait returns, and
// while a predicate runs. The analysis sees it as held all the time.
class Condition {
 public:
  void notify_one() noexcept { native_.notify_one(); }
  void notify_all() noexcept { native_.notify_all(); }

  template <class... Arguments>
  auto wait(Arguments&&... arguments) NO_THREAD_SAFETY_ANALYSIS {
    return native_.wait(std::forward<Arguments>(arguments)...);
  }
  template <class... Arguments>
  auto wait_for(Arguments&&... arguments) NO_THREAD_SAFETY_ANALYSIS {
    return native_.wait_for(std::forward<Arguments>(arguments)...);
  }
  template <class... Arguments>
  auto wait_until(Arguments&&... arguments) NO_THREAD_SAFETY_ANALYSIS {
    return native_.wait_until(std::forward<Arguments>(arguments)...);
  }

 private:
  std::condition_variable_any native_;
};

}  // namespace qleet
