// How many histories a test runs, from the environment.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace qleet::hub::tests {

inline std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace qleet::hub::tests
