#include "common/model/reasons.h"
#include "providers/container/kinds.h"
#include "providers/container/names.h"
#include "providers/container/template.h"

#include <fmt/format.h>

namespace qleet::container {

namespace {

constexpr const char* kKind = "host";
constexpr const char* kMadeFor = "made-for";  // note: labels of a network cannot be changed
constexpr Millis kLookAgain{30'000};          // Podman tells nobody that a network was removed

// The engine answers, and the agent's network is there.
class HostHandler final : public Handler {
 public:
  explicit HostHandler(Context& context) : context_(context) {}

  Result<Observation> observe(const ProviderResource& resource) override {
    const HostSpec spec = TRY(parse_host(resource.template_));
    Observation out;
    const std::string engine = TRY(context_.client().version());
    const std::string name = network_name(resource.owner);
    context_.notifier().knows(name, resource.name);
    const auto network = context_.look_at_network(name);
    if (!network) {
      if (network.error().code != Code::kNotFound) return std::unexpected(network.error());
      const bool made_before = context_.mounts().has(base_name(resource));
      if (made_before) out.state = Observation::State::kOutOfDate;
      out.message =
          made_before
              ? fmt::format("network {} was removed: it is made again, and what was on it is replaced", name)
              : fmt::format("network {} is not there yet", name);
      return out;
    }
    if (label(network->labels, labels::kOwner) != resource.owner) {
      return fail(Code::kConflict, reasons::kProviderError,
                  fmt::format("a network named {} exists that is not ours: remove or rename it", name));
    }
    const bool same = context_.mounts().read_note(base_name(resource), kMadeFor) == resource.hash;
    out.state = same ? Observation::State::kReady : Observation::State::kOutOfDate;
    if (same) out.recheck_after = kLookAgain;
    out.self = {{"network", name},
                {"address", spec.address},
                {"engine", engine},
                {"gateway", network->gateway},
                {"subnet", network->subnet}};
    return out;
  }

  Result<StepResult> apply(const ProviderResource& resource, const Observation&) override {
    const HostSpec spec = TRY(parse_host(resource.template_));
    TRY(context_.ensure_network(resource.owner, spec.subnet, ownership(resource, kKind)));
    TRY(context_.mounts().write_note(base_name(resource), kMadeFor, resource.hash));
    return StepResult{.done = true};
  }

  Result<StepResult> remove(const ProviderResource& resource, const Observation&) override {
    const auto network = context_.client().inspect_network(network_name(resource.owner));
    if (!network && network.error().code != Code::kNotFound) return std::unexpected(network.error());
    const bool made_here = context_.mounts().has(base_name(resource));
    if (network && made_here && label(network->labels, labels::kOwner) == resource.owner) {
      TRY(context_.client().remove_network(network->name));
    }
    TRY(context_.mounts().remove_all(base_name(resource)));
    context_.notifier().forget(resource.name);
    return StepResult{.done = true};
  }

 private:
  Context& context_;
};

}  // namespace

std::unique_ptr<Handler> make_host(Context& context) { return std::make_unique<HostHandler>(context); }

}  // namespace qleet::container
