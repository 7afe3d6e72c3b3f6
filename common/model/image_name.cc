#include "common/model/image_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace qleet::model {
namespace {

constexpr std::string_view kHub = "docker.io";
constexpr std::string_view kOldHub = "index.docker.io";
constexpr std::string_view kLibrary = "library/";
constexpr size_t kLongest = 255;
constexpr std::string_view kExample = "registry.example/shop/web";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool plain(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

std::string shortened(std::string_view text) { return std::string(text.substr(0, 100)); }

struct Parts {
  std::string host;  // empty: none is named
  std::string_view path;
};

Parts parts_of(std::string_view repository) {
  const auto slash = repository.find('/');
  if (slash == std::string_view::npos) return {{}, repository};
  auto host = lowered(repository.substr(0, slash));
  const bool is_host = host == "localhost" || host.find_first_of(".:") != std::string::npos;
  return is_host ? Parts{std::move(host), repository.substr(slash + 1)} : Parts{{}, repository};
}

bool is_component(std::string_view part) {
  return !part.empty() && plain(part.front()) && plain(part.back()) &&
         std::ranges::all_of(part, [](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_host(std::string_view host) {
  const auto colon = host.find(':');
  if (colon != std::string_view::npos) {
    const auto port = host.substr(colon + 1);
    if (port.empty() || port.size() > 5 ||
        !std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; }))
      return false;
    host = host.substr(0, colon);
  }
  return is_component(host);
}

}  // namespace

ImageName split_image(std::string_view image) {
  ImageName out;
  if (const auto at = image.find('@'); at != std::string_view::npos) {
    out.digest = image.substr(at + 1);
    image = image.substr(0, at);
  }
  const auto colon = image.rfind(':');
  const auto slash = image.rfind('/');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    out.tag = image.substr(colon + 1);
    image = image.substr(0, colon);
  }
  out.repository = image;
  return out;
}

std::string registry_of(std::string_view image) { return parts_of(image).host; }

std::string full_repository(std::string_view repository) {
  auto [host, path] = parts_of(repository);
  if (host.empty() || host == kOldHub) host = kHub;
  const bool official = host == kHub && path.find('/') == std::string_view::npos;
  return fmt::format("{}/{}{}", host, official ? kLibrary : "", path);
}

std::vector<std::string> spellings(std::string_view repository) {
  const auto full = full_repository(repository);
  std::vector<std::string> all{full};
  const auto add = [&](std::string one) {
    if (std::ranges::find(all, one) == all.end()) all.push_back(std::move(one));
  };
  const auto hub = fmt::format("{}/", kHub);
  if (full.starts_with(hub)) {
    const auto path = full.substr(hub.size());
    std::vector<std::string> paths{path};
    if (path.starts_with(kLibrary)) paths.push_back(path.substr(kLibrary.size()));
    for (const auto& one : paths) {
      add(one);
      add(fmt::format("{}/{}", kHub, one));
      add(fmt::format("{}/{}", kOldHub, one));
    }
  }
  add(std::string(repository));
  return all;
}

std::optional<std::string> repository_problem(std::string_view repository) {
  if (const auto scheme = repository.find("://"); scheme != std::string_view::npos)
    return fmt::format("\"{}\" is a URL, and an image repository has no scheme; leave out \"{}\"",
                       shortened(repository), shortened(repository.substr(0, scheme + 3)));
  const auto name = split_image(repository);
  if (!name.tag.empty() || !name.digest.empty() || name.repository.size() != repository.size())
    return fmt::format("must be a repository without tag or digest; leave out \"{}\"",
                       shortened(repository.substr(name.repository.size())));
  if (std::ranges::any_of(repository, [](char c) { return lower(c) != c; }))
    return fmt::format("\"{}\" has upper case, which image repositories do not have; write \"{}\"",
                       shortened(repository), shortened(lowered(repository)));
  const auto [host, path] = parts_of(repository);
  bool good = repository.size() <= kLongest && (host.empty() || is_host(host));
  for (size_t begin = 0; good && begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    good = is_component(path.substr(begin, end - begin));
    begin = end + 1;
  }
  if (good) return std::nullopt;
  return fmt::format("\"{}\" is not an image repository; write for example {}", shortened(repository),
                     kExample);
}

}  // namespace qleet::model
