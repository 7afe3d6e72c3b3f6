// What Prometheus reads of an agent.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "agent/engine/report_board.h"
#include "agent/engine/steps.h"
#include "common/clock/clock.h"
#include "common/metrics/exposition.h"
#include "common/thread/mutex.h"

namespace qleet::agent {

// Read when somebody asks; each may be called from any thread.
struct MetricsSources {
  std::string version;
  std::string region;
  std::function<ReportCounts()> counts;
  std::function<bool()> connected;           // to the bus
  std::function<double()> certificate_days;  // of the one for the bus; below 0: it has ended
  std::function<std::uint64_t()> journal_bytes;
};

// Thread-safe.
class AgentMetrics {
 public:
  // What a provider did for a resource, and how long it took.
  void step_ended(const std::string& provider, StepKind kind, bool failed, Millis took);

  // A call to the container engine.
  void engine_called(bool failed, Millis took);

  // Prometheus' text format 0.0.4.
  std::string text(const MetricsSources& sources) const;

 private:
  struct Step {
    std::unique_ptr<metrics::Histogram> took =
        std::make_unique<metrics::Histogram>(metrics::long_durations());
    std::uint64_t failed = 0;
  };

  mutable Mutex mutex_;
  Step engine_calls_ GUARDED_BY(mutex_);
  std::map<std::pair<std::string, StepKind>, Step> steps_ GUARDED_BY(mutex_);
};

}  // namespace qleet::agent
