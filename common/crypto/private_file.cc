#include "common/crypto/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace qleet::crypto {
namespace {

namespace fs = std::filesystem;

struct Descriptor {
  int fd;
  explicit Descriptor(int given) : fd(given) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

std::unexpected<Error> io_error(const fs::path& path, std::string_view what) {
  const int code = errno;
  const Code kind = code == ENOSPC || code == EDQUOT  ? Code::kFull
                    : code == EACCES || code == EPERM ? Code::kDenied
                    : code == EEXIST                  ? Code::kExists
                                                      : Code::kInternal;
  return fail(kind, fmt::format("{}: cannot {}: {}", path.string(), what, std::strerror(code)));
}

Result<> make_parents(const fs::path& folder) {
  std::error_code error;
  if (folder.empty() || fs::is_directory(folder, error)) return {};
  TRY(make_parents(folder.parent_path()));
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return io_error(folder, "be made");
  return {};
}

// A complete, durable file beside `path`; its name.
Result<std::string> write_temporary(const fs::path& path, std::string_view content) {
  TRY(make_parents(path.parent_path()));
  std::string name = path.string() + ".XXXXXX";
  const Descriptor file(mkostemp(name.data(), O_CLOEXEC));  // 0600 by definition
  if (file.fd < 0) return io_error(path, "be written");
  while (!content.empty()) {
    const ssize_t written = write(file.fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      auto error = io_error(path, "be written");
      unlink(name.c_str());
      return error;
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fsync(file.fd) != 0) {
    auto error = io_error(path, "be made durable");
    unlink(name.c_str());
    return error;
  }
  return name;
}

Result<> sync_folder(const fs::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.fd < 0 || fsync(fd.fd) != 0) return io_error(folder, "be made durable");
  return {};
}

}  // namespace

Result<> write_private_file(const fs::path& path, std::string_view content) {
  auto written = write_temporary(path, content);
  if (!written && written.error().code == Code::kFull) {
    // A daemon that restarts on a full disk says again what it said before.
    const auto kept = read_private_file(path);
    if (kept && *kept == content) return {};
  }
  const std::string temporary = TRY(std::move(written));
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    auto error = io_error(path, "be replaced");
    unlink(temporary.c_str());
    return error;
  }
  return sync_folder(path);
}

Result<> create_private_file(const fs::path& path, std::string_view content) {
  const std::string temporary = TRY(write_temporary(path, content));
  // link, unlike rename, does not replace.
  if (link(temporary.c_str(), path.c_str()) != 0) {
    auto error = io_error(path, "be made");
    unlink(temporary.c_str());
    return error;
  }
  unlink(temporary.c_str());
  return sync_folder(path);
}

Result<std::string> read_private_file(const fs::path& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) {
    if (errno == ENOENT) return fail(Code::kNotFound, fmt::format("{}: no such file", path.string()));
    return io_error(path, "be read");
  }
  struct stat status{};
  if (fstat(file.fd, &status) != 0) return io_error(path, "be read");
  if ((status.st_mode & 077U) != 0) {
    return fail(Code::kDenied, fmt::format("{}: holds a secret but is open to others (mode {:03o}); "
                                           "run chmod 600 on it",
                                           path.string(), status.st_mode & 0777U));
  }
  std::string content;
  char chunk[4096];
  while (true) {
    const ssize_t got = read(file.fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(path, "be read");
    if (got == 0) return content;
    content.append(chunk, static_cast<std::size_t>(got));
  }
}

}  // namespace qleet::crypto
