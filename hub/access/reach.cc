#include "hub/access/reach.h"

#include <algorithm>
#include <array>

#include "common/model/model.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::hub::access {
namespace {

constexpr std::array<std::string_view, 7> kOwned = {"applications", "builds", "releases", "deployments",
                                                    "resources",    "events", "secrets"};
constexpr std::array<std::string_view, 3> kShared = {"environments", "profiles", "regions"};
constexpr std::array<std::string_view, 3> kLook = {"get", "list", "watch"};

template <class Words>
bool one_of(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// Of "a.b.c" the part with that index; empty: there is none.
std::string_view part(std::string_view name, int index) {
  for (; index > 0; --index) {
    const auto dot = name.find('.');
    if (dot == std::string_view::npos) return {};
    name.remove_prefix(dot + 1);
  }
  return name.substr(0, name.find('.'));
}

void narrow(v1::TreeNode& node, const Applications& applications) {
  auto& shared = *node.mutable_shared_with();
  shared.erase(std::remove_if(shared.begin(), shared.end(),
                              [&](const std::string& other) { return !one_of(applications, other); }),
               shared.end());
  for (auto& child : *node.mutable_children()) narrow(child, applications);
}

}  // namespace

bool reaches(std::string_view verb, std::string_view kind) {
  return one_of(kOwned, kind) || (one_of(kShared, kind) && one_of(kLook, verb));
}

std::optional<std::string_view> application_in(std::string_view kind, std::string_view name) {
  if (kind == "applications") return name;
  if (kind == "releases" || kind == "deployments") return part(name, 0);
  if (kind == "resources") return part(name, 2);
  return std::nullopt;
}

std::optional<std::string_view> place_in(std::string_view kind, std::string_view name,
                                         std::string_view field) {
  const bool environment = field == "environment";
  if (kind == "deployments" && environment) return part(name, 1);
  if (kind == "resources") return part(name, environment ? 1 : 0);
  return std::nullopt;
}

bool within(const google::protobuf::Message& object, const Applications& applications) {
  const auto& kind = model::kind_of(object);
  if (one_of(kShared, kind.plural)) return true;
  if (const auto name = application_in(kind.plural, model::meta(object).name()))
    return one_of(applications, *name);
  if (const auto* build = dynamic_cast<const v1::Build*>(&object))
    return one_of(applications, build->spec().application());
  if (const auto* event = dynamic_cast<const v1::Event*>(&object)) {
    const auto* about = model::find_kind(event->spec().regarding_kind());
    const auto name =
        about == nullptr ? std::nullopt : application_in(about->plural, event->spec().regarding_name());
    return name && one_of(applications, *name);
  }
  if (const auto* secret = dynamic_cast<const v1::Secret*>(&object)) {
    const auto& users = secret->spec().applications();
    return !users.empty() &&
           std::ranges::all_of(users, [&](const auto& user) { return one_of(applications, user); });
  }
  return false;
}

void narrow(google::protobuf::Message& message, const Applications& applications) {
  if (auto* environment = dynamic_cast<v1::Environment*>(&message)) {
    auto& all = *environment->mutable_spec()->mutable_applications();
    for (auto it = all.begin(); it != all.end();)
      it = one_of(applications, it->first) ? std::next(it) : all.erase(it);
  } else if (auto* tree = dynamic_cast<v1::Tree*>(&message)) {
    for (auto& place : *tree->mutable_places())
      for (auto& root : *place.mutable_roots()) narrow(root, applications);
  }
}

}  // namespace qleet::hub::access
