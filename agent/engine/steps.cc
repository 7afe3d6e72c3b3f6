#include "agent/engine/steps.h"

#include <exception>

namespace qleet::agent {
namespace {

// Exceptions of a provider's libraries end here.
template <class Function>
auto guarded(const std::string& provider, Function&& function) -> decltype(function()) {
  try {
    return function();
  } catch (const std::exception& e) {
    return fail(Code::kInternal, "provider " + provider + " failed unexpectedly: " + e.what());
  }
}

StepOutcome carry_out(Provider& provider, const StepRequest& request) {
  StepOutcome outcome{.name = request.resource.name,
                      .provider = request.provider,
                      .kind = request.kind,
                      .hash = request.resource.hash,
                      .result = Result<Observation>{}};
  switch (request.kind) {
    case StepKind::kObserve:
      outcome.result = guarded(request.provider, [&] { return provider.observe(request.resource); });
      break;
    case StepKind::kApply:
      outcome.result =
          guarded(request.provider, [&] { return provider.apply(request.resource, request.seen); });
      break;
    case StepKind::kRemove:
      outcome.result =
          guarded(request.provider, [&] { return provider.remove(request.resource, request.seen); });
      break;
  }
  return outcome;
}

}  // namespace

void Steps::start(std::shared_ptr<Provider> provider, StepRequest request) {
  ++in_flight_;
  Lane& lane = lanes_[request.provider];
  auto shared = std::make_shared<const StepRequest>(std::move(request));
  std::function<void()> work = [provider = std::move(provider), shared, inbox = inbox_, &clock = clock_,
                                ended = ended_] {
    const auto begun = clock.mono();
    auto outcome = carry_out(*provider, *shared);
    if (ended) {
      const bool failed = std::visit([](const auto& result) { return !result.has_value(); }, outcome.result);
      ended(shared->provider, shared->kind, failed, clock.mono() - begun);
    }
    inbox->put(std::move(outcome));
  };
  if (lane.running >= max_per_provider_) {
    lane.waiting.push_back(std::move(work));
    return;
  }
  ++lane.running;
  executor_.run(std::move(work));
}

void Steps::ended(const std::string& provider) {
  --in_flight_;
  Lane& lane = lanes_[provider];
  if (lane.waiting.empty()) {
    --lane.running;
    return;
  }
  auto next = std::move(lane.waiting.front());
  lane.waiting.pop_front();
  executor_.run(std::move(next));
}

}  // namespace qleet::agent
