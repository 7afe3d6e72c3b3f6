// Random choices that are the same on every machine: a seed gives one program, now and in a year.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qleet::chaos {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}

  // splitmix64.
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
  // [from, to]
  long between(long from, long to) {
    return from + static_cast<long>(next() % static_cast<std::uint64_t>(to - from + 1));
  }
  bool percent(long chance) { return between(1, 100) <= chance; }
  template <class T>
  const T& of(const std::vector<T>& choices) {
    return choices[static_cast<std::size_t>(between(0, static_cast<long>(choices.size()) - 1))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace qleet::chaos
