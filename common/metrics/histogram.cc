#include "common/metrics/histogram.h"

#include <algorithm>

namespace qleet::metrics {

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)) {
  value_.counts.resize(bounds_.size() + 1);
}

void Histogram::observe(double value) {
  const auto place = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  const MutexLock lock(mutex_);
  ++value_.counts[static_cast<size_t>(place)];
  value_.sum += value;
}

HistogramValue Histogram::value() const {
  const MutexLock lock(mutex_);
  return value_;
}

const std::vector<double>& short_durations() {
  static const std::vector<double> bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                             0.1,   0.25,   0.5,   1,    2.5,   10};
  return bounds;
}

const std::vector<double>& long_durations() {
  static const std::vector<double> bounds = {0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300};
  return bounds;
}

}  // namespace qleet::metrics
