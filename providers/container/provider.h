// Containers on a host: everything that `kind` host, volume, container, workload and exec stand for in a
// profile's template (TEMPLATES.md), through the Docker Engine API.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/clock/clock.h"
#include "common/engine/client.h"
#include "providers/api/endpoints.h"
#include "providers/api/provider.h"

namespace qleet::container {

struct Options {
  std::string socket;           // of the engine: containers::find_engine, or PodmanService::socket
  std::filesystem::path state;  // files and secrets of containers are kept below it, readable by root alone
  // Credentials for an image's registry; may be empty. Called on any thread.
  std::function<std::optional<containers::RegistryAuth>(std::string_view image)> registry_auth;
  std::function<void()> timed_out;  // as in containers::HostOptions
  containers::CallEnded call_ended = {};
};

// Below Options::state: the key of the hashes that tell whether containers are as wanted. With another one
// all of them would be replaced, so it belongs into a backup.
inline constexpr const char* kRevisionKey = "revision.key";

// Publishes the ready replicas of workloads on `board`. `board` and `clock` must outlive it.
std::unique_ptr<Provider> make_provider(Options options, EndpointBoard& board, const Clock& clock);

}  // namespace qleet::container
