// Whether LMDB's file can be mapped: where it was cut off, reading what is missing would end the process with
// SIGBUS, and no word in its log.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace qleet::mdb {

// Who else may have the file open.
enum class Access {
  kAlone,   // nobody, or nobody who writes
  kShared,  // somebody may write it at this moment: pages in use change under whoever reads them
};

// Reads the file in `dir` without mapping it: its two meta pages; and for who is alone all pages that are in
// use, where the file is shorter than they say (a page that is not in use may be missing behind the end), or
// not larger than kWalkUpTo: whether each lies in the file, and what stands in it within the page. Empty: it
// can be opened, or there is none; else what is wrong with it, for people, with the file's name.
std::string check(const std::filesystem::path& dir, Access access);

// Reading so much takes well below a second, and a start shall not take longer.
inline constexpr std::uint64_t kWalkUpTo = 64 << 20;

}  // namespace qleet::mdb
