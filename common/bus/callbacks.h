// Numbers for objects that a C library is given as closures. The library may call back on its own threads
// after it has been told to stop; a number that no longer stands for anything is then simply not found.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "common/thread/mutex.h"

namespace qleet {

// Thread-safe.
template <class T>
class Callbacks {
 public:
  // One for the process: the library offers no place of its own to keep it.
  static Callbacks& instance() {
    // Never destroyed: the library's threads outlive main's objects.
    static auto* callbacks = new Callbacks;
    return *callbacks;
  }

  void* add(std::weak_ptr<T> target) {
    const MutexLock lock(mutex_);
    targets_.emplace(++last_, std::move(target));
    return reinterpret_cast<void*>(last_);  // NOLINT(performance-no-int-to-ptr): never followed
  }

  void remove(void* number) {
    const MutexLock lock(mutex_);
    targets_.erase(reinterpret_cast<std::uintptr_t>(number));
  }

  std::shared_ptr<T> find(void* number) {
    const MutexLock lock(mutex_);
    const auto found = targets_.find(reinterpret_cast<std::uintptr_t>(number));
    return found == targets_.end() ? nullptr : found->second.lock();
  }

 private:
  Mutex mutex_;
  std::uintptr_t last_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::uintptr_t, std::weak_ptr<T>> targets_ GUARDED_BY(mutex_);
};

}  // namespace qleet
