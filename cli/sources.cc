#include "cli/sources.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace qleet::cli {
namespace {

// A FIFO is opened without waiting for its other end, a terminal does not become ours.
constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

int open_below(int folder, const std::string& name) {
  open_how how{};
  how.flags = kFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const auto fd = ::syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how);
  if (fd >= 0) return static_cast<int>(fd);
  if (errno == ENOSYS || errno == EPERM) return open_below_by_steps(folder, name);
  return -errno;
}

std::string why_not(int error) {
  switch (error) {
    case ENOENT:
      return "does not exist";
    case EXDEV:
    case ELOOP:
      return "leads out of the folder; only what is below it is read";
    default:
      return fmt::format("cannot be read: {}", std::strerror(error));
  }
}

Result<std::string> read_all(int fd, size_t limit) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return fail(Code::kInvalid, why_not(errno));
  if (!S_ISREG(status.st_mode)) return fail(Code::kInvalid, "is not a regular file");
  std::string text;
  while (text.size() <= limit) {
    const size_t have = text.size();
    text.resize(have + (64 << 10));
    const auto got = ::read(fd, text.data() + have, text.size() - have);
    text.resize(have + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0) return text;
    if (got < 0 && errno != EINTR) return fail(Code::kInvalid, why_not(errno));
  }
  return fail(Code::kInvalid, fmt::format("is larger than {} KiB", limit >> 10));
}

}  // namespace

int open_below_by_steps(int folder, const std::string& name) {
  if (name.starts_with('/')) return -EXDEV;
  int at = ::dup(folder);
  size_t begin = 0;
  while (at >= 0) {
    const auto end = std::min(name.find('/', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    const bool last = end == name.size();
    begin = end + 1;
    if (part == "..") {
      ::close(at);
      return -EXDEV;
    }
    if (!last && (part.empty() || part == ".")) continue;
    const int next = ::openat(at, part.empty() ? "." : part.c_str(),
                              last ? kFlags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    // A link that stands for a folder is no folder where links are not followed.
    struct stat status{};
    const bool link = next < 0 && errno == ENOTDIR &&
                      ::fstatat(at, part.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                      S_ISLNK(status.st_mode);
    const int error = next >= 0 ? 0 : link ? ELOOP : errno;
    ::close(at);
    if (error != 0) return -error;
    if (last) return next;
    at = next;
  }
  return -errno;
}

Result<SourceFolder> SourceFolder::open(const std::filesystem::path& path) {
  const int fd = ::open(path.empty() ? "." : path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail(Code::kInvalid, fmt::format("{}: {}", path.string(), why_not(errno)));
  return SourceFolder(fd);
}

SourceFolder::SourceFolder(SourceFolder&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

SourceFolder::~SourceFolder() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::string> SourceFolder::read(const std::string& name, size_t limit) const {
  if (name.empty() || name.find('\0') != std::string::npos)
    return fail(Code::kInvalid, "is no name of a file");
  const int fd = open_below(fd_, name);
  if (fd < 0) return fail(Code::kInvalid, why_not(-fd));
  auto text = read_all(fd, limit);
  ::close(fd);
  return text;
}

}  // namespace qleet::cli
