// How long a test waits, in builds that are slower than others: what is instrumented takes several times as
// long.
#pragma once

#include <chrono>

// cmake/Qleet.cmake sets it, and stretches ctest's own limits alike.
#ifndef QLEET_PATIENCE
#define QLEET_PATIENCE 1
#endif

namespace qleet::test {

// For limits of what is expected to happen, and to happen soon: a longer one costs nothing where all is well.
template <class Rep, class Period>
constexpr std::chrono::duration<Rep, Period> patient(std::chrono::duration<Rep, Period> limit) {
  return limit * QLEET_PATIENCE;
}

}  // namespace qleet::test
