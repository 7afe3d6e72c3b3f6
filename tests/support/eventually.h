// How a test waits for what another thread or process does.
#pragma once

#include <chrono>
#include <thread>

#include "tests/support/patience.h"

namespace qleet::test {

// Asks every few milliseconds until it is so; false: it was not within `limit` (patience.h stretches it).
template <class Condition>
bool eventually(const Condition& condition, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + patient(limit);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace qleet::test
