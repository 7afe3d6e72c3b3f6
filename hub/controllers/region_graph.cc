#include "hub/controllers/region_graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/model/reasons.h"
#include "common/template/template.h"
#include "hub/controllers/health.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/store_profiles.h"

namespace qleet::hub::controllers {
namespace {

// What the release pins, and for what it does not pin: the revision that is in use where the release runs
// already, so that nothing changes without a release.
Result<std::vector<ProfilePtr>> pins(const Reader& reader, const RegionAsk& ask) {
  auto pinned = TRY(pinned_profiles(reader, *ask.release, ask.environment->metadata().name()));
  if (!ask.holds_release) return pinned;
  std::set<std::string> known;
  for (const auto& profile : pinned) known.insert(profile->metadata().name());
  for (const auto& resource :
       TRY(resources_of(reader, ask.deployment->metadata().name(), ask.region->metadata().name()))) {
    if (!known.insert(resource.spec().profile()).second) continue;
    auto profile = TRY(profile_at(reader, resource.spec().profile(), resource.spec().profile_generation()));
    if (profile) pinned.push_back(std::move(profile));
  }
  return pinned;
}

std::string first_difference(const v1::ResourceSpec& a, const v1::ResourceSpec& b) {
  if (a.class_() != b.class_()) return "class";
  if (a.profile() != b.profile()) return "profile";
  std::set<std::string> keys;
  for (const auto& [key, value] : a.params().fields()) keys.insert(key);
  for (const auto& [key, value] : b.params().fields()) keys.insert(key);
  for (const auto& key : keys) {
    google::protobuf::Struct left;
    google::protobuf::Struct right;
    if (const auto found = a.params().fields().find(key); found != a.params().fields().end())
      (*left.mutable_fields())[key] = found->second;
    if (const auto found = b.params().fields().find(key); found != b.params().fields().end())
      (*right.mutable_fields())[key] = found->second;
    if (templates::canonical(left) != templates::canonical(right)) return "params." + key;
  }
  return {};
}

class Comparison {
 public:
  Comparison(const Reader& reader, const RegionAsk& ask, const Graph& graph) : reader_(reader), ask_(ask) {
    own_prefix_ = fmt::format("r:{}.{}.{}.", ask.region->metadata().name(),
                              ask.environment->metadata().name(), ask.deployment->spec().application());
    own_user_ = user_of_deployment(ask.deployment->metadata().name());
    for (const auto& node : graph.nodes) own_.insert(user_of_resource(node.name));
  }

  Result<> add(const Node& node, RegionGraph& out) {
    const auto existing = TRY(objects::get<v1::Resource>(reader_, node.name));
    auto wanted = node.spec;
    if (existing && !existing->spec().deleted()) {
      if (const auto other = TRY(other_user(node.name))) {
        const auto differs = first_difference(existing->spec(), wanted);
        if (!differs.empty()) {
          out.refusal =
              Refusal{std::string(reasons::kResourceConflict),
                      fmt::format("{} \"{}\" in region {} is asked for with different {} by {} and by {} of "
                                  "{}: ask for it the "
                                  "same way, or under another id",
                                  wanted.type(), wanted.id(), wanted.region(), differs, describe_user(*other),
                                  node.asked_by, ask_.deployment->spec().application()),
                      ""};
          return {};
        }
        if (existing->spec().profile_generation() > wanted.profile_generation()) wanted = existing->spec();
      }
    }
    if (existing && objects::serialize(existing->spec()) == objects::serialize(wanted)) return {};
    out.changed.emplace_back(node.name, std::move(wanted));
    return {};
  }

 private:
  // Somebody else who needs it. Of thousands of users only as many are read as are ours, and one more.
  Result<std::optional<Use>> other_user(const std::string& resource) {
    constexpr size_t kPage = 16;
    std::string after;
    for (;;) {
      auto users = TRY(users_of(reader_, resource, kPage, after));
      for (auto& use : users) {
        if (use.user != own_user_ && !use.user.starts_with(own_prefix_) && !own_.contains(use.user))
          return use;
      }
      if (users.size() < kPage) return std::nullopt;
      after = users.back().user;
    }
  }

  const Reader& reader_;
  const RegionAsk& ask_;
  std::string own_prefix_;
  std::string own_user_;
  std::set<std::string> own_;
};

}  // namespace

Result<RegionGraph> graph_of(const Reader& reader, ProfileSource& profiles, const RegionAsk& ask) {
  ResolveInput input;
  input.application = ask.deployment->spec().application();
  input.definition = &ask.release->definition();
  input.environment = ask.environment;
  input.region = ask.region;
  input.pinned = TRY(pins(reader, ask));
  input.profiles = &profiles;
  const auto graph = TRY(resolve(input));

  RegionGraph out;
  out.types = graph.types;
  out.refusal = graph.refusal;
  if (out.refusal) return out;
  Comparison comparison(reader, ask, graph);
  for (const auto& node : graph.nodes) {
    TRY(comparison.add(node, out));
    if (!out.refusal) continue;
    out.changed.clear();
    return out;
  }
  for (const auto& edge : graph.edges) {
    if (edge.user.empty()) out.roots[edge.resource] = edge.alias;
  }
  const auto current = TRY(
      used_by(reader, user_of_deployment(ask.deployment->metadata().name()), ask.region->metadata().name()));
  out.differs = !out.changed.empty() || current != out.roots;
  return out;
}

Result<> write_graph(Work& work, const RegionAsk& ask, const RegionGraph& graph) {
  for (const auto& [name, spec] : graph.changed) TRY(put_resource(work, name, spec));
  return put_roots(work, ask.deployment->metadata().name(), ask.region->metadata().name(), graph.roots);
}

}  // namespace qleet::hub::controllers
