// What the host's own network has taken: subnets, interfaces and ports.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"

namespace qleet::containers {

// A subnet of 256 addresses in 10.128.0.0/9 that touches none of `used` ("10.0.0.0/8"); the search starts at
// a place given by `seed`, so that two hosts' agents do not all take the first.
std::string choose_subnet(std::string_view seed, const std::vector<std::string>& used);

// Those of the host's own interfaces and routes.
std::vector<std::string> host_subnets();

// The bridge behind an agent's network, at most 15 characters, by a name that is not `taken`: a bridge of
// another engine, or of one that was killed, has addresses of its own, which an engine would not change.
std::string choose_bridge(std::string_view owner, const std::function<bool(const std::string&)>& taken);

bool interface_exists(const std::string& name);

// Nullopt where one of the two is none of IPv4 ("10.0.0.7", "10.0.0.0/24").
std::optional<bool> in_subnet(const std::string& address, const std::string& subnet);

// Podman's name server keeps a file for each network by name. One that is left from a network that was
// removed names that one's gateway, and a network made again under the name would have no name server.
void forget_names(const std::string& network);

// Reason PortInUse when another process listens there already. Asked before a start, since an engine that
// fails to bind takes down the rules of whoever holds the port (netavark 1.4).
Result<> check_port_free(const std::string& address, std::uint16_t port, std::string_view protocol = "tcp");

}  // namespace qleet::containers
