// Input that comes over a connection, cut in ways that a network may cut it. What is read must not depend on
// it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <random>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.h"

namespace qleet::fuzz {

// In one piece, byte by byte, and in two random ways, of which `seed` chooses.
inline constexpr std::size_t kCuts = 4;

// Calls `take` with piece after piece, until it returns false.
inline void for_each_piece(std::string_view bytes, std::size_t cut, unsigned seed,
                           const std::function<bool(std::string_view)>& take) {
  std::minstd_rand random(seed * 7 + static_cast<unsigned>(cut) + 1);
  constexpr std::array<std::size_t, 4> kMost = {0, 1, 5, 100};
  while (!bytes.empty()) {
    const std::size_t most = kMost.at(cut);
    const std::size_t size =
        most == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 1 + random() % most);
    if (!take(bytes.substr(0, size))) return;
    bytes.remove_prefix(size);
  }
}

// What is read, told by `read` of a cut, must be the same for all.
inline void must_not_depend_on_cuts(const std::function<std::string(std::size_t cut)>& read) {
  const auto whole = read(0);
  for (std::size_t cut = 1; cut < kCuts; ++cut) {
    const auto other = read(cut);
    must(whole == other, "however it is cut:\n" + whole + "\nand\n" + other);
  }
}

}  // namespace qleet::fuzz
