// Folders of keys and certificates, copied for a backup and back.
#pragma once

#include <filesystem>

#include "common/result/result.h"

namespace qleet::crypto {

// Copies all plain files below `from`, durably; files mode 0600, folders 0700, whatever they were. Left out:
// what belongs to a running process (*.pid, *.log, sockets). Files that are there are replaced. Nothing where
// there is no `from`.
Result<> copy_private_tree(const std::filesystem::path& from, const std::filesystem::path& to);

// Whether there is any plain file below it.
bool holds_files(const std::filesystem::path& folder);

}  // namespace qleet::crypto
