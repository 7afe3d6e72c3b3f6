#include "providers/container/provider.h"

#include "providers/container/context.h"
#include "providers/container/kinds.h"
#include "providers/container/logs.h"
#include "providers/container/names.h"
#include "providers/container/shapes.h"
#include "providers/container/template.h"

namespace qleet::container {

namespace {

class ContainerProvider final : public Provider {
 public:
  ContainerProvider(Options options, EndpointBoard& board, const Clock& clock)
      : context_(std::move(options), clock),
        host_(make_host(context_)),
        volume_(make_volume(context_)),
        container_(make_container(context_)),
        workload_(make_workload(context_, board)),
        exec_(make_exec(context_)) {}

  std::string name() const override { return "container"; }
  TemplateSchema schema() const override { return container::schema(); }

  Result<Observation> observe(const ProviderResource& resource) override {
    return TRY(handler(resource))->observe(resource);
  }

  Result<StepResult> apply(const ProviderResource& resource, const Observation& seen) override {
    auto step = TRY(handler(resource))->apply(resource, seen);
    // The cause may be the host's: its own resource finds out, and repairs it.
    if (!step) context_.look_at_host(resource.owner);
    return step;
  }

  Result<StepResult> remove(const ProviderResource& resource, const Observation& seen) override {
    if (const auto known = handler(resource)) return (*known)->remove(resource, seen);
    // What it was can no longer be told: whatever carries its marks goes.
    for (Handler* one : {workload_.get(), exec_.get(), volume_.get(), host_.get()}) {
      StepResult step = TRY(one->remove(resource, seen));
      if (!step.done) return step;
    }
    return StepResult{.done = true};
  }

  std::shared_ptr<void> watch(std::function<void(std::string)> changed) override;
  Result<> logs(const ProviderResource& resource, const LogWish& wish,
                const std::function<bool(const LogLine&)>& sink) override;

 private:
  Result<Handler*> handler(const ProviderResource& resource) {
    switch (TRY(kind_of(resource))) {
      case Kind::kHost:
        return host_.get();
      case Kind::kVolume:
        return volume_.get();
      case Kind::kContainer:
        return container_.get();
      case Kind::kWorkload:
        return workload_.get();
      case Kind::kExec:
        return exec_.get();
    }
    return container_.get();
  }

  Context context_;
  std::unique_ptr<Handler> host_;
  std::unique_ptr<Handler> volume_;
  std::unique_ptr<Handler> container_;
  std::unique_ptr<Handler> workload_;
  std::unique_ptr<Handler> exec_;
};

std::shared_ptr<void> ContainerProvider::watch(std::function<void(std::string)> changed) {
  return context_.watch(std::move(changed));
}

Result<> ContainerProvider::logs(const ProviderResource& resource, const LogWish& wish,
                                 const std::function<bool(const LogLine&)>& sink) {
  return stream_logs(context_, resource, wish, sink);
}

}  // namespace

std::unique_ptr<Provider> make_provider(Options options, EndpointBoard& board, const Clock& clock) {
  return std::make_unique<ContainerProvider>(std::move(options), board, clock);
}

}  // namespace qleet::container
