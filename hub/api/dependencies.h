// What the API stands on. Everything outlives it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock/clock.h"
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
};

}  // namespace qleet::hub::api
