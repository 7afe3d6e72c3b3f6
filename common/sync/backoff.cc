#include "common/sync/backoff.h"

#include <algorithm>

namespace qleet::sync {

Millis Backoff::next() {
  Millis base = limits_.first;
  for (unsigned i = 0; i < failures_ && base < limits_.longest; ++i) base *= 2;
  base = std::min(base, limits_.longest);
  ++failures_;
  const auto spread = static_cast<std::uint64_t>(base.count()) + 1;
  return base / 2 + Millis(static_cast<Millis::rep>(random_.next() % spread));
}

}  // namespace qleet::sync
