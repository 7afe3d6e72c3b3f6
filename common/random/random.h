// Randomness as a seam: jitter and identifiers come from here, so that a simulation can repeat itself. Not
// for secrets.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>

namespace qleet {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

// The same seed, the same numbers.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override {
    std::lock_guard lock(mutex_);
    return engine_();
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

// Seeded by the operating system.
class SystemRandom final : public Random {
 public:
  SystemRandom() : seeded_((std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()) {}
  std::uint64_t next() override { return seeded_.next(); }

 private:
  SeededRandom seeded_;
};

}  // namespace qleet
