// How a sealed value of a Secret begins where the hub keeps it: followed by base64url of the box. Refused as
// an input, so that what looks sealed in the store was sealed by the hub.
#pragma once

#include <string_view>

namespace qleet::model {

inline constexpr std::string_view kSealedPrefix = "qleet-sealed-1:";

}  // namespace qleet::model
