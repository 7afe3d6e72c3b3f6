// A path inside a volume, as something that an engine can mount.
//
// Engines of today's Debian mount whole volumes alone. What is inside one is written by workloads, and a path
// that an engine resolves by itself could lead anywhere on the host by then. So it is opened here, from the
// volume's own folder, following no symbolic link; what was opened is bind-mounted at a place that only root
// may enter; and that is there for no longer than a container takes to start. A container that is started
// without it (by its engine, which restarts what has failed) does not find it and fails, instead of writing
// beside its data; the agent then starts it.
#pragma once

#include <filesystem>
#include <string>

#include "common/result/result.h"

namespace qleet::container {

class ShownPath {
 public:
  // Shows `path` of the volume whose content is at `root` at `place`. Folders that are missing are made, with
  // the owner and the mode of the one that they are in. kInvalid (InvalidTemplate) where the path leads
  // through a symbolic link or something that is neither folder nor file; kDenied where this process may not
  // mount.
  static Result<ShownPath> show(const std::filesystem::path& root, const std::string& path,
                                const std::filesystem::path& place);
  ShownPath(ShownPath&& other) noexcept;
  ShownPath& operator=(ShownPath&&) = delete;
  // Takes it away again, and never what is in it.
  ~ShownPath();

 private:
  explicit ShownPath(std::filesystem::path place) : place_(std::move(place)) {}
  std::filesystem::path place_;
};

// An empty folder at `place`, for engines want to see what they are to mount when a container is made. What
// is in the volume is not looked at: a container that comes before may be about to write it.
Result<> prepare_place(const std::filesystem::path& place);

// Takes away what a process that was killed has left there.
void clear_place(const std::filesystem::path& place);

}  // namespace qleet::container
