// Packing of items into messages of bounded size.
#pragma once

#include <cstddef>
#include <vector>

namespace qleet::sync {

// Half-open range of indexes.
struct Slice {
  size_t begin = 0;
  size_t end = 0;

  bool operator==(const Slice&) const = default;
};

// Consecutive slices, in order, each of at most `max_bytes` unless it is one item alone. No items: no slice.
std::vector<Slice> pack(const std::vector<size_t>& sizes, size_t max_bytes);

}  // namespace qleet::sync
