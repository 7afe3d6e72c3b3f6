// What tells a program to stop, waited for rather than handled.
#pragma once

#include <csignal>
#include <optional>

#include "common/clock/clock.h"

namespace qleet {

// SIGTERM and SIGINT.
class StopSignals {
 public:
  // Before any thread exists, so that all inherit it. From here on neither ends the process by itself, and a
  // peer that has gone is an error of the call that writes, not a SIGPIPE.
  StopSignals();

  // The number of the one that came.
  int wait() const;
  // nullopt: none came meanwhile.
  std::optional<int> wait_for(Millis time) const;

 private:
  sigset_t set_{};
};

}  // namespace qleet
