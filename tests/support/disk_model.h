// What a disk may hold after the power was cut: a model of files, pages and directory entries that were asked
// for but not yet synced.
//
// Rules: what a successful sync of a file covered is there; of what was not, any part may be, in sectors of
// 512 bytes; a sync that failed promises nothing, and a later one that succeeds does not make up for it (the
// kernel has dropped those pages); directory entries become durable in order, with a sync of the folder.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/support/disk_tape.h"

namespace qleet::test {

class DiskModel {
 public:
  using Image = std::map<std::string, std::string>;  // file below the folder -> content

  // The next operation was asked for and has returned.
  void apply(const DiskOp& op);

  // As the kernel shows it: what a process finds that starts after the last one was killed.
  Image now() const;
  // The same with the next operation cut in its middle.
  Image now_and_part_of(const DiskOp& next, std::mt19937_64& random) const;
  // What was synced and nothing else.
  Image synced() const;
  // What was synced and a random part of the rest, `next` included where there is one.
  Image random(const DiskOp* next, std::mt19937_64& random) const;

  static void write(const Image& image, const std::filesystem::path& folder);

 private:
  enum class State { kPending, kDurable, kLimbo };
  struct Edit {
    State state = State::kPending;
    bool truncate = false;
    std::uint64_t offset = 0;
    std::string bytes;
  };
  struct File {
    std::string base;  // durable
    std::deque<Edit> edits;
  };
  struct Entry {  // of a directory: a rename, or an unlink where `to` is empty
    std::string from, to;
  };
  using Names = std::map<std::string, std::shared_ptr<File>>;

  static void perform(std::string& content, const Edit& edit);
  static void perform_part(std::string& content, const Edit& edit, std::mt19937_64& random);
  static void perform(Names& names, const Entry& entry);
  void add(const DiskOp& op);

  Names names_;          // as the kernel shows them
  Names durable_names_;  // as they are on the disk
  std::deque<Entry> entries_;
};

}  // namespace qleet::test
