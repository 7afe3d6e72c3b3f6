#include "tests/support/disk_tape.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <optional>
#include <stdexcept>

namespace qleet::test {
namespace {

struct Recorder {
  std::mutex mutex;
  std::string folder;  // with a slash at its end
  std::vector<DiskOp> ops;
  DiskTape::Saboteur saboteur;
};

std::atomic<Recorder*> recorder{nullptr};

// The path below the folder, or nullopt.
std::optional<std::string> below(const Recorder& tape, const std::string& path) {
  if (path + "/" == tape.folder) return "";
  if (!path.starts_with(tape.folder)) return std::nullopt;
  return path.substr(tape.folder.size());
}

std::optional<std::string> file_of(const Recorder& tape, int fd) {
  char link[64];
  char path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const long size = ::readlink(link, path, sizeof path);
  if (size <= 0) return std::nullopt;
  return below(tape, std::string(path, static_cast<std::size_t>(size)));
}

// Runs one operation under the recorder: `go` does it (of a write: this many bytes) and returns libc's value.
template <class Go>
long pass(Recorder& tape, DiskOp op, const Go& go) {
  std::lock_guard lock(tape.mutex);
  const auto fault = tape.saboteur ? tape.saboteur(op) : std::nullopt;
  long result = 0;
  if (fault) {
    const std::size_t effect = std::min(fault->effect, op.bytes.size());
    if (op.kind == DiskOp::Kind::kWrite && effect > 0) result = go(effect);
    op.error = fault->error != 0 ? fault->error : -1;
    if (op.kind == DiskOp::Kind::kWrite) op.bytes.resize(effect);
    tape.ops.push_back(std::move(op));
    if (fault->error == 0) return result;
    errno = fault->error;
    return -1;
  }
  result = go(op.bytes.size());
  const int error = errno;
  if (result < 0) {
    op.error = error;
  } else if (op.kind == DiskOp::Kind::kWrite) {
    op.bytes.resize(static_cast<std::size_t>(result));
  }
  tape.ops.push_back(std::move(op));
  errno = error;
  return result;
}

long write_through(int fd, const void* data, std::size_t size, std::uint64_t offset,
                   const std::function<long(std::size_t)>& go) {
  Recorder* tape = recorder.load();
  const auto file = tape ? file_of(*tape, fd) : std::nullopt;
  if (!file) return go(size);
  const int flags = static_cast<int>(::syscall(SYS_fcntl, fd, F_GETFL));
  return pass(*tape,
              {.kind = DiskOp::Kind::kWrite,
               .file = *file,
               .offset = offset,
               .bytes = std::string(static_cast<const char*>(data), size),
               .through = (flags & O_DSYNC) != 0},
              go);
}

long sync_through(int fd, long number) {
  const auto go = [&](std::size_t) { return ::syscall(number, fd); };
  Recorder* tape = recorder.load();
  const auto file = tape ? file_of(*tape, fd) : std::nullopt;
  if (!file) return go(0);
  return pass(*tape, {.kind = DiskOp::Kind::kSync, .file = *file}, go);
}

}  // namespace

DiskTape::DiskTape(const std::filesystem::path& folder) {
  auto* tape = new Recorder();
  tape->folder = std::filesystem::canonical(folder).string() + "/";
  Recorder* none = nullptr;
  if (!recorder.compare_exchange_strong(none, tape)) {
    delete tape;
    throw std::logic_error("there is a disk tape already");
  }
}

DiskTape::~DiskTape() { delete recorder.exchange(nullptr); }

void DiskTape::sabotage(Saboteur saboteur) {
  Recorder& tape = *recorder.load();
  std::lock_guard lock(tape.mutex);
  tape.saboteur = std::move(saboteur);
}

std::size_t DiskTape::size() const {
  Recorder& tape = *recorder.load();
  std::lock_guard lock(tape.mutex);
  return tape.ops.size();
}

std::vector<DiskOp> DiskTape::ops() const {
  Recorder& tape = *recorder.load();
  std::lock_guard lock(tape.mutex);
  return tape.ops;
}

}  // namespace qleet::test

// libc's names, for every library in this process.
extern "C" {

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  return qleet::test::write_through(
      fd, data, size, static_cast<std::uint64_t>(offset),
      [&](std::size_t part) { return ::syscall(SYS_pwrite64, fd, data, part, offset); });
}

ssize_t write(int fd, const void* data, size_t size) {
  // Only where somebody listens: the offset costs a system call.
  const off_t offset = qleet::test::recorder.load() ? ::lseek(fd, 0, SEEK_CUR) : 0;
  return qleet::test::write_through(fd, data, size, static_cast<std::uint64_t>(std::max<off_t>(offset, 0)),
                                    [&](std::size_t part) { return ::syscall(SYS_write, fd, data, part); });
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  if (qleet::test::recorder.load() == nullptr) return ::syscall(SYS_writev, fd, parts, count);
  std::string all;
  for (int i = 0; i < count; ++i) all.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  return write(fd, all.data(), all.size());
}

int fsync(int fd) { return static_cast<int>(qleet::test::sync_through(fd, SYS_fsync)); }
int fdatasync(int fd) { return static_cast<int>(qleet::test::sync_through(fd, SYS_fdatasync)); }

int ftruncate(int fd, off_t size) noexcept {
  using namespace qleet::test;
  const auto go = [&](std::size_t) { return ::syscall(SYS_ftruncate, fd, size); };
  Recorder* tape = recorder.load();
  const auto file = tape ? file_of(*tape, fd) : std::nullopt;
  if (!file) return static_cast<int>(go(0));
  return static_cast<int>(
      pass(*tape,
           {.kind = DiskOp::Kind::kTruncate, .file = *file, .offset = static_cast<std::uint64_t>(size)}, go));
}

int rename(const char* from, const char* to) noexcept {
  using namespace qleet::test;
  const auto go = [&](std::size_t) { return ::syscall(SYS_rename, from, to); };
  Recorder* tape = recorder.load();
  const auto a = tape ? below(*tape, from) : std::nullopt;
  const auto b = tape ? below(*tape, to) : std::nullopt;
  if (!a || !b) return static_cast<int>(go(0));
  return static_cast<int>(pass(*tape, {.kind = DiskOp::Kind::kRename, .file = *a, .bytes = *b}, go));
}

int unlink(const char* path) noexcept {
  using namespace qleet::test;
  const auto go = [&](std::size_t) { return ::syscall(SYS_unlink, path); };
  Recorder* tape = recorder.load();
  const auto file = tape ? below(*tape, path) : std::nullopt;
  if (!file) return static_cast<int>(go(0));
  return static_cast<int>(pass(*tape, {.kind = DiskOp::Kind::kUnlink, .file = *file}, go));
}
}
