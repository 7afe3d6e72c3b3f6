// How long to wait before a process that ended is started again.
#pragma once

#include <map>
#include <string>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"

namespace qleet::container {

// Thread-safe. Kept in memory alone: an agent that restarts may start a dying process once more, early.
class Restarts {
 public:
  explicit Restarts(const Clock& clock) : clock_(clock) {}

  // How long to wait still; zero: start it now.
  Millis remaining(const std::string& container) const;
  // It is being started again: the next wait is longer, unless it has run for long meanwhile.
  void note(const std::string& container);
  void forget(const std::string& container);

 private:
  struct Entry {
    unsigned count = 0;
    MonoTime last;
  };
  static Millis backoff(unsigned count);

  const Clock& clock_;
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace qleet::container
