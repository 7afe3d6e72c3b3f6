// What LMDB leaves to its users about disks that fail: for the hub's store and the agent's journal alike
// (docs/decisions/0006-failing-disks.md says why each is needed). Functions return 0 or errno.
#pragma once

#include <filesystem>

namespace qleet::mdb {

inline constexpr const char* kDataFile = "data.mdb";

// LMDB's codes are negative, those of the system positive.
inline bool is_system_error(int rc) { return rc > 0; }

// Whether `dir` holds a file, be it damaged: one that is being made stands in another folder until it is
// whole.
bool has_data(const std::filesystem::path& dir);

// Brings the disk to what this machine sees of the file in `dir`: its two meta pages are written again, and
// the file is synced. Only for the file's one writer, between transactions.
int settle(const std::filesystem::path& dir);

// Gives LMDB's lock file its space on the disk, for so many readers. It is written through memory, where a
// full disk would end the process. Before the environment is opened.
int reserve_lock_file(const std::filesystem::path& dir, unsigned max_readers);

// An environment is made in this folder below `dir`, then moved into place: an empty folder for that, and the
// move. Both durable.
std::filesystem::path making_folder(const std::filesystem::path& dir);
int begin_making(const std::filesystem::path& dir);
int finish_making(const std::filesystem::path& dir);

}  // namespace qleet::mdb
