#include "providers/container/sub_paths.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/model/reasons.h"

namespace qleet::container {

namespace {

namespace fs = std::filesystem;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<Error> failed(const std::string& what, int error) {
  return fail(error == EPERM || error == EACCES ? Code::kDenied : Code::kUnavailable,
              fmt::format("{}: {}", what, std::strerror(error)));
}

// Made like the folder that it is in, so that whoever may write there may write here.
Result<> make_folder(int parent, const std::string& name, const std::string& shown) {
  struct stat like{};
  if (::fstat(parent, &like) != 0) return failed(shown, errno);
  if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST) return failed(shown, errno);
  const Fd made(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (made.get() < 0) return failed(shown, errno);
  if (::fchown(made.get(), like.st_uid, like.st_gid) != 0 && errno != EPERM) return failed(shown, errno);
  if (::fchmod(made.get(), like.st_mode & 07777) != 0) return failed(shown, errno);
  return {};
}

Result<Fd> open_below(const fs::path& root, const std::string& path) {
  Fd at(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) return failed(root.string(), errno);
  const auto refuse = [&](const std::string& why) {
    return fail(Code::kInvalid, reasons::kInvalidTemplate,
                fmt::format("path \"{}\" in a volume {}", path, why));
  };
  for (const auto& part : fs::path("/" + path).lexically_normal().relative_path()) {
    const std::string name = part.string();
    if (name.empty() || name == ".") continue;
    if (name == "..") return refuse("leads out of it");
    int fd = ::openat(at.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
      // A folder that is open by its path alone cannot be looked at closely.
      const Fd parent(::openat(at.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      TRY(make_folder(parent.get(), name, path));
      fd = ::openat(at.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    }
    if (fd < 0) {
      if (errno == ENOTDIR) return refuse("leads through a file");
      return failed(path, errno);
    }
    at = Fd(fd);
    struct stat status{};
    if (::fstat(at.get(), &status) != 0) return failed(path, errno);
    if (S_ISLNK(status.st_mode)) return refuse("leads through a symbolic link, which is not followed");
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) return refuse("is neither a folder nor a file");
  }
  return at;
}

Result<> make_place(const fs::path& place, bool folder) {
  std::error_code error;
  fs::create_directories(place.parent_path(), error);
  if (error) return failed(place.parent_path().string(), error.value());
  ::chmod(place.parent_path().c_str(), 0700);
  clear_place(place);
  if (folder) {
    if (::mkdir(place.c_str(), 0700) != 0) return failed(place.string(), errno);
    return {};
  }
  const Fd file(::open(place.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return failed(place.string(), errno);
  return {};
}

}  // namespace

Result<> prepare_place(const fs::path& place) { return make_place(place, true); }

Result<ShownPath> ShownPath::show(const fs::path& root, const std::string& path, const fs::path& place) {
  const auto opened = TRY(open_below(root, path));
  struct stat status{};
  if (::fstat(opened.get(), &status) != 0) return failed(place.string(), errno);
  TRY(make_place(place, S_ISDIR(status.st_mode)));
  // What was opened, whatever its path leads to by now.
  const auto source = fmt::format("/proc/self/fd/{}", opened.get());
  if (::mount(source.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    const int error = errno;
    clear_place(place);
    return failed(fmt::format("path \"{}\" in a volume cannot be mounted by this agent", path), error);
  }
  return ShownPath(place);
}

void clear_place(const fs::path& place) {
  // Never recursively: as long as something is mounted there, this takes nothing away.
  while (::umount2(place.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  if (::rmdir(place.c_str()) != 0) ::unlink(place.c_str());
}

ShownPath::ShownPath(ShownPath&& other) noexcept : place_(std::exchange(other.place_, {})) {}

ShownPath::~ShownPath() {
  if (!place_.empty()) clear_place(place_);
}

}  // namespace qleet::container
