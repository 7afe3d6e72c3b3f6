// A process of the test's own: started with its output in a file, signalled by its id alone, and never
// outliving the test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/patience.h"

namespace qleet::test {

using Environment = std::map<std::string, std::string>;  // on top of the test's own

// Not thread-safe: to be started from the thread that outlives it (the kernel ends it with that thread).
class Child {
 public:
  Child() = default;
  // Output is appended to `log`. Throws std::runtime_error where there is no such program.
  Child(const std::vector<std::string>& command, const std::filesystem::path& log,
        const Environment& environment = {});
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number) const;
  // SIGTERM, and SIGKILL where that does not help. The exit status as waitpid gives it; -1: none runs.
  int stop(std::chrono::milliseconds patience = std::chrono::seconds(15));
  void kill9();

 private:
  bool reap(bool wait);
  pid_t pid_ = -1;
  int status_ = -1;
};

struct Ran {
  int exit = -1;  // 128 + signal where it was ended by one
  std::string out;
  std::string err;
};

// Runs to its end; killed after `limit`.
Ran run(const std::vector<std::string>& command, const Environment& environment = {},
        const std::string& input = {}, std::chrono::milliseconds limit = std::chrono::minutes(3));

// Asks every few milliseconds.
template <class Condition>
bool until(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(20));

void nap(std::chrono::milliseconds time);

template <class Condition>
bool until(Condition condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + patient(limit);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    nap(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace qleet::test
