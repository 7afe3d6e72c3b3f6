// Randomness of one history: everything that is left to chance comes from here, so that a seed is a history.
#pragma once

#include <cstdint>
#include <iterator>
#include <string>

#include "common/crypto/token.h"
#include "common/random/random.h"

namespace qleet::sim {

// splitmix64: cheap to seed, which matters where a history takes milliseconds. One thread.
class Dice final : public qleet::Random {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() override {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // In [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool percent(unsigned chance) { return below(100) < chance; }
  bool permille(unsigned chance) { return below(1000) < chance; }
  // `from` is not empty.
  template <class Container>
  auto& pick(Container& from) {
    auto it = from.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(below(from.size())));
    return *it;
  }

 private:
  std::uint64_t state_;
};

// What the product takes for tokens, uids and generated passwords.
class Bytes final : public crypto::Random {
 public:
  explicit Bytes(std::uint64_t seed) : dice_(seed) {}
  std::string bytes(std::size_t count) override {
    std::string out;
    out.reserve(count + 7);
    while (out.size() < count) {
      const std::uint64_t word = dice_.next();
      for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(word >> shift & 0xff));
    }
    out.resize(count);
    return out;
  }

 private:
  Dice dice_;
};

}  // namespace qleet::sim
