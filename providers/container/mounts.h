// Files and secrets of containers, on the host.
//
// They lie under a folder that only root may enter and are bind-mounted, read-only, one by one: so they are
// in neither the container's inspectable configuration nor a layer of it, and are there again after any
// restart. Secrets may be read by whoever the container runs as; files belong to that user, with the mode
// that was asked for. Where they must not touch a disk, mount a tmpfs there: whatever is missing is written
// again before a start.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "providers/container/file_owner.h"
#include "providers/container/template.h"

namespace qleet::container {

// Thread-safe for different keys.
class Mounts {
 public:
  explicit Mounts(std::filesystem::path root) : root_(std::move(root)) {}

  // Writes what `process` needs and returns the binds. `key`: base name of the resource; `part`: one of its
  // containers, of one revision. Idempotent.
  Result<std::vector<std::string>> write(const std::string& key, const std::string& part,
                                         const ProcessSpec& process) const;
  // Hands the files of `process` that were written to whom its container runs as; their modes stay.
  Result<> hand_over(const std::string& key, const std::string& part, const ProcessSpec& process,
                     const Owner& owner) const;
  // Fine when there is nothing.
  Result<> remove(const std::string& key, const std::string& part) const;
  Result<> remove_all(const std::string& key) const;
  bool has(const std::string& key) const;

  // A note beside them, kept as safe as they are. Empty when there is none.
  Result<> write_note(const std::string& key, const std::string& name, std::string_view text) const;
  std::string read_note(const std::string& key, const std::string& name) const;
  // The same beside one part's files: it goes with them.
  Result<> write_part_note(const std::string& key, const std::string& part, const std::string& name,
                           std::string_view text) const;
  std::string read_part_note(const std::string& key, const std::string& part, const std::string& name) const;
  // Notes of that key whose name is not `name` go.
  void keep_note(const std::string& key, const std::string& name) const;

 private:
  Result<> prepare(const std::string& key) const;
  std::filesystem::path root_;
};

}  // namespace qleet::container
