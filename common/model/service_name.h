// Under which name other workloads find a workload.
#pragma once

#include <string>
#include <string_view>

namespace qleet::model {

// "<workload>.<application>.<environment>.internal": the three have no dots and are unique in this order, so
// no two workloads of a hub have the same, whatever they are called. "internal" is reserved for private use:
// a name that nobody answers to leads nowhere. At most 201 characters, 63 between two dots.
std::string service_hostname(std::string_view workload, std::string_view application,
                             std::string_view environment);

// An id under which a workload is offered to other applications, or a resource is asked for: 2 to 63
// lower-case letters, digits, - and dots.
bool is_resource_id(std::string_view id);

}  // namespace qleet::model
