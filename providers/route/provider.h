// Traffic from outside to workloads: `kind: router` is one haproxy on a container host, `kind: route` leads a
// host and a path to the ready replicas of a workload (TEMPLATES.md).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "common/engine/host.h"
#include "providers/api/endpoints.h"
#include "providers/api/provider.h"

namespace qleet::route {

struct Options {
  std::string socket;           // of the container engine
  std::filesystem::path state;  // configurations are kept below it
  std::function<std::optional<containers::RegistryAuth>(std::string_view image)> registry_auth;
  std::function<void()> timed_out;  // as in containers::HostOptions
  containers::CallEnded call_ended = {};
};

// `board` must outlive it.
std::unique_ptr<Provider> make_provider(Options options, EndpointBoard& board);

}  // namespace qleet::route
