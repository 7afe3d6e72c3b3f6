// Files that only their owner may read: keys and credentials.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "common/result/result.h"

namespace qleet::crypto {

// Replaces the file atomically and durably, mode 0600. Missing parent folders are made, mode 0700. kFull:
// there is no room, and the file does not hold this already.
Result<> write_private_file(const std::filesystem::path& path, std::string_view content);

// The same, but an existing file is left alone: kExists. Of several who try at once, one succeeds.
Result<> create_private_file(const std::filesystem::path& path, std::string_view content);

// kNotFound; kDenied when others than the owner may read or write it.
Result<std::string> read_private_file(const std::filesystem::path& path);

}  // namespace qleet::crypto
