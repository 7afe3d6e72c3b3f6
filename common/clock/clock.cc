#include "common/clock/clock.h"

namespace qleet {

WallTime SystemClock::wall() const {
  return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

MonoTime SystemClock::mono() const {
  return std::chrono::time_point_cast<Millis>(std::chrono::steady_clock::now());
}

ManualClock::ManualClock(WallTime start) : wall_(start) {}

WallTime ManualClock::wall() const {
  const MutexLock lock(mutex_);
  return wall_;
}

MonoTime ManualClock::mono() const {
  const MutexLock lock(mutex_);
  return mono_;
}

void ManualClock::advance(Millis by) {
  const MutexLock lock(mutex_);
  wall_ += by;
  mono_ += by;
}

void ManualClock::jump_wall(Millis by) {
  const MutexLock lock(mutex_);
  wall_ += by;
}

}  // namespace qleet
