#include "hub/controllers/offers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace qleet::hub::controllers {
namespace {

// Containers answer where they listen: nothing stands between them and who asks.
std::uint32_t listens_at(const v1::ScorePort& port) {
  return port.target_port() == 0 ? port.port() : port.target_port();
}

ServicePort described(const std::string& name, const v1::ScorePort& port) {
  const bool tls = name == "https" || port.port() == 443;
  return {name, listens_at(port), tls ? "https" : "http"};
}

}  // namespace

bool asks_for_service(std::string_view type) { return type == kServiceType || type == kEndpointType; }

bool is_built_in(std::string_view type) { return asks_for_service(type) || type == kEnvironmentType; }

std::vector<std::string> with_built_in(std::vector<std::string> types) {
  for (const auto type : {kServiceType, kEndpointType, kEnvironmentType}) types.emplace_back(type);
  std::ranges::sort(types);
  const auto doubles = std::ranges::unique(types);
  types.erase(doubles.begin(), doubles.end());
  return types;
}

Result<ServicePort> choose_port(const v1::ScoreService& service, std::string_view wanted) {
  const std::map<std::string, v1::ScorePort> ports(service.ports().begin(), service.ports().end());
  if (ports.empty())
    return fail(Code::kInvalid, "it has no ports: give its Score document a service with ports");
  std::vector<std::string> known;
  for (const auto& [name, port] : ports) {
    if (wanted == name || wanted == std::to_string(port.port())) return described(name, port);
    known.push_back(fmt::format("{} ({})", name, port.port()));
  }
  for (const auto& [name, port] : ports)
    if (wanted == std::to_string(listens_at(port))) return described(name, port);
  if (wanted.empty() && ports.size() == 1) return described(ports.begin()->first, ports.begin()->second);
  if (wanted.empty())
    return fail(Code::kInvalid,
                fmt::format("it has several ports, say which; there is: {}", fmt::join(known, ", ")));
  return fail(Code::kInvalid,
              fmt::format("it has no port \"{}\"; there is: {}", wanted, fmt::join(known, ", ")));
}

}  // namespace qleet::hub::controllers
