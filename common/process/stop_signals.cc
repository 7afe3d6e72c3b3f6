#include "common/process/stop_signals.h"

#include <ctime>

namespace qleet {

StopSignals::StopSignals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int StopSignals::wait() const {
  int signal = 0;
  sigwait(&set_, &signal);
  return signal;
}

std::optional<int> StopSignals::wait_for(Millis time) const {
  const timespec limit{.tv_sec = time.count() / 1000, .tv_nsec = time.count() % 1000 * 1'000'000};
  const int signal = sigtimedwait(&set_, nullptr, &limit);
  return signal < 0 ? std::nullopt : std::optional(signal);
}

}  // namespace qleet
