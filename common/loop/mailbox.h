// What other threads hand to a Stepper: a bounded queue that is emptied at once.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "common/thread/mutex.h"

namespace qleet {

// Thread-safe.
template <class T>
class Mailbox {
 public:
  explicit Mailbox(size_t limit) : limit_(limit) {}

  // False when full: `item` was dropped, and counted.
  bool put(T item) {
    const MutexLock lock(mutex_);
    if (items_.size() >= limit_) {
      ++dropped_;
      return false;
    }
    items_.push_back(std::move(item));
    return true;
  }

  std::vector<T> take() {
    const MutexLock lock(mutex_);
    return std::exchange(items_, {});
  }

  std::uint64_t dropped() const {
    const MutexLock lock(mutex_);
    return dropped_;
  }

 private:
  const size_t limit_;
  mutable Mutex mutex_;
  std::vector<T> items_ GUARDED_BY(mutex_);
  std::uint64_t dropped_ GUARDED_BY(mutex_) = 0;
};

}  // namespace qleet
