#include "common/engine/registry_auth.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "common/engine/json.h"
#include "common/log/log.h"
#include "common/model/image_name.h"

namespace qleet::containers {

namespace {

constexpr log::Logger kLog{"container-host"};
constexpr const char* kDockerHub = "docker.io";

std::optional<std::string> decode(std::string_view base64) {
  if (base64.size() % 4 != 0) return std::nullopt;
  std::string out(base64.size() / 4 * 3, '\0');
  const int size = ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(base64.data()),
                                     static_cast<int>(base64.size()));
  if (size < 0) return std::nullopt;
  const auto padding = static_cast<std::size_t>(
      std::ranges::count(base64.substr(base64.size() - std::min<std::size_t>(2, base64.size())), '='));
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

// "https://index.docker.io/v1/" is how Docker names its own registry in such a file.
std::string plain_name(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  const std::string host(key.substr(0, key.find('/')));
  return host == "index.docker.io" || host == "registry-1.docker.io" ? kDockerHub : host;
}

}  // namespace

Result<std::optional<RegistryAuth>> find_registry_auth(std::string_view text, std::string_view image) {
  const auto document = read::parse(text);
  const auto* auths = document ? read::at(*document, "auths").if_object() : nullptr;
  if (auths == nullptr)
    return fail(Code::kInvalid, "is not a file of credentials: it must be JSON with \"auths\"");
  const std::string named = model::registry_of(image);
  const std::string registry = named.empty() ? kDockerHub : named;
  for (const auto& item : *auths) {
    if (plain_name({item.key().data(), item.key().size()}) != registry) continue;
    const auto both = decode(read::text(item.value(), "auth"));
    const std::size_t colon = both ? both->find(':') : std::string::npos;
    if (colon == std::string::npos)
      return fail(Code::kInvalid,
                  fmt::format("its \"auth\" of {} must be base64 of user:password", registry));
    return RegistryAuth{
        .username = both->substr(0, colon), .password = both->substr(colon + 1), .server = registry};
  }
  return std::nullopt;
}

std::function<std::optional<RegistryAuth>(std::string_view)> registry_auth_from(std::filesystem::path file) {
  return [file = std::move(file)](std::string_view image) -> std::optional<RegistryAuth> {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
      kLog.warn("credentials for registries cannot be read", {{"file", file.string()}});
      return std::nullopt;
    }
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    auto found = find_registry_auth(text, image);
    if (found) return *std::move(found);
    kLog.warn("credentials for registries cannot be read",
              {{"file", file.string()}, {"error", found.error().message}});
    return std::nullopt;
  };
}

}  // namespace qleet::containers
