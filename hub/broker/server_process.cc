#include "hub/broker/server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

// glibc 2.36 forgets that C++ may include it.
extern "C" {
#include <sys/pidfd.h>
}

extern char** environ;

namespace qleet::hub {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool has_argument(const std::string& command_line, const std::string& argument) {
  for (std::size_t at = 0; at < command_line.size();) {
    const std::string_view one(command_line.c_str() + at);
    if (one == argument) return true;
    at += one.size() + 1;
  }
  return false;
}

// As exec wants them; they point into `texts`.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<ServerProcess> ServerProcess::spawn(const std::vector<std::string>& command,
                                           const std::filesystem::path& log,
                                           const std::map<std::string, std::string>& defaults) {
  std::vector<std::string> environment;
  for (char** one = environ; *one != nullptr; ++one) environment.emplace_back(*one);
  for (const auto& [name, value] : defaults)
    if (std::getenv(name.c_str()) == nullptr) environment.push_back(fmt::format("{}={}", name, value));
  const auto arguments = pointers(command);
  const auto variables = pointers(environment);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  sigset_t none;
  sigemptyset(&none);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int result =
      posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (result != 0) {
    return fail(result == ENOENT ? Code::kNotFound : Code::kInternal,
                fmt::format("{}: cannot be started: {}", command.front(), std::strerror(result)));
  }
  // Our child: its number cannot be given away before we have waited for it.
  const int fd = pidfd_open(pid, 0);
  if (fd < 0) {
    const int code = errno;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return fail(Code::kInternal,
                fmt::format("{}: cannot be watched: {}", command.front(), std::strerror(code)));
  }
  return ServerProcess(pid, fd);
}

std::optional<ServerProcess> ServerProcess::find(const std::filesystem::path& pid_file,
                                                 const std::string& argument) {
  const std::string text = read_file(pid_file);
  const pid_t pid = std::atoi(text.c_str());
  if (pid <= 1) return std::nullopt;
  const int fd = pidfd_open(pid, 0);
  if (fd < 0) return std::nullopt;
  // Looked at after the descriptor is ours: it and what we read are of one process.
  ServerProcess process(pid, fd);
  const std::string folder = fmt::format("/proc/{}", pid);
  struct stat status{};
  if (stat(folder.c_str(), &status) != 0 || status.st_uid != geteuid() ||
      !has_argument(read_file(folder + "/cmdline"), argument) || process.ended()) {
    return std::nullopt;
  }
  return process;
}

ServerProcess::~ServerProcess() {
  if (fd_ >= 0) close(fd_);
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), fd_(std::exchange(other.fd_, -1)) {}

ServerProcess& ServerProcess::operator=(ServerProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(fd_, other.fd_);
  return *this;
}

bool ServerProcess::wait(Millis timeout) const {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const auto left = std::chrono::duration_cast<Millis>(end - std::chrono::steady_clock::now()).count();
    pollfd item{.fd = fd_, .events = POLLIN, .revents = 0};
    const int result = poll(&item, 1, static_cast<int>(std::max<Millis::rep>(left, 0)));
    if (result > 0) {
      // Reaped if it is our child; another's is not ours to reap.
      siginfo_t info{};
      waitid(P_PIDFD, static_cast<id_t>(fd_), &info, WEXITED | WNOHANG);
      return true;
    }
    if (result == 0) return false;
    if (errno != EINTR) return false;
  }
}

bool ServerProcess::ended() const { return wait(Millis(0)); }

void ServerProcess::signal(int number) const { pidfd_send_signal(fd_, number, nullptr, 0); }

bool ServerProcess::stop(Millis patience) const {
  signal(SIGTERM);
  if (wait(patience)) return true;
  signal(SIGKILL);
  wait(Millis(5'000));
  return false;
}

}  // namespace qleet::hub
