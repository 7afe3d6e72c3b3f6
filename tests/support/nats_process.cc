#include "tests/support/nats_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

extern char** environ;

namespace qleet::testing {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

bool port_answers(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool good = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return good;
}

NatsProcess::NatsProcess(const std::string& config) {
  std::string name = (std::filesystem::temp_directory_path() / "qleet-nats-XXXXXX").string();
  folder_ = mkdtemp(name.data());
  std::ofstream(folder_ / "nats.conf") << config << "\n";
  port_ = free_port();
  start();
}

NatsProcess::~NatsProcess() {
  kill9();
  std::filesystem::remove_all(folder_);
}

std::string NatsProcess::url(const std::string& scheme) const {
  return fmt::format("{}://127.0.0.1:{}", scheme, port_);
}

void NatsProcess::kill9() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void NatsProcess::start() {
  const std::string config = folder_ / "nats.conf";
  const std::string log = folder_ / "nats.log";
  const std::string port = std::to_string(port_);
  const char* arguments[] = {"nats-server", "-c", config.c_str(), "-a",
                             "127.0.0.1",   "-p", port.c_str(),   nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const int result =
      posix_spawnp(&pid_, "nats-server", &actions, nullptr, const_cast<char* const*>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (result != 0) throw std::runtime_error("nats-server cannot be started");
  if (!eventually([this] { return port_answers(port_); }))
    throw std::runtime_error("nats-server does not answer");
}

}  // namespace qleet::testing
