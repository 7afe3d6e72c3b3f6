// Builds that CI has told of: the part of releases.h about their names.
#include <fmt/format.h>

#include <algorithm>

#include "common/crypto/token.h"
#include "common/model/image_name.h"
#include "hub/controllers/releases.h"
#include "hub/store/objects.h"

namespace qleet::hub::controllers {

namespace {

std::string slug(std::string_view text, size_t most) {
  std::string out;
  for (const char c : text.substr(text.size() > most ? text.size() - most : 0)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    out += plain ? c : (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  return out;
}

// With which the names of all builds of an image begin.
std::string image_prefix(const std::string& repository) {
  return fmt::format("{}-{}.", slug(repository.substr(repository.rfind('/') + 1), 40),
                     crypto::sha256_hex(repository).substr(0, 8));
}

}  // namespace

std::string build_name(const v1::BuildSpec& build) {
  const auto digest = build.digest().substr(build.digest().find(':') + 1);
  const auto unique =
      crypto::sha256_hex(fmt::format("{}\n{}\n{}", build.tag(), build.digest(), build.application()));
  return fmt::format("{}{}.{}-{}", image_prefix(model::full_repository(build.image())), slug(build.tag(), 40),
                     slug(digest.substr(0, 12), 12), unique.substr(0, 8));
}

Result<std::vector<NamedBuild>> builds_of(const Reader& reader, std::string_view image) {
  std::vector<v1::Build> builds;
  for (const auto& spelling : model::spellings(image)) {
    for (auto& build : TRY(objects::list<v1::Build>(reader, {.name_prefix = image_prefix(spelling)}))) {
      if (model::same_repository(build.spec().image(), image)) builds.push_back(std::move(build));
    }
  }
  std::ranges::sort(builds, {}, [](const v1::Build& build) { return build.metadata().resource_version(); });
  std::vector<NamedBuild> named;
  for (const auto& build : builds) named.push_back({build.metadata().name(), build.spec()});
  return named;
}

}  // namespace qleet::hub::controllers
