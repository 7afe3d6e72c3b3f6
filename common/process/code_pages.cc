#include "common/process/code_pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace qleet {

namespace {

struct Mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool fixed = false;  // a part of a file that this process cannot write to
};

// "begin-end perms offset device inode path"
std::optional<Mapping> parse_mapping(const std::string& line) {
  Mapping out;
  char perms[5] = {};
  unsigned long inode = 0;
  if (std::sscanf(line.c_str(), "%lx-%lx %4s %*x %*s %lu", &out.begin, &out.end, perms, &inode) != 4)
    return std::nullopt;
  out.fixed = perms[0] == 'r' && perms[1] == '-' && perms[3] == 'p' && inode != 0;
  return out;
}

// "Rss:   12 kB"
std::optional<size_t> parse_bytes(const std::string& line, std::string_view label) {
  if (!line.starts_with(label)) return std::nullopt;
  return std::strtoull(line.c_str() + label.size(), nullptr, 10) << 10U;
}

}  // namespace

size_t release_code_pages() {
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  Mapping mapping;
  size_t resident = 0;
  size_t released = 0;
  while (std::getline(maps, line)) {
    if (const auto next = parse_mapping(line)) mapping = *next;
    if (!mapping.fixed) continue;
    if (const auto bytes = parse_bytes(line, "Rss:")) resident = *bytes;
    // A page that differs from its file (relocated, a debugger's breakpoint) would be lost.
    auto* begin =
        reinterpret_cast<void*>(mapping.begin);  // NOLINT(performance-no-int-to-ptr): the kernel's text
    if (parse_bytes(line, "Anonymous:") == 0U &&
        ::madvise(begin, mapping.end - mapping.begin, MADV_DONTNEED) == 0)
      released += resident;
  }
  return released;
}

}  // namespace qleet
