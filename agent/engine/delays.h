// Delays that double.
#pragma once

#include <algorithm>

#include "common/clock/clock.h"

namespace qleet::agent {

// `first` after one failure, twice as much after each further one, at most `longest`.
inline Millis doubled(Millis first, unsigned failures, Millis longest) {
  Millis delay = first;
  for (unsigned i = 1; i < failures && delay < longest; ++i) delay *= 2;
  return std::min(delay, longest);
}

}  // namespace qleet::agent
