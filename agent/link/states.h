// The state of a resource, as reports say it.
#pragma once

#include <string_view>

namespace qleet::agent::states {

inline constexpr std::string_view kPending = "Pending";
inline constexpr std::string_view kProgressing = "Progressing";
inline constexpr std::string_view kReady = "Ready";
inline constexpr std::string_view kDegraded = "Degraded";
inline constexpr std::string_view kStalled = "Stalled";
inline constexpr std::string_view kDeleting = "Deleting";

}  // namespace qleet::agent::states
