// Keeps a second process out of a store's directory.
#pragma once

#include <filesystem>

#include "common/result/result.h"

namespace qleet::hub {

// Held while it lives, and gone with the process however that ends. Movable.
class DirectoryLock {
 public:
  // Takes `dir`/LOCK, which is made and holds the owner's pid. kUnavailable, naming the pid, when another one
  // has it; does not wait.
  static Result<DirectoryLock> acquire(const std::filesystem::path& dir);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace qleet::hub
