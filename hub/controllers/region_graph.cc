#include "hub/controllers/region_graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/model/keeping.h"
#include "common/model/reasons.h"
#include "common/template/template.h"
#include "hub/controllers/health.h"
#include "hub/controllers/image_pins.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/route_claims.h"
#include "hub/controllers/store_sources.h"

namespace qleet::hub::controllers {
namespace {

// What the release pins, and for what it does not pin: the revision that is in use where the release runs
// already, so that nothing changes without a release.
Result<std::vector<ProfilePtr>> pins(const Reader& reader, StoreProfiles& profiles, const RegionAsk& ask) {
  auto pinned = TRY(pinned_profiles(profiles, *ask.release, ask.environment->metadata().name()));
  if (!ask.holds_release) return pinned;
  std::set<std::string> known;
  for (const auto& profile : pinned) known.insert(profile->metadata().name());
  for (const auto& resource :
       TRY(resources_of(reader, ask.deployment->metadata().name(), ask.region->metadata().name()))) {
    if (!known.insert(resource.profile).second) continue;
    auto profile = TRY(profiles.at(resource.profile, resource.profile_generation));
    if (profile) pinned.push_back(std::move(profile));
  }
  return pinned;
}

// Profiles that the application may have here although nobody applies it now: those that the release pins, as
// its author was asked for his roles, and those that it has.
Result<std::set<std::string>> granted(const Reader& reader, const RegionAsk& ask) {
  std::set<std::string> names;
  for (const auto& pin : ask.release->profiles())
    if (pin.environment() == ask.environment->metadata().name()) names.insert(pin.name());
  for (const auto& resource :
       TRY(resources_of(reader, ask.deployment->metadata().name(), ask.region->metadata().name())))
    names.insert(resource.profile);
  return names;
}

using google::protobuf::Struct;

// The params that were asked for: what a default of that generation of the profile filled in left out.
Result<Struct> asked_params(const Reader& reader, const v1::ResourceSpec& spec) {
  const auto profile = TRY(profile_at(reader, spec.profile(), spec.profile_generation()));
  if (!profile) return spec.params();
  Struct asked;
  for (const auto& [key, value] : spec.params().fields()) {
    const auto declared = profile->spec().parameters().fields().find(key);
    if (declared != profile->spec().parameters().fields().end()) {
      const auto& parts = declared->second.struct_value().fields();
      const auto otherwise = parts.find("default");
      if (otherwise != parts.end() && objects::serialize(otherwise->second) == objects::serialize(value))
        continue;
    }
    (*asked.mutable_fields())[key] = value;
  }
  return asked;
}

std::string first_difference(const Struct& a, const Struct& b) {
  std::set<std::string> keys;
  for (const auto& [key, value] : a.fields()) keys.insert(key);
  for (const auto& [key, value] : b.fields()) keys.insert(key);
  for (const auto& key : keys) {
    const auto left = a.fields().find(key);
    const auto right = b.fields().find(key);
    if (left == a.fields().end() || right == b.fields().end() ||
        objects::serialize(left->second) != objects::serialize(right->second))
      return "params." + key;
  }
  return {};
}

// In what two who share it must agree; empty where they do.
Result<std::string> first_difference(const Reader& reader, const v1::ResourceSpec& a,
                                     const v1::ResourceSpec& b) {
  if (a.class_() != b.class_()) return std::string("class");
  if (a.profile() != b.profile()) return std::string("profile");
  if (a.profile_generation() == b.profile_generation()) return first_difference(a.params(), b.params());
  // A default that changed from one generation to the next is nobody's wish.
  return first_difference(TRY(asked_params(reader, a)), TRY(asked_params(reader, b)));
}

std::vector<std::string> dependencies_of(const v1::ResourceSpec& spec) {
  std::vector<std::string> names;
  for (const auto& [alias, dependency] : spec.dependencies()) names.push_back(dependency);
  return names;
}

// A graph beside what stands in the store. What others need as well, at any depth, is the same for all of
// them, in whatever order they are looked at: the newest generation of its profile counts; of one generation,
// what it requires is what the profiles of today say, whatever a release pins.
class Comparison {
 public:
  Comparison(const Reader& reader, const RegionAsk& ask, const ResolveInput& input)
      : reader_(reader), ask_(ask), input_(input) {
    own_user_ = user_of_deployment(ask.deployment->metadata().name());
  }

  // Takes the specs out of the graph.
  Result<> run(Graph& graph, RegionGraph& out) {
    for (const auto& edge : graph.edges) {
      if (edge.user.empty()) out.roots[edge.resource] = edge.alias;
    }
    for (auto& node : graph.nodes) {
      TRY(add(node, out));
      if (!out.refusal) continue;
      out.changed.clear();
      out.by_id.clear();
      out.roots.clear();
      return {};
    }
    leave_out_unneeded(out);
    return {};
  }

 private:
  Result<> add(Node& node, RegionGraph& out) {
    const auto existing = TRY(objects::get<v1::Resource>(reader_, node.name));
    auto& wanted = node.spec;
    auto& needs = needs_[node.name];
    needs = dependencies_of(wanted);
    if (!existing && (node.by_id || node.for_all)) out.by_id.insert(node.name);
    if (existing) TRY(warn(node, out));
    if (existing && objects::serialize(existing->spec()) == objects::serialize(wanted)) return {};
    if (existing && !existing->spec().deleted()) {
      const auto& other = TRY(other_user(node.name));
      if (other) {
        const auto differs = TRY(first_difference(reader_, existing->spec(), wanted));
        if (!differs.empty()) {
          out.refusal =
              Refusal{std::string(reasons::kResourceConflict),
                      fmt::format("{} \"{}\" in region {} is asked for with different {} by {} and by {} of "
                                  "{}: ask for it the "
                                  "same way, or under another id",
                                  wanted.type(), wanted.id(), wanted.region(), differs, describe_user(*other),
                                  node.asked_by, ask_.deployment->spec().application()),
                      "", node.name};
          return {};
        }
      }
      if (other ? TRY(stays(node.name, existing->spec(), wanted)) : was_shared(existing->spec(), wanted)) {
        needs = dependencies_of(existing->spec());
        return {};
      }
      out.refusal = TRY(loses_data(node.name, existing->spec(), wanted));
      if (out.refusal) return {};
    }
    out.changed.emplace_back(node.name, std::move(wanted));
    return {};
  }

  // What an earlier version shared among all who asked without an id.
  Result<> warn(const Node& node, RegionGraph& out) {
    if (!node.own || !node.held || !node.spec.application().empty()) return {};
    const auto& other = TRY(other_user(node.name));
    if (!other) return {};
    out.warnings.push_back(fmt::format(
        "{} \"{}\" is held by {} and by {}, which did not both ask for it by id: an earlier version gave "
        "both the same. Each keeps it until one of them asks with another id",
        node.spec.type(), node.spec.id(), node.asked_by, describe_user(*other)));
    return {};
  }

  // Another provider makes it anew, and the one before deletes what it kept.
  Result<std::optional<Refusal>> loses_data(const std::string& name, const v1::ResourceSpec& existing,
                                            const v1::ResourceSpec& wanted) const {
    if (existing.provider() == wanted.provider()) return std::nullopt;
    if (!model::keeps_data(existing) && !TRY(data_is_protected(reader_, existing))) return std::nullopt;
    return Refusal{
        std::string(reasons::kDataWouldBeLost),
        fmt::format(
            "{} keeps data with provider \"{}\" (profile {}), which would be lost: profile {} makes it "
            "with provider \"{}\"; ask for it under another id, or delete it first: qleet delete "
            "resource {}",
            describe_data(existing), existing.provider(), existing.profile(), wanted.profile(),
            wanted.provider(), name),
        "", name};
  }

  // Whether it is newer than the release pins because others wanted it so who are gone by now. It does not go
  // back until there is a new release: that others leave changes nothing that runs.
  bool was_shared(const v1::ResourceSpec& existing, const v1::ResourceSpec& wanted) const {
    return ask_.holds_release && existing.profile() == wanted.profile() &&
           existing.profile_generation() > wanted.profile_generation();
  }

  // Whether what several share stays as it is.
  Result<bool> stays(const std::string& name, const v1::ResourceSpec& existing,
                     const v1::ResourceSpec& wanted) {
    if (existing.profile_generation() != wanted.profile_generation())
      return existing.profile_generation() > wanted.profile_generation();
    if (same_dependencies(existing, wanted) || input_.pinned.empty()) return false;
    if (!today_) {
      auto unpinned = input_;
      unpinned.pinned.clear();
      today_ = TRY(resolve(unpinned));
    }
    const auto found = std::ranges::find(today_->nodes, name, &Node::name);
    return found == today_->nodes.end() || !same_dependencies(found->spec, wanted);
  }

  // Somebody else who needs it, or who needs something that needs it. Of thousands of users only as many are
  // read as are ours, and one more.
  Result<std::optional<Use>> other_user(const std::string& resource) {
    if (const auto found = others_.find(resource); found != others_.end()) return found->second;
    constexpr size_t kPage = 16;
    std::string after;
    for (;;) {
      const auto users = TRY(users_of(reader_, resource, kPage, after));
      for (const auto& use : users) {
        if (auto other = TRY(other_behind(use))) return others_[resource] = std::move(other);
      }
      if (users.size() < kPage) return others_[resource] = std::nullopt;
      after = users.back().user;
    }
  }

  Result<std::optional<Use>> other_behind(const Use& use) {
    if (use.user == own_user_) return std::nullopt;
    if (use.user.starts_with("d:")) return use;
    const auto name = use.user.substr(2);
    const auto parts = parse_resource_name(name);
    if (!parts) return use;
    if (!parts->application.empty()) {
      const auto& spec = ask_.deployment->spec();
      const bool own = parts->application == spec.application() && parts->environment == spec.environment();
      return own ? std::optional<Use>() : use;
    }
    // Shared itself. What nobody needs any more stands for itself.
    if (TRY(users_of(reader_, name, 1)).empty()) return use;
    return TRY(other_user(name));
  }

  // Where something stays as it is, what it would have required is not made for nobody.
  void leave_out_unneeded(RegionGraph& out) {
    std::set<std::string> needed;
    std::vector<std::string> open;
    for (const auto& [name, alias] : out.roots) open.push_back(name);
    while (!open.empty()) {
      const auto name = std::move(open.back());
      open.pop_back();
      const auto needs = needs_.find(name);
      if (needs == needs_.end() || !needed.insert(name).second) continue;
      open.insert(open.end(), needs->second.begin(), needs->second.end());
    }
    std::erase_if(out.changed, [&](const auto& change) { return !needed.contains(change.first); });
  }

  const Reader& reader_;
  const RegionAsk& ask_;
  const ResolveInput& input_;
  std::string own_user_;
  std::map<std::string, std::vector<std::string>> needs_;  // what each depends on, as it shall be
  std::map<std::string, std::optional<Use>> others_;
  std::optional<Graph> today_;
};

}  // namespace

bool same_dependencies(const v1::ResourceSpec& a, const v1::ResourceSpec& b) {
  if (a.dependencies_size() != b.dependencies_size()) return false;
  return std::ranges::all_of(a.dependencies(), [&](const auto& entry) {
    const auto found = b.dependencies().find(entry.first);
    return found != b.dependencies().end() && found->second == entry.second;
  });
}

Result<RegionGraph> graph_of(const Reader& reader, StoreProfiles& profiles, const RegionAsk& ask) {
  StoreSources sources(reader);
  auto input = sources.input(ask.deployment->spec().application(), ask.release->definition(),
                             *ask.environment, *ask.region, profiles);
  input.pinned = TRY(pins(reader, profiles, ask));
  const auto allowed = TRY(granted(reader, ask));
  input.granted = &allowed;
  auto graph = TRY(resolve(input));

  RegionGraph out;
  out.types = graph.types;
  out.secrets = graph.secrets;
  out.refusal = graph.refusal;
  if (!out.refusal) out.refusal = TRY(check_claims(reader, graph, Horizon::kWanted));
  if (out.refusal) return out;
  out.taken = std::move(graph.taken);
  out.warnings = std::move(graph.warnings);
  for (auto& node : graph.nodes) {
    if (node.spec.type() == "workload")
      node.spec.set_resolve_images(resolve_images(*ask.release, node.spec.id()));
  }
  TRY(Comparison(reader, ask, input).run(graph, out));
  if (out.refusal) return out;
  const auto current = TRY(
      used_by(reader, user_of_deployment(ask.deployment->metadata().name()), ask.region->metadata().name()));
  out.differs = !out.changed.empty() || current != out.roots;
  return out;
}

Result<> write_graph(Work& work, const RegionAsk& ask, const RegionGraph& graph) {
  for (const auto& [name, spec] : graph.changed) {
    if (graph.by_id.contains(name)) remember_by_id(work.txn, name);
    TRY(put_resource(work, name, spec));
  }
  for (const auto& taken : graph.taken) TRY(remember_taken(work.txn, taken));
  return put_roots(work, ask.deployment->metadata().name(), ask.region->metadata().name(), graph.roots);
}

}  // namespace qleet::hub::controllers
