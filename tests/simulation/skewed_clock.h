// One machine's clock: the time of the history, with a wall clock of its own that may be wrong.
#pragma once

#include "common/clock/clock.h"

namespace qleet::sim {

class SkewedClock final : public Clock {
 public:
  explicit SkewedClock(const Clock& truth) : truth_(truth) {}
  WallTime wall() const override { return truth_.wall() + skew_; }
  MonoTime mono() const override { return truth_.mono(); }
  void set_skew(Millis skew) {
    skew_ = skew;
    jumped_ = true;
  }
  bool jumped() const { return jumped_; }

 private:
  const Clock& truth_;
  Millis skew_{0};
  bool jumped_ = false;
};

}  // namespace qleet::sim
