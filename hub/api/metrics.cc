#include "hub/api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <utility>

namespace qleet::hub::api {
namespace {

const prometheus::Histogram::BucketBoundaries& latency_buckets() {
  static const prometheus::Histogram::BucketBoundaries buckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                                  0.1,   0.25,   0.5,   1,    2.5,   10};
  return buckets;
}

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name("qleet_hub_http_requests_total")
          .Help("Requests answered by the API, by route and status.")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& latencies =
      prometheus::BuildHistogram()
          .Name("qleet_hub_http_request_seconds")
          .Help("Time from a complete request to its answer (of streams: to their beginning), by route.")
          .Register(registry);
  std::vector<std::pair<Gauge, prometheus::Gauge*>> gauges;
};

Metrics::Metrics(std::vector<Gauge> gauges) : impl_(std::make_unique<Impl>()) {
  for (Gauge& gauge : gauges) {
    auto& family = prometheus::BuildGauge().Name(gauge.name).Help(gauge.help).Register(impl_->registry);
    auto& series = family.Add(gauge.labels);
    impl_->gauges.emplace_back(std::move(gauge), &series);
  }
}

Metrics::~Metrics() = default;

void Metrics::observe(std::string_view method, std::string_view route, int status, double seconds) {
  const std::string method_label(method);
  const std::string route_label(route);
  impl_->requests.Add({{"method", method_label}, {"route", route_label}, {"status", std::to_string(status)}})
      .Increment();
  impl_->latencies.Add({{"method", method_label}, {"route", route_label}}, latency_buckets())
      .Observe(seconds);
}

std::string Metrics::text() const {
  for (const auto& [gauge, series] : impl_->gauges) series->Set(gauge.value());
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace qleet::hub::api
