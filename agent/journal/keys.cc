#include "agent/journal/keys.h"

#include <fmt/format.h>

namespace qleet::agent::keys {

std::string desired(std::string_view name) { return fmt::format("{}{}", kDesiredPrefix, name); }
std::string runtime(std::string_view name) { return fmt::format("{}{}", kRuntimePrefix, name); }
std::string event(std::uint64_t sequence) { return fmt::format("{}{:016x}", kEventPrefix, sequence); }

}  // namespace qleet::agent::keys
