// Randomness as a seam: jitter and identifiers come from here, so that a simulation can repeat itself. Not
// for secrets.
#pragma once

#include <cstdint>
#include <random>

#include "common/thread/mutex.h"

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
    const MutexLock lock(mutex_);
    return engine_();
  }

 private:
  Mutex mutex_;
  std::mt19937_64 engine_ GUARDED_BY(mutex_);
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
