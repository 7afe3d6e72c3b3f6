#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/model/quantity.h"
#include "common/model/rules.h"

namespace qleet::model {
namespace {

using google::protobuf::Message;

constexpr size_t kMaxAnnotationBytes = 256 * 1024;

// The kinds whose names the hub composes: <application>.<number> and the like.
bool has_composed_name(const Kind& kind) {
  return kind.name == "Release" || kind.name == "Deployment" || kind.name == "Resource" ||
         kind.name == "Build" || kind.name == "Event" || kind.name == "AuditRecord";
}

void check_metadata(const Message& object, Checks& checks) {
  const auto& metadata = meta(object);
  const Place root;
  const Place place{&root, "metadata"};
  if (has_composed_name(kind_of(object))) {
    checks.length({&place, "name"}, metadata.name(), 512);
  } else if (checks.required({&place, "name"}, metadata.name())) {
    checks.name({&place, "name"}, metadata.name());
  }
  checks.labels({&place, "labels"}, metadata.labels());
  const Place annotations{&place, "annotations"};
  size_t bytes = 0;
  for (const auto& key : sorted_keys(metadata.annotations())) {
    checks.label_key({&annotations, key}, key);
    bytes += key.size() + metadata.annotations().at(key).size();
  }
  if (bytes > kMaxAnnotationBytes)
    checks.wrong(annotations,
                 fmt::format("has {} bytes; at most {} are allowed", bytes, kMaxAnnotationBytes));
}

bool is_tag(std::string_view tag) {
  const auto word = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  return tag.size() <= 128 && word(static_cast<unsigned char>(tag.front())) &&
         std::ranges::all_of(tag, [&](unsigned char c) { return word(c) || c == '.' || c == '-'; });
}

bool is_digest(std::string_view digest) {
  constexpr std::string_view kPrefix = "sha256:";
  if (!digest.starts_with(kPrefix)) return false;
  digest.remove_prefix(kPrefix.size());
  return digest.size() == 64 &&
         std::ranges::all_of(digest, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

template <class T>
bool check_if(const Message& object, Checks& checks) {
  if (object.GetDescriptor() != T::descriptor()) return false;
  check(static_cast<const T&>(object), checks);
  return true;
}

}  // namespace

void check(const qleet::v1::Region& region, Checks& checks) {
  const Place root;
  const Place spec{&root, "spec"};
  const Place capacity{&spec, "capacity"};
  for (const auto& key : sorted_keys(region.spec().capacity())) {
    const Place here{&capacity, key};
    const auto& amount = region.spec().capacity().at(key);
    if (key == "cpu") {
      if (auto parsed = parse_cpu(amount); !parsed) checks.wrong(here, parsed.error().message);
    } else if (key == "memory" || key == "disk") {
      if (auto parsed = parse_memory(amount); !parsed) checks.wrong(here, parsed.error().message);
    }
  }
}

void check(const qleet::v1::Agent& agent, Checks& checks) {
  const Place root;
  const Place spec{&root, "spec"};
  const Place region{&spec, "region"};
  if (checks.required(region, agent.spec().region())) checks.name(region, agent.spec().region());
}

void check_build(const qleet::v1::BuildSpec& build, const Place& place, Checks& checks) {
  const Place image{&place, "image"};
  if (checks.required(image, build.image())) checks.repository(image, build.image());
  if (build.tag().empty() && build.digest().empty())
    checks.wrong({&place, "tag"}, "is missing; give a tag, a digest, or both");
  if (!build.tag().empty() && !is_tag(build.tag()))
    checks.wrong({&place, "tag"}, fmt::format("\"{}\" is not an image's tag", build.tag().substr(0, 140)));
  if (!build.digest().empty() && !is_digest(build.digest())) {
    checks.wrong({&place, "digest"},
                 fmt::format("\"{}\" is not a digest; it is sha256: and 64 hexadecimal digits",
                             build.digest().substr(0, 100)));
  }
  checks.length({&place, "revision"}, build.revision(), 256);
  if (build.has_revision_time() && build.revision_time().seconds() <= 0)
    checks.wrong({&place, "revisionTime"},
                 "is before 1970; write the time of the source revision, as RFC 3339");
  checks.name({&place, "application"}, build.application());
}

std::vector<FieldError> validate(const Message& object) {
  using namespace qleet::v1;  // NOLINT: the dispatch below is nothing but its names
  std::vector<FieldError> errors;
  Checks checks(errors);
  if (object.GetDescriptor() == BuildSpec::descriptor()) {
    check_build(static_cast<const BuildSpec&>(object), {}, checks);
    return errors;
  }
  check_metadata(object, checks);
  if (object.GetDescriptor() == Build::descriptor()) {
    const Place root;
    check_build(static_cast<const Build&>(object).spec(), {&root, "spec"}, checks);
    return errors;
  }
  check_if<Application>(object, checks) || check_if<Environment>(object, checks) ||
      check_if<Profile>(object, checks) || check_if<Region>(object, checks) ||
      check_if<Agent>(object, checks) || check_if<Secret>(object, checks) ||
      check_if<ServiceAccount>(object, checks) || check_if<Role>(object, checks) ||
      check_if<RoleBinding>(object, checks);
  return errors;
}

}  // namespace qleet::model
