// What the API stands on. Everything outlives it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/metrics/histogram.h"
#include "hub/api/seams.h"
#include "hub/store/store.h"

namespace qleet::hub::api {

// One thing that must be well for the hub to be ready.
struct ReadinessCheck {
  std::string name;
  std::function<std::optional<std::string>()> problem;  // nothing: it is well
};

// Read when /metrics is asked for.
struct Gauge {
  std::string name;  // Prometheus: qleet_hub_..., with the unit
  std::string help;
  std::function<double()> value;
  std::map<std::string, std::string> labels = {};  // several gauges of one name differ in these
};

// The same for what is counted by size.
struct Histogram {
  std::string name;
  std::string help;
  std::vector<double> bounds;  // upper ones, growing
  std::function<metrics::HistogramValue()> value;
};

// How long a certificate of the hub is still good.
struct CertificateLeft {
  std::string name;  // "api", "ca", ...
  double days = 0;   // none: it is not good now
};

struct ApiDependencies {
  Store& store;
  const Clock& clock;
  // Null: not in this hub; what needs them answers 501.
  const Freshness* freshness = nullptr;
  Enroller* enroller = nullptr;
  LogSource* logs = nullptr;
  std::string
      ca_fingerprint;  // SHA-256 of the CA that agents pin, 64 hex digits; goes along with join tokens
  std::vector<ReadinessCheck> readiness;
  std::vector<Gauge> gauges;
  std::vector<Histogram> histograms = {};
  std::function<std::vector<CertificateLeft>()> certificates = {};  // empty: nothing is known of them
};

}  // namespace qleet::hub::api
