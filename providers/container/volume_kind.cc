#include <fmt/format.h>

#include "common/model/reasons.h"
#include "providers/container/kinds.h"
#include "providers/container/names.h"
#include "providers/container/template.h"

namespace qleet::container {

namespace {

constexpr const char* kKind = "volume";
constexpr const char* kMadeFor = "made-for";  // note: labels of a volume cannot be changed

class VolumeHandler final : public Handler {
 public:
  explicit VolumeHandler(Context& context) : context_(context) {}

  Result<Observation> observe(const ProviderResource& resource) override {
    const VolumeSpec spec = TRY(parse_volume(resource.template_));
    Observation out;
    const std::string name = base_name(resource);
    context_.notifier().knows(name, resource.name);
    const auto volume = context_.client().inspect_volume(name);
    if (!volume) {
      if (volume.error().code != Code::kNotFound) return std::unexpected(volume.error());
      if (!context_.mounts().has(name)) return out;
      out.state = Observation::State::kOutOfDate;
      if (!context_.mounts().read_note(name, kMadeFor).empty()) {
        out.reason = reasons::kDataLost;
        out.message = fmt::format(
            "volume {0} is not there any more: somebody removed it, and with it the data in it. Nothing "
            "is made in its place. Put it back from a backup, or go on with an empty one: {5} volume create "
            "--label {1}={2} --label {3}={4} {0}",
            name, labels::kOwner, resource.owner, labels::kResource, resource.name, command_line());
      }
      return out;
    }
    if (!owned(volume->labels, resource)) {
      return fail(Code::kConflict, reasons::kProviderError,
                  fmt::format("a volume named {} exists that is not ours: rename or remove it", name));
    }
    // Its size is noted, not enforced: another one needs nothing done.
    const bool same = context_.mounts().read_note(name, kMadeFor) == resource.hash;
    out.state = same ? Observation::State::kReady : Observation::State::kOutOfDate;
    out.self = {{"name", name}, {"mountpoint", volume->mountpoint}, {"size", spec.size}};
    return out;
  }

  // What a person types to reach this very engine: an agent's own Podman keeps volumes of its own.
  std::string command_line() const {
    const auto version = context_.client().version();
    const bool docker = version && !version->starts_with("podman");
    return fmt::format("{} unix://{}", docker ? "docker -H" : "podman --url", context_.client().socket());
  }

  Result<StepResult> apply(const ProviderResource& resource, const Observation&) override {
    const VolumeSpec spec = TRY(parse_volume(resource.template_));
    const std::string name = base_name(resource);
    const auto volume = context_.client().inspect_volume(name);
    if (!volume && volume.error().code != Code::kNotFound) return std::unexpected(volume.error());
    if (!volume) {
      containers::Labels marks = ownership(resource, kKind);
      if (!spec.size.empty()) marks[labels::kSize] = spec.size;
      TRY(context_.client().create_volume(name, marks));
    }
    TRY(context_.mounts().write_note(name, kMadeFor, resource.hash));
    return StepResult{.done = true};
  }

  Result<StepResult> remove(const ProviderResource& resource, const Observation&) override {
    const auto volume = context_.client().inspect_volume(base_name(resource));
    if (!volume && volume.error().code != Code::kNotFound) return std::unexpected(volume.error());
    if (volume && owned(volume->labels, resource)) TRY(context_.client().remove_volume(volume->name));
    TRY(context_.mounts().remove_all(base_name(resource)));
    context_.notifier().forget(resource.name);
    return StepResult{.done = true};
  }

 private:
  Context& context_;
};

}  // namespace

std::unique_ptr<Handler> make_volume(Context& context) { return std::make_unique<VolumeHandler>(context); }

}  // namespace qleet::container
