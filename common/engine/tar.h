// Reading what an engine packs into an archive: one file at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qleet::containers {

struct PackedFile {
  std::string content;
  std::string links_to;  // a symbolic link's target; then without content
};

// The first file or link in a tar archive; nothing where it holds none, or is none. Pure.
std::optional<PackedFile> first_file(std::string_view tar);

}  // namespace qleet::containers
