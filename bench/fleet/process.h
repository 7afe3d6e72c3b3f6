// A process that the benchmark started, and what it costs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace qleet::bench {

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point begin);
// Throws std::runtime_error: what was started ends on the way out.
[[noreturn]] void fail_with(const std::string& what);

// Polls until it holds; ends the program, naming `what`, where it does not within `limit`.
template <class Condition>
double wait_until(const std::string& what, std::chrono::seconds limit, Condition condition);
void nap(std::chrono::milliseconds time);

// Ends with its starter, also where that is killed.
class Process {
 public:
  Process() = default;
  Process(const std::vector<std::string>& command, const std::string& log);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number) const;
  // SIGTERM, and waits.
  void stop();
  void kill9();

 private:
  void reap();
  pid_t pid_ = -1;
};

struct Usage {
  double resident_mb = 0;  // the store's mapped file included
  double own_mb = 0;       // without files: what the system cannot take back
  double peak_mb = 0;      // since it started
  double cpu_seconds = 0;
};
// All zero where there is no such process.
Usage usage_of(pid_t pid);

template <class Condition>
double wait_until(const std::string& what, std::chrono::seconds limit, Condition condition) {
  const auto begin = Steady::now();
  while (!condition()) {
    if (Steady::now() - begin > limit)
      fail_with(what + ": not within " + std::to_string(limit.count()) + " s");
    nap(std::chrono::milliseconds(1));
  }
  return seconds_since(begin);
}

}  // namespace qleet::bench
