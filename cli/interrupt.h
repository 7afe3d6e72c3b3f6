// Ctrl-C while something is followed: what was asked for goes on, and the user is told so.
#pragma once

#include <csignal>
#include <functional>
#include <string>
#include <thread>

namespace qleet::cli {

// While it lives, SIGINT and SIGTERM end the process with 130, after `last` was called (on a thread of its
// own) and `farewell` printed on standard error, whatever other threads are busy with. Made before other
// threads of the command, which inherit that they do not get these signals themselves.
class Interrupt {
 public:
  explicit Interrupt(std::string farewell, std::function<void()> last = {});
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

 private:
  sigset_t before_{};
  std::jthread waiting_;
};

}  // namespace qleet::cli
