// Goes through all that was asked of a disk, operation by operation, and hands out what the disk may hold if
// all ended there.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/disk_model.h"

namespace qleet::test {

struct CrashPoint {
  std::size_t position = 0;  // operations that had returned
  const char* kind = "";     // how it ended
  const DiskModel::Image* image = nullptr;
};

struct CrashOptions {
  std::uint64_t seed = 1;
  std::size_t from = 0;  // position of the first cut
  int random_images =
      2;  // for each operation, besides the kernel's view, its torn variant, and the bare disk
};

// Each image once. `visit` says what is wrong with it; stops at the first, and says which it was.
inline std::string visit_crashes(const std::vector<DiskOp>& ops, const CrashOptions& options,
                                 const std::function<std::string(const CrashPoint&)>& visit,
                                 std::size_t* count = nullptr) {
  std::mt19937_64 random(options.seed);
  DiskModel disk;
  std::set<std::uint64_t> seen;
  const auto look = [&](std::size_t position, const char* kind, const DiskModel::Image& image) {
    std::uint64_t hash = 0;
    for (const auto& [name, content] : image)
      hash = hash * 1'000'003 + std::hash<std::string>{}(name) * 31 + std::hash<std::string>{}(content);
    // The same content later on may lack what was acknowledged meanwhile.
    if (!seen.insert(hash * 1'000'003 + position).second) return std::string();
    if (count) ++*count;
    const std::string wrong = visit({position, kind, &image});
    if (wrong.empty()) return wrong;
    return "seed " + std::to_string(options.seed) + ", cut after operation " + std::to_string(position) +
           " of " + std::to_string(ops.size()) + " (" + kind + "): " + wrong;
  };
  for (std::size_t i = 0; i <= ops.size(); ++i) {
    const DiskOp* next = i < ops.size() ? &ops[i] : nullptr;
    if (i < options.from) {
      disk.apply(*next);
      continue;
    }
    std::vector<std::pair<const char*, DiskModel::Image>> images;
    images.emplace_back("killed", disk.now());
    if (next) images.emplace_back("killed within a write", disk.now_and_part_of(*next, random));
    images.emplace_back("power cut, nothing but what was synced", disk.synced());
    for (int n = 0; n < options.random_images; ++n)
      images.emplace_back("power cut, some of what was not synced", disk.random(next, random));
    for (const auto& [kind, image] : images) {
      if (auto wrong = look(i, kind, image); !wrong.empty()) return wrong;
    }
    if (next) disk.apply(*next);
  }
  return {};
}

// Whether `check` finds something wrong, or does not survive it: a process of its own looks at what may be
// too broken to be read.
inline bool finds_something_wrong(const std::function<std::string()>& check) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::freopen("/dev/null", "w", stderr);
    ::_exit(check().empty() ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status != 0;
}

}  // namespace qleet::test
