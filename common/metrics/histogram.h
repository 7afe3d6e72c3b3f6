// Durations counted by size, as Prometheus' histograms are.
#pragma once

#include <cstdint>
#include <vector>

#include "common/thread/mutex.h"

namespace qleet::metrics {

struct HistogramValue {
  // One for each upper bound, not added up, and one of what is above them all.
  std::vector<std::uint64_t> counts;
  double sum = 0;
};

// Thread-safe.
class Histogram {
 public:
  // Upper bounds, growing; a value that is one of them belongs to it.
  explicit Histogram(std::vector<double> bounds);

  void observe(double value);
  HistogramValue value() const;
  const std::vector<double>& bounds() const { return bounds_; }

 private:
  const std::vector<double> bounds_;
  mutable Mutex mutex_;
  HistogramValue value_ GUARDED_BY(mutex_);
};

// Seconds, from a millisecond to ten: of writes to a disk and of requests.
const std::vector<double>& short_durations();
// Seconds, from ten milliseconds to five minutes: of what providers do.
const std::vector<double>& long_durations();

}  // namespace qleet::metrics
