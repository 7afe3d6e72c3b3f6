// Asks the hub again and again how its agents are, and what of their regions it shows as fresh.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "tests/chaos/actors.h"
#include "tests/chaos/api.h"
#include "tests/chaos/record.h"

namespace qleet::chaos {

class Sampler {
 public:
  // Both must outlive it.
  Sampler(const Api& api, const StormClock& clock);
  std::vector<Sample> stop();

 private:
  void sample();

  const Api& api_;
  const StormClock& clock_;
  std::vector<Sample> samples_;
  std::jthread thread_;
};

}  // namespace qleet::chaos
