// What Prometheus reads: requests by route and status with their latencies, and gauges and histograms read
// when asked.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/api/dependencies.h"

namespace qleet::hub::api {

// Thread-safe.
class Metrics {
 public:
  explicit Metrics(std::vector<Gauge> gauges, std::vector<Histogram> histograms = {});
  ~Metrics();

  // `route` is a route's pattern, never a path: so many and no more series exist.
  void observe(std::string_view method, std::string_view route, int status, double seconds);
  // Prometheus' text format 0.0.4.
  std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace qleet::hub::api
