// Hosts and paths that routes ask for: the rules, which the hub applies to what people write and the agent to
// what it is handed. Both end up in a router's configuration.
#pragma once

#include <string>
#include <string_view>

#include "common/result/result.h"

namespace qleet::templates {

// The host as it is compared: lower case, without a dot at its end; empty: any. "*.shop.example" stands for
// every name with one label more than shop.example. kInvalid with the rule that it breaks and what to write;
// never with control characters of the input.
Result<std::string> route_host(std::string_view written);

// The path as it is compared: without a slash at its end, but "/"; empty is "/". kInvalid with the rule.
Result<std::string> route_path(std::string_view written);

inline bool is_wildcard(std::string_view host) { return host.starts_with("*."); }
// "shop.example" of "*.shop.example".
inline std::string_view wildcard_of(std::string_view host) { return host.substr(2); }
// Whether requests for `host` (a name, no wildcard) are among those that the wildcard stands for.
inline bool is_covered(std::string_view host, std::string_view wildcard) {
  const std::size_t dot = host.find('.');
  return is_wildcard(wildcard) && dot != std::string_view::npos && dot > 0 &&
         host.substr(dot + 1) == wildcard_of(wildcard);
}

}  // namespace qleet::templates
