// Credentials for registries, from a file as `docker login` and `podman login` write it:
// {"auths": {"registry.example": {"auth": "<base64 of user:password>"}}}.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/engine/client.h"
#include "common/result/result.h"

namespace qleet::containers {

// Of the registry of `image` in the text of such a file; nothing where it has none. kInvalid: not such a
// file; the message holds nothing of it. Pure.
Result<std::optional<RegistryAuth>> find_registry_auth(std::string_view text, std::string_view image);

// Reads the file anew for each pull, so that new credentials need no restart. One that is not there, or
// cannot be read, gives none, and that is logged. Thread-safe.
std::function<std::optional<RegistryAuth>(std::string_view image)> registry_auth_from(
    std::filesystem::path file);

}  // namespace qleet::containers
