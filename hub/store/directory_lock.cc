#include "hub/store/directory_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace qleet::hub {
namespace {

std::string text_of(int error) { return std::generic_category().message(error); }

}  // namespace

Result<DirectoryLock> DirectoryLock::acquire(const std::filesystem::path& dir) {
  const auto path = dir / "LOCK";
  // Close-on-exec: a child that the hub starts must not keep the lock alive.
  DirectoryLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.fd_ < 0) return fail(Code::kInternal, fmt::format("{}: {}", path.string(), text_of(errno)));
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return fail(Code::kInternal, fmt::format("lock {}: {}", path.string(), text_of(errno)));
    }
    char pid[32] = {};
    ssize_t size = ::pread(lock.fd_, pid, sizeof pid - 1, 0);
    return fail(Code::kUnavailable,
                fmt::format("store {} is in use by process {}: stop that one first, or use another directory",
                            dir.string(), size > 0 ? pid : "(unknown)"));
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock.fd_, 0) != 0 || ::pwrite(lock.fd_, pid.data(), pid.size(), 0) < 0) {
    // The pid is for people alone: a full disk must not keep the store from opening.
    return lock;
  }
  return lock;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace qleet::hub
