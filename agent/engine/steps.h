// Provider steps on their way: handed to the executor, bounded in all and per provider, so that one that
// hangs does not take the threads of the others.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/engine/executor.h"
#include "agent/engine/inbox.h"
#include "common/clock/clock.h"
#include "providers/api/provider.h"

namespace qleet::agent {

struct StepRequest {
  StepKind kind = StepKind::kObserve;
  std::string provider;  // its name
  ProviderResource resource;
  Observation seen;  // for apply and remove
};

// Any thread.
using StepEnded = std::function<void(const std::string& provider, StepKind kind, bool failed, Millis took)>;

// Owner thread only. At most one step per resource is the caller's rule.
class Steps {
 public:
  // `ended`, where there is one, is told of each step on the thread that made it.
  Steps(Executor& executor, std::shared_ptr<Inbox> inbox, unsigned max_per_provider, const Clock& clock,
        StepEnded ended = {})
      : executor_(executor),
        inbox_(std::move(inbox)),
        max_per_provider_(max_per_provider),
        clock_(clock),
        ended_(std::move(ended)) {}

  // Its outcome comes to the inbox, exactly once.
  void start(std::shared_ptr<Provider> provider, StepRequest request);
  // Call for each outcome taken from the inbox.
  void ended(const std::string& provider);
  // Running or waiting to run.
  size_t in_flight() const { return in_flight_; }

 private:
  struct Lane {
    unsigned running = 0;
    std::deque<std::function<void()>> waiting;
  };

  Executor& executor_;
  std::shared_ptr<Inbox> inbox_;
  const unsigned max_per_provider_;
  const Clock& clock_;
  const StepEnded ended_;
  std::map<std::string, Lane> lanes_;
  size_t in_flight_ = 0;
};

}  // namespace qleet::agent
