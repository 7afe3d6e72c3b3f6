// What this process asks of the disk, written down as it happens; and made to fail on demand.
//
// The functions of libc that change files (write, pwrite, writev, fsync, fdatasync, ftruncate, rename,
// unlink) are defined in the test's own executable, so the calls of every library in it, liblmdb's too, come
// through here. What they do to files below one folder is recorded, in order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace qleet::test {

struct DiskOp {
  enum class Kind { kWrite, kTruncate, kSync, kRename, kUnlink };
  Kind kind = Kind::kWrite;
  std::string file;          // below the folder; "" is the folder itself
  std::uint64_t offset = 0;  // kTruncate: the new size
  std::string bytes;         // kWrite: what; kRename: the new name
  bool through = false;      // kWrite: of a file opened with O_DSYNC, durable when it returned
  int error = 0;             // it was made to fail with this errno: what reached the disk is unknown
};

// What shall become of an operation instead. Of a write, `effect` bytes reach the file all the same.
struct DiskFault {
  int error = 0;  // 0: none; a write that is cut short by `effect`
  std::size_t effect = 0;
};

// One at a time in a process. Thread-safe.
class DiskTape {
 public:
  // Asked before each operation; nullopt: it goes on. Called from any thread, one at a time.
  using Saboteur = std::function<std::optional<DiskFault>(const DiskOp&)>;

  explicit DiskTape(const std::filesystem::path& folder);
  ~DiskTape();
  DiskTape(const DiskTape&) = delete;

  void sabotage(Saboteur saboteur);
  // Operations so far.
  std::size_t size() const;
  std::vector<DiskOp> ops() const;
};

}  // namespace qleet::test
