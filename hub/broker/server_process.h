// A process that may outlive the hub that started it: found again by its pid file, watched and ended without
// having to be its parent.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"

namespace qleet::hub {

// Move-only; closing the handle leaves the process alone.
class ServerProcess {
 public:
  // In a session of its own, with no open files of ours, standard output and error to the end of `log`. Its
  // environment is ours, and those of `defaults` (name, value) that ours does not name.
  static Result<ServerProcess> spawn(const std::vector<std::string>& command,
                                     const std::filesystem::path& log,
                                     const std::map<std::string, std::string>& defaults = {});
  // The process that the pid file names, if it still is the one: its command line has `argument` as a whole
  // argument, and it runs as this user.
  static std::optional<ServerProcess> find(const std::filesystem::path& pid_file,
                                           const std::string& argument);

  ~ServerProcess();
  ServerProcess(ServerProcess&& other) noexcept;
  ServerProcess& operator=(ServerProcess&& other) noexcept;

  pid_t pid() const { return pid_; }
  // Readable (poll) once the process has ended.
  int descriptor() const { return fd_; }
  bool ended() const;
  // A signal to this process alone, never to a later one of the same number.
  void signal(int number) const;
  // SIGTERM, then after `patience` SIGKILL; true if it ended by the first.
  bool stop(Millis patience) const;

 private:
  ServerProcess(pid_t pid, int fd) : pid_(pid), fd_(fd) {}
  bool wait(Millis timeout) const;
  pid_t pid_ = -1;
  int fd_ = -1;
};

}  // namespace qleet::hub
