#include "hub/api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>

namespace qleet::hub::api {
namespace {

prometheus::MetricFamily family_of(const Histogram& histogram) {
  const auto value = histogram.value();
  prometheus::ClientMetric metric;
  metric.histogram.sample_sum = value.sum;
  for (size_t i = 0; i < value.counts.size(); ++i) {
    metric.histogram.sample_count += value.counts[i];
    const double bound =
        i < histogram.bounds.size() ? histogram.bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({metric.histogram.sample_count, bound});
  }
  return {histogram.name, histogram.help, prometheus::MetricType::Histogram, {std::move(metric)}};
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
  std::vector<Histogram> histograms;
};

Metrics::Metrics(std::vector<Gauge> gauges, std::vector<Histogram> histograms)
    : impl_(std::make_unique<Impl>()) {
  impl_->histograms = std::move(histograms);
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
  impl_->latencies.Add({{"method", method_label}, {"route", route_label}}, metrics::short_durations())
      .Observe(seconds);
}

std::string Metrics::text() const {
  for (const auto& [gauge, series] : impl_->gauges) series->Set(gauge.value());
  auto families = impl_->registry.Collect();
  for (const auto& histogram : impl_->histograms) families.push_back(family_of(histogram));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace qleet::hub::api
