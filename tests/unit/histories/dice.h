// Chance from a seed: the same on every machine and library.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace qleet::hub::tests {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed * 0x9e3779b97f4a7c15ULL + 1) {}

  size_t below(size_t end) { return static_cast<size_t>(engine_() % end); }
  bool chance(unsigned percent) { return below(100) < percent; }

  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  std::string pick(std::initializer_list<const char*> from) { return *(from.begin() + below(from.size())); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace qleet::hub::tests
