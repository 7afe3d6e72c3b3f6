#include "cli/interrupt.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "cli/exit_codes.h"
#include "cli/output.h"

namespace qleet::cli {

Interrupt::Interrupt(std::string farewell, std::function<void()> last) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
  waiting_ = std::jthread(
      [signals, farewell = std::move(farewell), last = std::move(last)](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          timespec patience{.tv_sec = 0, .tv_nsec = 50'000'000};
          if (::sigtimedwait(&signals, nullptr, &patience) < 0) continue;
          if (last) last();
          // Terminals show "^C" where the cursor is.
          print_error("\n" + farewell + "\n");
          ::_exit(static_cast<int>(Exit::kInterrupted));
        }
      });
}

Interrupt::~Interrupt() {
  waiting_.request_stop();
  waiting_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace qleet::cli
