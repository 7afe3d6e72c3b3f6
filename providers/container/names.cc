#include "providers/container/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

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

bool of_same_application(std::string_view other, const ProviderResource& resource) {
  // <region>.<environment or ->.<application or ->.<type>.<id>
  const auto part = [](std::string_view name, unsigned number) {
    for (; number > 0; --number) {
      const auto dot = name.find('.');
      name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
    }
    return name.substr(0, name.find('.'));
  };
  if (std::ranges::count(other, '.') < 4) return true;
  for (const unsigned number : {1U, 2U}) {
    const auto theirs = part(other, number);
    if (theirs != "-" && theirs != part(resource.name, number)) return false;
  }
  return true;
}

bool is_volume_name(std::string_view text) {
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  return !text.empty() && text.size() <= 255 && plain(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
}

}  // namespace qleet::container
