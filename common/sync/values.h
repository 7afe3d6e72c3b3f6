// Values of Secrets on their way to an agent: what both sides must agree on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace qleet::sync {

// The provider of a resource that is nothing but outputs: the values in DesiredResource.secret. Nobody is
// asked for it.
inline constexpr std::string_view kValuesProvider = "secret";

// Names of outputs go into reports, which have no room for more (hub/fleet/report_check.h).
inline constexpr std::size_t kMaxKeys = 64;
inline constexpr std::size_t kMaxKey = 128;

// With what a box is associated: it opens as that of no other resource and version.
inline std::string box_place(std::string_view resource, std::uint32_t version) {
  return std::string(resource) + "/" + std::to_string(version);
}

}  // namespace qleet::sync
