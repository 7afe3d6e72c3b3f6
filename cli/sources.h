// Files that a document or a foreign folder names. Whoever wrote the document may have meant harm: only
// regular files below the folder are opened, whatever the name says.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "common/result/result.h"

namespace qleet::cli {

// As much as the hub takes in one request.
inline constexpr size_t kMaxSourceBytes = 1 << 20;

class SourceFolder {
 public:
  // kInvalid when it cannot be opened.
  static Result<SourceFolder> open(const std::filesystem::path& path);
  SourceFolder(SourceFolder&& other) noexcept;
  SourceFolder& operator=(SourceFolder&&) = delete;
  ~SourceFolder();

  // The content of the file `name`, relative to the folder. kInvalid for what leads out of it (absolute,
  // "..", a symbolic link), is no regular file, cannot be read or is larger than `limit`; the message does
  // not name the folder.
  Result<std::string> read(const std::string& name, size_t limit) const;

 private:
  explicit SourceFolder(int fd) : fd_(fd) {}
  int fd_;
};

// The same, one component after the other, for kernels that cannot resolve below a folder by themselves
// (before Linux 5.6, or forbidden by a sandbox). It follows no symbolic link at all. A file descriptor, or
// -errno.
int open_below_by_steps(int folder, const std::string& name);

}  // namespace qleet::cli
