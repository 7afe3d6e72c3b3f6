// Names and labels of what is made for a resource (common/engine/ownership.h says how they are built).
#pragma once

#include <string>
#include <string_view>

#include "common/engine/ownership.h"
#include "providers/api/provider.h"

namespace qleet::container {

using containers::base_name;
using containers::label;
using containers::network_name;
using containers::short_hash;
namespace labels = containers::labels;

inline std::string base_name(const ProviderResource& resource) {
  return containers::base_name(resource.owner, resource.name);
}

// One container of one replica; the revision in it keeps old and new apart.
std::string replica_name(const ProviderResource& resource, std::string_view revision, unsigned replica,
                         std::string_view container);

// What a replica's containers call their host: at most 63 characters, which is all that a host name may have.
std::string host_name(std::string_view workload, unsigned replica);

containers::Labels ownership(const ProviderResource& resource, std::string_view kind);
// Those that select everything of one resource.
containers::Labels selector(const ProviderResource& resource);
bool owned(const containers::Labels& labels, const ProviderResource& resource);

// Whether what was made for the resource of that name may be used by this one: it is of the same application
// and environment, or shared by all there ("-" in its name). Outputs are text that developers can choose, so
// a name alone proves nothing. True for names that are no hub's.
bool of_same_application(std::string_view other, const ProviderResource& resource);

// Of a volume, as engines take it: no path.
bool is_volume_name(std::string_view text);

}  // namespace qleet::container
