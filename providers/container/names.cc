#include "providers/container/names.h"

#include <fmt/format.h>

namespace qleet::container {

std::string replica_name(const ProviderResource& resource, std::string_view revision, unsigned replica,
                         std::string_view container) {
  return fmt::format("{}.{}.{}.{}", base_name(resource), revision, replica, container);
}

std::string host_name(std::string_view workload, unsigned replica) {
  constexpr std::size_t kMost = 63;
  auto name = fmt::format("{}-{}", workload, replica);
  if (name.size() <= kMost) return name;
  const auto tail = fmt::format("-{}-{}", short_hash(workload), replica);
  return std::string(workload.substr(0, kMost - tail.size())) + tail;
}

containers::Labels ownership(const ProviderResource& resource, std::string_view kind) {
  return {{labels::kOwner, resource.owner},
          {labels::kResource, resource.name},
          {labels::kType, resource.type},
          {labels::kKind, std::string(kind)},
          {labels::kHash, resource.hash}};
}

containers::Labels selector(const ProviderResource& resource) {
  return {{labels::kOwner, resource.owner}, {labels::kResource, resource.name}};
}

bool owned(const containers::Labels& found, const ProviderResource& resource) {
  return label(found, labels::kOwner) == resource.owner && label(found, labels::kResource) == resource.name;
}

}  // namespace qleet::container
