// A provider whose world is a table: for tests, benchmarks and simulations of everything above providers. It
// keeps the whole contract (CONTRACT.md); the conformance suite holds it to that.
//
// Template fields, all optional; any other one is taken too, and is a mark of what the thing was made with:
//   outputs       object: what ${self.*} tells (an object: its JSON); "name" is always there
//   delayMs       on its way for so long after it was made or changed
//   removeDelayMs the same for its removal
//   steps         a change takes so many steps
//   fail          text: every apply fails so (retryable); failReason: its published reason
//   failTimes     number: only the first so many applies fail
//   failRemove    text: every removal fails so (retryable)
//   invalid       text: apply refuses the template so (kInvalid)
//   log           text: what its log says
//   degraded      truth value: exists, but does not work
//   replicas, restarts  numbers: what it counts
#pragma once

#include <memory>

#include "common/clock/clock.h"
#include "providers/api/provider.h"
#include "providers/noop/world.h"

namespace qleet::noop {

class NoopProvider final : public Provider {
 public:
  // `clock` must outlive it; the world is shared with other providers and with tests.
  NoopProvider(const Clock& clock, std::shared_ptr<World> world, std::string name = "noop")
      : clock_(clock), world_(std::move(world)), name_(std::move(name)) {}

  std::string name() const override { return name_; }
  TemplateSchema schema() const override;
  Result<Observation> observe(const ProviderResource& resource) override;
  Result<StepResult> apply(const ProviderResource& resource, const Observation& seen) override;
  Result<StepResult> remove(const ProviderResource& resource, const Observation& seen) override;
  std::shared_ptr<void> watch(std::function<void(std::string resource)> changed) override;
  Result<> logs(const ProviderResource& resource, const LogWish& wish,
                const std::function<bool(const LogLine&)>& sink) override;

 private:
  const Clock& clock_;
  std::shared_ptr<World> world_;
  const std::string name_;
};

}  // namespace qleet::noop
