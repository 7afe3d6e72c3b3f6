// Whether LMDB's file can be mapped: where it was cut off, reading what is missing would end the process with
// SIGBUS, and no word in its log.
#pragma once

#include <filesystem>
#include <string>

namespace qleet::mdb {

// Reads the file in `dir` without mapping it: its two meta pages, and, where it is shorter than they say, all
// pages that are in use (a page that is not may be missing behind the end). Empty: it can be opened, or there
// is none; else what is wrong with it, for people, with the file's name.
std::string check(const std::filesystem::path& dir);

}  // namespace qleet::mdb
