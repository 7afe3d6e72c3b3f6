#include "common/process/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace qleet {
namespace {

// In a process group of its own, with no signal blocked. Writes into `out`, and closes it here.
int start(const std::string& command, int out, pid_t& child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  const char* argv[] = {"/bin/sh", "-c", command.c_str(), nullptr};
  const int error =
      posix_spawn(&child, argv[0], &actions, &attributes, const_cast<char* const*>(argv), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(out);
  return error;
}

Result<std::string> read_all(int in, Millis limit, size_t most) {
  const auto until = std::chrono::steady_clock::now() + limit;
  std::string text;
  while (true) {
    const auto left = std::chrono::ceil<Millis>(until - std::chrono::steady_clock::now());
    if (left <= Millis(0))
      return fail(Code::kDeadline, fmt::format("did not end within {} s", limit.count() / 1000));
    pollfd wait{in, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(left.count())) <= 0) continue;
    char chunk[4096];
    const auto got = ::read(in, chunk, sizeof chunk);
    if (got == 0) return text;
    if (got < 0 && errno != EINTR && errno != EAGAIN) return fail(Code::kInternal, std::strerror(errno));
    if (got > 0) text.append(chunk, static_cast<size_t>(got));
    if (text.size() > most) return fail(Code::kTooLarge, fmt::format("printed more than {} bytes", most));
  }
}

}  // namespace

Result<std::string> output_of(const std::string& command, Millis limit, size_t most) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Code::kExhausted, std::strerror(errno));
  pid_t child = -1;
  if (const int error = start(command, ends[1], child)) {
    ::close(ends[0]);
    return fail(Code::kInvalid, fmt::format("cannot be run: {}", std::strerror(error)));
  }
  auto text = read_all(ends[0], limit, most);
  ::close(ends[0]);
  if (!text) ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!text || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) return text;
  return fail(Code::kInvalid, WIFEXITED(status) ? fmt::format("ended with code {}", WEXITSTATUS(status))
                                                : fmt::format("was ended by signal {}", WTERMSIG(status)));
}

}  // namespace qleet
