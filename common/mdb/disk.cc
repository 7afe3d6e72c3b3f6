#include "common/mdb/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

namespace qleet::mdb {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  const int fd_;
};

int sync(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  return file.get() < 0 || ::fsync(file.get()) != 0 ? errno : 0;
}

// Of a file with LMDB's header; 0: it has none.
std::size_t page_size(int fd) {
  // Page header, magic, version, address, map size; then what the first table's record begins with.
  constexpr off_t kOffset = 16 + 4 + 4 + 8 + 8;
  std::uint32_t size = 0;
  if (::pread(fd, &size, sizeof size, kOffset) != sizeof size) return 0;
  const bool power_of_two = size != 0 && (size & (size - 1)) == 0;
  return power_of_two && size >= 256 && size <= 65536 ? size : 0;
}

}  // namespace

bool has_data(const fs::path& dir) {
  std::error_code error;
  return fs::exists(fs::symlink_status(dir / kDataFile, error));
}

int settle(const fs::path& dir) {
  const Descriptor file(dir / kDataFile, O_RDWR);
  if (file.get() < 0) return errno;
  const std::size_t page = page_size(file.get());
  if (page == 0) return EINVAL;
  std::string metas(2 * page, '\0');
  if (::pread(file.get(), metas.data(), metas.size(), 0) != static_cast<ssize_t>(metas.size())) return EIO;
  const ssize_t written = ::pwrite(file.get(), metas.data(), metas.size(), 0);
  if (written < 0) return errno;
  if (written != static_cast<ssize_t>(metas.size())) return ENOSPC;
  return ::fsync(file.get()) != 0 ? errno : 0;
}

int reserve_lock_file(const fs::path& dir, unsigned max_readers) {
  const Descriptor file(dir / "lock.mdb", O_RDWR | O_CREAT);
  if (file.get() < 0) return errno;
  // A slot has 64 bytes; its header at most four times that.
  return ::posix_fallocate(file.get(), 0, static_cast<off_t>(64) * (max_readers + 4));
}

fs::path making_folder(const fs::path& dir) { return dir / "making"; }

int begin_making(const fs::path& dir) {
  const fs::path making = making_folder(dir);
  std::error_code error;
  fs::remove_all(making, error);
  if (!error) fs::create_directory(making, error);
  if (!error) fs::permissions(making, fs::perms::owner_all, error);
  return error.value();
}

int finish_making(const fs::path& dir) {
  const fs::path making = making_folder(dir);
  if (const int error = sync(making / kDataFile)) return error;
  if (::rename((making / kDataFile).c_str(), (dir / kDataFile).c_str()) != 0) return errno;
  if (const int error = sync(dir)) return error;
  // What is left is LMDB's lock file, which means nothing without the data.
  std::error_code ignored;
  fs::remove_all(making, ignored);
  return 0;
}

}  // namespace qleet::mdb
