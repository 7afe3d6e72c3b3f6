#include "hub/controllers/resolver.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>

#include "common/clock/duration.h"
#include "common/crypto/token.h"
#include "common/model/model.h"
#include "common/model/params_check.h"
#include "common/model/reasons.h"
#include "common/template/template.h"
#include "hub/controllers/digest.h"
#include "hub/controllers/identity.h"
#include "hub/controllers/score_document.h"

namespace qleet::hub::controllers {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::string_view kWorkload = "workload";
constexpr Millis kDefaultGrace = std::chrono::minutes(10);

Value text_value(std::string text) {
  Value value;
  value.set_string_value(std::move(text));
  return value;
}

std::string written(const templates::Path& path) { return fmt::format("${{{}}}", fmt::join(path, ".")); }

std::vector<std::string> keys_of(const Struct& fields) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : fields.fields()) keys.push_back(key);
  std::ranges::sort(keys);
  return keys;
}

std::string there_is(const std::vector<std::string>& names) {
  return names.empty() ? "there is none" : fmt::format("there is: {}", fmt::join(names, ", "));
}

// One dependency as somebody wrote it down.
struct Wanted {
  std::string type;
  std::string profile_class;
  std::string id;
  Struct params;
  std::string field;  // path within the application; empty below a profile's requires
};

// What a workload is given (score, replicas) comes from the hub: its profile need not declare it.
Struct checked_params(const Wanted& wanted, const v1::Profile& profile) {
  if (wanted.type != kWorkload) return wanted.params;
  Struct declared;
  for (const auto& [name, value] : wanted.params.fields()) {
    if (profile.spec().parameters().fields().contains(name)) (*declared.mutable_fields())[name] = value;
  }
  return declared;
}

// A resource that something may refer to.
struct Link {
  std::string resource;
  ProfilePtr profile;
};

// Somebody's dependencies while they are being resolved: a workload's Score resources, or a profile's
// requires.
struct Frame {
  std::string prefix;  // "resources" or "requires": how its placeholders begin
  std::string who;     // for people: workload web
  std::map<std::string, Wanted> wanted;
  Asker asker;
  ProfilePtr profile;  // whose requires these are; null for a workload's own
  const Struct* params = nullptr;
  Home home;
  std::function<Result<Value>(const templates::Path&)> metadata;
  std::map<std::string, Link> done;
  std::vector<std::string> open;
};

// A node in the making.
struct Ask {
  const Wanted* wanted = nullptr;
  std::string alias;
  Asker asker;
  std::string user;  // resource that asks; empty: the deployment
  std::string who;
  const Frame* score = nullptr;  // of a workload: its Score resources, resolved
};

class Resolver {
 public:
  explicit Resolver(const ResolveInput& input) : in_(input) {}

  Result<Graph> run() {
    auto done = workloads();
    Graph graph = std::move(graph_);
    for (auto& [name, profile] : profiles_) graph.profiles.push_back(profile);
    if (done) return graph;
    if (!refusal_) return std::unexpected(std::move(done).error());
    graph.nodes.clear();
    graph.edges.clear();
    graph.refusal = std::move(refusal_);
    return graph;
  }

 private:
  std::unexpected<Error> refuse(std::string_view reason, std::string message, std::string field) {
    refusal_ = Refusal{std::string(reason), message, std::move(field)};
    return fail(Code::kInvalid, std::move(message));
  }

  Result<> workloads() {
    std::map<std::string, const v1::Workload*> sorted;
    for (const auto& [name, workload] : in_.definition->workloads()) sorted[name] = &workload;
    for (const auto& [name, workload] : sorted) TRY(this->workload(name, *workload));
    return {};
  }

  Result<> workload(const std::string& name, const v1::Workload& definition);
  Result<Link> link(Frame& frame, const std::string& alias);
  Result<Link> node(const Ask& ask);
  Result<Struct> wanted_params(Frame& frame, const std::string& alias, const Wanted& wanted);
  Result<ProfilePtr> pick(const Ask& ask);
  Result<> check_existing(const Node& node, const Ask& ask, const Node& fresh);
  Result<> fill(Node& node, const Ask& ask, const ProfilePtr& profile, Frame& requires_frame);
  Result<std::string> score_reference(Frame& frame, const templates::Path& path, const std::string& field);
  Result<> check_output(const Link& link, const templates::Path& path, const std::string& where,
                        const std::string& field);
  Result<Value> resource_metadata(const Identity& identity, const std::string& type,
                                  const std::string& workload, const templates::Path& path);
  Result<Value> variable(const Home& home, const templates::Path& path, const std::string& where);
  std::string asked_for_by(const Ask& ask) const;
  // An alias for a resource that is known only to whoever asked; the same in every scope it is passed on to.
  std::string late_alias(const Link& link);

  const ResolveInput& in_;
  Graph graph_;
  std::map<std::string, size_t> index_;                     // node by name
  std::map<std::string, ProfilePtr> chosen_;                // by node name
  std::map<std::string, ProfilePtr> profiles_;              // by profile name
  std::map<std::string, Link> late_;                        // by late alias
  std::vector<std::pair<std::string, std::string>> chain_;  // (profile, type) from the workload down
  std::string root_;                                        // workload being resolved
  std::optional<Refusal> refusal_;
};

std::string Resolver::asked_for_by(const Ask& ask) const {
  auto text = fmt::format("asked for by {} as \"{}\"", ask.who, ask.alias);
  if (!ask.user.empty()) text += fmt::format(", for workload {}", root_);
  return text;
}

std::string Resolver::late_alias(const Link& link) {
  const auto id = link.resource.substr(link.resource.rfind('.') + 1);
  auto alias = fmt::format("from-{}-{}", id, crypto::sha256_hex(link.resource).substr(0, 6));
  late_[alias] = link;
  return alias;
}

Result<ProfilePtr> Resolver::pick(const Ask& ask) {
  const auto& wanted = *ask.wanted;
  graph_.types.insert(wanted.type);
  const ProfileAsk question{wanted.type, wanted.profile_class, &wanted.params};
  const bool every_environment = ask.asker.home.environment.empty();
  const ProfilePlace place{every_environment ? nullptr : in_.environment, in_.region, every_environment};
  if (auto pinned = choose_profile(in_.pinned, question, place)) return pinned;
  const auto known = TRY(in_.profiles->of_type(wanted.type));
  if (auto profile = choose_profile(known, question, place)) return profile;
  if (known.empty()) {
    const auto types = TRY(in_.profiles->types());
    const auto near = model::nearest(wanted.type, types);
    return refuse(reasons::kNoProfile,
                  fmt::format("no profile satisfies type \"{}\" ({}); {}", wanted.type, asked_for_by(ask),
                              near.empty() ? fmt::format("known types: {}", fmt::join(types, ", "))
                                           : fmt::format("did you mean \"{}\"?", near)),
                  wanted.field.empty() ? "" : wanted.field + ".type");
  }
  const auto where = fmt::format("environment {} in region {}", in_.environment->metadata().name(),
                                 in_.region->metadata().name());
  const auto what = wanted.profile_class.empty()
                        ? fmt::format("type \"{}\"", wanted.type)
                        : fmt::format("type \"{}\" and class \"{}\"", wanted.type, wanted.profile_class);
  return refuse(reasons::kNoProfile,
                fmt::format("no profile of {} serves {} ({}): {}", what, where, asked_for_by(ask),
                            fmt::join(why_not(known, question, place), "; ")),
                wanted.field);
}

Result<> Resolver::check_output(const Link& link, const templates::Path& path, const std::string& where,
                                const std::string& field) {
  const auto outputs = keys_of(link.profile->spec().outputs());
  if (path.size() == 3 && std::ranges::binary_search(outputs, path[2])) return {};
  const auto near = path.size() == 3 ? model::nearest(path[2], outputs) : std::string();
  return refuse(
      reasons::kInvalidTemplate,
      fmt::format("{}{}: {} (profile {}) has no such output; {}{}", where, written(path),
                  link.profile->spec().satisfies().type(), link.profile->metadata().name(),
                  near.empty() ? "" : fmt::format("did you mean \"{}\"? ", near), there_is(outputs)),
      field);
}

Result<Value> Resolver::resource_metadata(const Identity& identity, const std::string& type,
                                          const std::string& workload, const templates::Path& path) {
  std::map<std::string, std::string> known = {
      {"application", identity.home.application},
      {"environment", identity.home.environment},
      {"id", identity.id},
      {"name", identity.name(type)},
      {"region", identity.home.region},
      {"type", type},
  };
  if (!workload.empty()) known.emplace("workload", workload);
  const auto found = path.size() == 2 ? known.find(path[1]) : known.end();
  if (found != known.end()) return text_value(found->second);
  if (path.size() == 2 && path[1] == "workload") {
    return fail(Code::kInvalid, fmt::format("{}: only what a workload asks for itself, with scope workload, "
                                            "has one",
                                            written(path)));
  }
  return fail(
      Code::kInvalid,
      fmt::format("{}: there is: application, environment, id, name, region, type, workload", written(path)));
}

Result<Value> Resolver::variable(const Home& home, const templates::Path& path, const std::string& where) {
  if (home.environment.empty()) {
    return refuse(
        reasons::kInvalidTemplate,
        fmt::format("{}{}: what all environments of a region share cannot draw on the variables of one",
                    where, written(path)),
        "");
  }
  const auto& variables = in_.environment->spec().variables();
  const auto found = path.size() == 2 ? variables.find(path[1]) : variables.end();
  if (found != variables.end()) return text_value(found->second);
  std::vector<std::string> names;
  for (const auto& [key, value] : variables) names.push_back(key);
  std::ranges::sort(names);
  return refuse(reasons::kInvalidTemplate,
                fmt::format("{}{}: environment {} has no such variable; {}", where, written(path),
                            in_.environment->metadata().name(), there_is(names)),
                "");
}

Result<> Resolver::workload(const std::string& name, const v1::Workload& definition) {
  root_ = name;
  const auto field = fmt::format("spec.workloads.{}.score", name);
  Frame frame;
  frame.prefix = "resources";
  frame.who = fmt::format("workload {}", name);
  frame.home = {in_.region->metadata().name(), in_.environment->metadata().name(),
                std::string(in_.application)};
  frame.asker = {frame.home, name, "", false};
  frame.metadata = [&](const templates::Path& path) {
    return score_metadata(name, definition.score(), path);
  };
  for (const auto& [alias, resource] : definition.score().resources()) {
    frame.wanted[alias] = {resource.type(), resource.class_(), resource.id(), resource.params(),
                           fmt::format("{}.resources.{}", field, alias)};
  }
  for (const auto& [alias, wanted] : frame.wanted) TRY(link(frame, alias));

  auto score =
      score_document(name, definition.score(), [&](const templates::Path& path, const std::string& at) {
        return score_reference(frame, path, fmt::format("{}.{}", field, at));
      });
  if (!score) {
    if (refusal_) return std::unexpected(std::move(score).error());
    const auto& error = score.error();
    const auto at = error.fields.empty() ? field : fmt::format("{}.{}", field, error.fields.front().field);
    return refuse(reasons::kInvalidTemplate, error.message, at);
  }
  Wanted wanted;
  wanted.type = kWorkload;
  wanted.id = name;
  wanted.field = fmt::format("spec.workloads.{}", name);
  *(*wanted.params.mutable_fields())["score"].mutable_struct_value() = *std::move(score);
  (*wanted.params.mutable_fields())["replicas"].set_number_value(
      definition.has_replicas() ? definition.replicas() : 1);
  Ask ask;
  ask.wanted = &wanted;
  ask.alias = name;
  ask.asker = frame.asker;
  ask.who = fmt::format("application {}", in_.application);
  ask.score = &frame;
  TRY(node(ask));
  return {};
}

Result<std::string> Resolver::score_reference(Frame& frame, const templates::Path& path,
                                              const std::string& field) {
  std::vector<std::string> known;
  for (const auto& [alias, wanted] : frame.wanted) known.push_back(alias);
  const auto found = path.size() >= 2 ? frame.done.find(path[1]) : frame.done.end();
  if (found == frame.done.end()) {
    return refuse(reasons::kInvalidTemplate,
                  fmt::format("{}: no resource \"{}\" in this workload; {}", written(path),
                              path.size() >= 2 ? path[1] : "", there_is(known)),
                  field);
  }
  auto full = path;
  // Score names a volume by the resource alone.
  if (full.size() == 2) full.push_back("name");
  TRY(check_output(found->second, full, "", field));
  return written(full);
}

// Resolves one dependency of a frame, and before it those that its params refer to.
Result<Link> Resolver::link(Frame& frame, const std::string& alias) {
  if (const auto found = frame.done.find(alias); found != frame.done.end()) return found->second;
  const auto& wanted = frame.wanted.at(alias);
  if (const auto begin = std::ranges::find(frame.open, alias); begin != frame.open.end()) {
    return refuse(reasons::kInvalidParams,
                  fmt::format("the params of {} refer to each other in a circle: {} -> {}", frame.who,
                              fmt::join(begin, frame.open.end(), " -> "), alias),
                  wanted.field);
  }
  frame.open.push_back(alias);
  Wanted filled = wanted;
  filled.params = TRY(wanted_params(frame, alias, wanted));
  Ask ask;
  ask.wanted = &filled;
  ask.alias = alias;
  ask.asker = frame.asker;
  ask.who = frame.who;
  ask.user = frame.profile == nullptr ? std::string()
                                      : Identity{frame.home, frame.asker.id, false}.name(frame.asker.type);
  auto made = TRY(node(ask));
  frame.open.pop_back();
  frame.done[alias] = made;
  return made;
}

Result<Struct> Resolver::wanted_params(Frame& frame, const std::string& alias, const Wanted& wanted) {
  const auto where = fmt::format("{}, params of \"{}\": ", frame.who, alias);
  const auto field = wanted.field.empty() ? "" : wanted.field + ".params";
  const bool in_profile = frame.profile != nullptr;
  const templates::Lookup lookup = [&](const templates::Path& path) -> Result<std::optional<Value>> {
    const auto& head = path.front();
    if (head == frame.prefix) {
      if (path.size() < 2 || !frame.wanted.contains(path[1])) {
        std::vector<std::string> known;
        for (const auto& [name, other] : frame.wanted) known.push_back(name);
        return refuse(reasons::kInvalidTemplate,
                      fmt::format("{}{}: {}", where, written(path), there_is(known)), field);
      }
      const auto target = TRY(link(frame, path[1]));
      TRY(check_output(target, path, where, field));
      return text_value(written({"resources", late_alias(target), path[2]}));
    }
    if (head == "metadata") return TRY(frame.metadata(path));
    if (in_profile && head == "variables") return TRY(variable(frame.home, path, where));
    if (in_profile && head == "params") {
      const auto found =
          path.size() == 2 ? frame.params->fields().find(path[1]) : frame.params->fields().end();
      if (found != frame.params->fields().end()) return found->second;
      return refuse(
          reasons::kInvalidTemplate,
          fmt::format("{}{}: the profile has no such parameter, or it was not given and has no default",
                      where, written(path)),
          field);
    }
    return refuse(reasons::kInvalidTemplate,
                  fmt::format("{}{} has no meaning here; {}", where, written(path),
                              in_profile ? "params, requires, variables and metadata have"
                                         : "resources and metadata have"),
                  field);
  };
  auto expanded = templates::expand(wanted.params, lookup, false);
  if (!expanded && !refusal_) return refuse(reasons::kInvalidParams, where + expanded.error().message, field);
  return expanded;
}

Result<> Resolver::check_existing(const Node& node, const Ask& ask, const Node& fresh) {
  const auto now = fmt::format("{} as \"{}\"", ask.who, ask.alias);
  const auto what = fmt::format("{} \"{}\"", node.spec.type(), node.spec.id());
  if (node.scope == "workload") {
    return refuse(reasons::kResourceConflict,
                  fmt::format("{} is asked for by {} and by {}, but profile {} gives each its own (scope "
                              "workload): use different ids, or a profile that shares",
                              what, node.asked_by, now, node.spec.profile()),
                  ask.wanted->field);
  }
  std::string differs;
  if (node.spec.class_() != fresh.spec.class_()) differs = "class";
  if (node.spec.profile() != fresh.spec.profile()) differs = "profile";
  if (differs.empty()) {
    const auto& a = node.spec.params().fields();
    const auto& b = fresh.spec.params().fields();
    for (const auto& key : keys_of(fresh.spec.params())) {
      const auto found = a.find(key);
      if (found == a.end() || found->second.SerializeAsString() != b.at(key).SerializeAsString())
        differs = "params." + key;
    }
    for (const auto& key : keys_of(node.spec.params())) {
      if (!b.contains(key)) differs = "params." + key;
    }
  }
  if (differs.empty()) return {};
  return refuse(
      reasons::kResourceConflict,
      fmt::format("{} is asked for with different {} by {} and by {}: ask for it the same way, or under "
                  "another id",
                  what, differs, node.asked_by, now),
      ask.wanted->field);
}

Result<Link> Resolver::node(const Ask& ask) {
  const auto& wanted = *ask.wanted;
  const auto profile = TRY(pick(ask));
  const auto& profile_name = profile->metadata().name();
  const auto again = std::ranges::find(chain_, profile_name, &std::pair<std::string, std::string>::first);
  if (again != chain_.end()) {
    std::vector<std::string> types;
    for (auto it = again; it != chain_.end(); ++it) types.push_back(it->second);
    return refuse(reasons::kProfileCycle,
                  fmt::format("profiles require each other in a circle: {} -> {}", fmt::join(types, " -> "),
                              wanted.type),
                  wanted.field);
  }
  if (chain_.size() >= kMaxGraphDepth || graph_.nodes.size() >= kMaxGraphNodes) {
    return refuse(reasons::kInvalidTemplate,
                  fmt::format("the dependencies of workload {} go deeper than {} levels or are more than {}",
                              root_, kMaxGraphDepth, kMaxGraphNodes),
                  wanted.field);
  }
  profiles_[profile_name] = profile;

  Node fresh;
  fresh.scope = scope_of(*profile);
  const auto identity = identify(fresh.scope, ask.asker, ask.alias, wanted.id);
  fresh.name = identity.name(wanted.type);
  fresh.asked_by = fmt::format("{} as \"{}\"", ask.who, ask.alias);
  if (fresh.name.size() > kMaxResourceName) {
    return refuse(reasons::kInvalidParams,
                  fmt::format("the name {} is longer than {} characters: shorten what it is made of",
                              fresh.name, kMaxResourceName),
                  wanted.field);
  }
  auto params = model::check_params(profile->spec().parameters(), checked_params(wanted, *profile));
  if (params && ask.score != nullptr) params->MergeFrom(wanted.params);
  if (!params) {
    const auto& error = params.error();
    const auto at = error.fields.empty() ? std::string("params") : error.fields.front().field;
    return refuse(reasons::kInvalidParams,
                  fmt::format("{} of {} \"{}\" ({}): {}", at, wanted.type, identity.id, asked_for_by(ask),
                              error.fields.empty() ? error.message : error.fields.front().message),
                  wanted.field.empty() ? "" : fmt::format("{}.{}", wanted.field, at));
  }
  auto& spec = fresh.spec;
  spec.set_region(identity.home.region);
  spec.set_environment(identity.home.environment);
  spec.set_application(identity.home.application);
  spec.set_type(wanted.type);
  spec.set_class_(wanted.profile_class);
  spec.set_id(identity.id);
  spec.set_profile(profile_name);
  spec.set_profile_generation(profile->metadata().generation());
  spec.set_provider(profile->spec().provider());
  *spec.mutable_params() = *params;
  if (wanted.type == kWorkload) spec.mutable_params()->mutable_fields()->erase("score");

  const Link link{fresh.name, profile};
  // The user of a Score resource is the workload's own resource, which is made after it.
  if (ask.score != nullptr || !ask.user.empty()) graph_.edges.push_back({ask.user, fresh.name, ask.alias});
  if (const auto found = index_.find(fresh.name); found != index_.end()) {
    TRY(check_existing(graph_.nodes[found->second], ask, fresh));
    return link;
  }

  Frame below;
  below.prefix = "requires";
  below.who = fmt::format("profile {}", profile_name);
  below.profile = profile;
  below.params = &*params;
  below.home = identity.home;
  below.asker = {identity.home, identity.id, wanted.type, identity.own_id};
  // The workload that asks for this itself: its resource is made after those that it asks for.
  const bool asked_by_workload = ask.score == nullptr && ask.asker.type.empty() && fresh.scope == kWorkload;
  const std::string workload =
      asked_by_workload ? Identity{ask.asker.home, ask.asker.id, false}.name(kWorkload) : std::string();
  below.metadata = [this, identity, type = wanted.type, workload](const templates::Path& path) {
    return resource_metadata(identity, type, workload, path);
  };
  for (const auto& [alias, requirement] : profile->spec().requirements()) {
    below.wanted[alias] = {requirement.type(), requirement.class_(), requirement.id(), requirement.params(),
                           ""};
  }
  chain_.emplace_back(profile_name, wanted.type);
  for (const auto& [alias, requirement] : below.wanted) TRY(this->link(below, alias));
  chain_.pop_back();

  TRY(fill(fresh, ask, profile, below));
  index_[fresh.name] = graph_.nodes.size();
  graph_.nodes.push_back(std::move(fresh));
  return link;
}

// Template, outputs, dependencies, hash.
Result<> Resolver::fill(Node& node, const Ask& ask, const ProfilePtr& profile, Frame& below) {
  auto& spec = node.spec;
  const auto where = fmt::format("profile {}: ", profile->metadata().name());
  std::map<std::string, std::string> renamed;  // requires' alias -> alias here
  for (const auto& [alias, made] : below.done) {
    const bool taken = ask.score != nullptr && ask.score->done.contains(alias);
    renamed[alias] = taken ? "requires-" + alias : alias;
    (*spec.mutable_dependencies())[renamed[alias]] = made.resource;
  }
  if (ask.score != nullptr) {
    for (const auto& [alias, made] : ask.score->done) {
      (*spec.mutable_dependencies())[alias] = made.resource;
      graph_.edges.push_back({node.name, made.resource, alias});
    }
  }
  const templates::Lookup lookup = [&](const templates::Path& path) -> Result<std::optional<Value>> {
    const auto& head = path.front();
    if (head == "params") {
      const auto found =
          path.size() == 2 ? below.params->fields().find(path[1]) : below.params->fields().end();
      if (found != below.params->fields().end()) return found->second;
      if (path.size() == 2 && profile->spec().parameters().fields().contains(path[1])) {
        return refuse(
            reasons::kInvalidParams,
            fmt::format("params.{} of {} \"{}\" ({}): must be given, profile {} has no default for it",
                        path[1], spec.type(), spec.id(), asked_for_by(ask), profile->metadata().name()),
            ask.wanted->field.empty() ? "" : fmt::format("{}.params.{}", ask.wanted->field, path[1]));
      }
      return refuse(reasons::kInvalidTemplate,
                    fmt::format("{}{}: no such parameter; {}", where, written(path),
                                there_is(keys_of(profile->spec().parameters()))),
                    "");
    }
    if (head == "variables") return TRY(variable(below.home, path, where));
    if (head == "metadata") return TRY(below.metadata(path));
    if (head == "generated" || head == "self") return std::nullopt;
    if (head == "requires") {
      const auto found = path.size() >= 2 ? below.done.find(path[1]) : below.done.end();
      if (found == below.done.end()) {
        std::vector<std::string> known;
        for (const auto& [alias, made] : below.done) known.push_back(alias);
        return refuse(
            reasons::kInvalidTemplate,
            fmt::format("{}{}: it requires nothing of that name; {}", where, written(path), there_is(known)),
            "");
      }
      TRY(check_output(found->second, path, where, ""));
      if (renamed[path[1]] == path[1]) return std::nullopt;
      return text_value(written({"requires", renamed[path[1]], path[2]}));
    }
    return refuse(
        reasons::kInvalidTemplate,
        fmt::format("{}{}: unknown; there is: params, requires, generated, variables, self, metadata", where,
                    written(path)),
        "");
  };
  const auto expanded = [&](const Struct& source, std::string_view part) -> Result<Struct> {
    auto result = templates::expand(source, lookup, false);
    if (!result && !refusal_)
      return refuse(reasons::kInvalidTemplate, fmt::format("{}{}: {}", where, part, result.error().message),
                    "");
    return result;
  };
  *spec.mutable_template_() = TRY(expanded(profile->spec().template_(), "template"));
  *spec.mutable_outputs() = TRY(expanded(profile->spec().outputs(), "outputs"));

  // What came in with params.
  for (const auto* part : {&spec.template_(), &spec.outputs()}) {
    for (const auto& path : TRY(templates::references(*part))) {
      if (path.front() != "resources" || path.size() < 2) continue;
      const auto late = late_.find(path[1]);
      if (late == late_.end()) continue;
      if (spec.dependencies().contains(path[1])) continue;
      (*spec.mutable_dependencies())[path[1]] = late->second.resource;
      graph_.edges.push_back({node.name, late->second.resource, path[1]});
    }
  }
  spec.set_hash(content_hash(spec));

  auto& policy = *spec.mutable_when_unused();
  policy.set_do_(profile->spec().when_unused().do_().empty() ? "delete"
                                                             : profile->spec().when_unused().do_());
  auto grace = kDefaultGrace;
  if (!profile->spec().when_unused().after().empty())
    grace = TRY(parse_duration(profile->spec().when_unused().after()));
  if (!below.home.environment.empty() && !in_.environment->spec().unused_after().empty())
    grace = std::min(grace, TRY(parse_duration(in_.environment->spec().unused_after())));
  if (spec.type() == kWorkload) {
    grace = Millis(0);
    policy.set_do_("delete");
  }
  policy.set_after_ms(static_cast<std::uint64_t>(grace.count()));
  return {};
}

}  // namespace

Result<Graph> resolve(const ResolveInput& input) { return Resolver(input).run(); }

}  // namespace qleet::hub::controllers
