#include "common/sync/batch.h"

namespace qleet::sync {

std::vector<Slice> pack(const std::vector<size_t>& sizes, size_t max_bytes) {
  std::vector<Slice> slices;
  size_t bytes = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (slices.empty() || bytes + sizes[i] > max_bytes) {
      slices.push_back({i, i});
      bytes = 0;
    }
    bytes += sizes[i];
    slices.back().end = i + 1;
  }
  return slices;
}

}  // namespace qleet::sync
