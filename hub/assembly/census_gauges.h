// How many applications, rollouts, agents and regions there are by state, as metrics.
#pragma once

#include <optional>
#include <vector>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"
#include "hub/api/dependencies.h"
#include "hub/frontend/census.h"
#include "hub/store/store.h"

namespace qleet::hub {

// Counts only when somebody asks and the store has changed, and then at most once a second. Thread-safe.
class CensusGauges {
 public:
  // Both outlive it, and it the gauges.
  CensusGauges(const Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  std::vector<api::Gauge> gauges();

 private:
  frontend::Census now();

  const Store& store_;
  const Clock& clock_;
  Mutex mutex_;
  std::optional<Revision> counted_ GUARDED_BY(mutex_);
  MonoTime counted_at_ GUARDED_BY(mutex_){};
  frontend::Census census_ GUARDED_BY(mutex_);
};

}  // namespace qleet::hub
