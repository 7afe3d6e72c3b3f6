// Time as a seam: nothing in hub, agent or providers asks the operating system for it directly, so that a
// test or a simulation can own it.
#pragma once

#include <chrono>
#include <cstdint>

#include "common/thread/mutex.h"

namespace qleet {

using Millis = std::chrono::milliseconds;
// Wall clock, milliseconds since 1970 UTC. May jump.
using WallTime = std::chrono::sys_time<Millis>;
// Monotonic, meaningful only as a difference.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Millis>;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual MonoTime mono() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime wall() const override;
  MonoTime mono() const override;
};

// Stands still until it is told to move.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime(Millis(1'700'000'000'000)));
  WallTime wall() const override;
  MonoTime mono() const override;
  void advance(Millis by);
  // Moves the wall clock alone, as an operator or NTP would.
  void jump_wall(Millis by);

 private:
  mutable Mutex mutex_;
  WallTime wall_ GUARDED_BY(mutex_);
  MonoTime mono_ GUARDED_BY(mutex_){};
};

}  // namespace qleet
