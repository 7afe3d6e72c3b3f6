// Retries that double up to a limit, with jitter, so that many agents do not come back at one moment.
#pragma once

#include "common/clock/clock.h"
#include "common/random/random.h"

namespace qleet::sync {

class Backoff {
 public:
  struct Limits {
    Millis first{1'000};
    Millis longest{60'000};
  };
  // `random` must outlive this object.
  Backoff(Limits limits, Random& random) : limits_(limits), random_(random) {}

  // Between one half and one and a half of first * 2^failures, at most `longest` before the jitter.
  Millis next();
  void reset() { failures_ = 0; }
  unsigned failures() const { return failures_; }

 private:
  Limits limits_;
  Random& random_;
  unsigned failures_ = 0;
};

}  // namespace qleet::sync
