// Judging one container, for every kind that has some.
#include <fmt/format.h>

#include <algorithm>

#include "common/model/reasons.h"
#include "providers/container/kinds.h"
#include "providers/container/names.h"

namespace qleet::container {

std::string drift_of(Context& context, const ProcessSpec& wanted, const std::string& network,
                     const containers::ContainerDetails& details) {
  if (wanted.memory > 0 && details.memory != wanted.memory) return "has another memory limit than asked for";
  if (wanted.nano_cpus > 0 && details.nano_cpus > 0 && details.nano_cpus != wanted.nano_cpus) {
    return "has another processor limit than asked for";
  }
  for (const auto& [name, value] : wanted.env) {
    if (std::ranges::find(details.env, fmt::format("{}={}", name, value)) == details.env.end()) {
      return fmt::format("has another value of the variable {} than asked for", name);
    }
  }
  const bool own_network = network != "host" && !network.starts_with("container:");
  if (!own_network || !details.running()) return {};
  const auto endpoint = details.networks.find(network);
  if (endpoint == details.networks.end()) return "was taken off its network";
  if (context.astray(network, endpoint->second)) return "is on a network that was removed";
  return {};
}

Result<> check_volumes(Context& context, const ProviderResource& resource, const ProcessSpec& process) {
  for (const auto& mount : process.volumes) {
    const auto volume = context.client().inspect_volume(mount.volume);
    if (volume) {
      const std::string made_for = label(volume->labels, labels::kResource);
      const bool ours = label(volume->labels, labels::kOwner) == resource.owner;
      if (made_for.empty() || (ours && of_same_application(made_for, resource))) continue;
      return fail(
          Code::kInvalid, reasons::kInvalidTemplate,
          fmt::format("volume {} (for {}) was not made for this application; name one that it depends on",
                      mount.volume, mount.target));
    }
    if (volume.error().code != Code::kNotFound) return std::unexpected(volume.error());
    return fail(Code::kUnavailable, reasons::kProviderError,
                fmt::format("volume {} (for {}) does not exist on this host", mount.volume, mount.target));
  }
  return {};
}

std::string life_of(const containers::ContainerDetails& details) { return details.id + details.started_at; }

}  // namespace qleet::container
