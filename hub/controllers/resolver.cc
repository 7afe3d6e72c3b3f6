#include "hub/controllers/resolver.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/model/model.h"
#include "common/model/params_check.h"
#include "common/model/reasons.h"
#include "common/model/service_name.h"
#include "common/model/volumes.h"
#include "common/template/score_text.h"
#include "hub/controllers/resolution.h"
#include "hub/controllers/score_document.h"

namespace qleet::hub::controllers::resolution {
namespace {

// What a workload is given (score, replicas) comes from the hub: its profile need not declare it.
Struct checked_params(const Wanted& wanted, const v1::Profile& profile) {
  if (wanted.type != kWorkload) return wanted.params;
  Struct declared;
  for (const auto& [name, value] : wanted.params.fields()) {
    if (profile.spec().parameters().fields().contains(name)) (*declared.mutable_fields())[name] = value;
  }
  return declared;
}

std::map<std::string, std::string> annotations_of(const v1::ScoreResource& resource) {
  std::map<std::string, std::string> out;
  const auto found = resource.metadata().fields().find("annotations");
  if (found == resource.metadata().fields().end()) return out;
  for (const auto& [key, value] : found->second.struct_value().fields()) out[key] = value.string_value();
  return out;
}

}  // namespace

Result<> Resolver::workload(const std::string& name, const v1::Workload& definition) {
  root_ = name;
  const auto field = fmt::format("spec.workloads.{}.score", name);
  Frame frame;
  frame.prefix = "resources";
  frame.who = fmt::format("workload {}", name);
  frame.home = {in_.region->metadata().name(), in_.environment->metadata().name(),
                std::string(in_.application)};
  frame.asker = {frame.home, name, "", {}};
  if (!definition.renamed_from().empty())
    frame.asker.others.push_back({definition.renamed_from(), true, false});
  const ScorePlace here{frame.home.environment, frame.home.region};
  frame.metadata = [&](const templates::Path& path) {
    return score_metadata(name, definition.score(), path, here);
  };
  for (const auto& [alias, resource] : definition.score().resources()) {
    const auto at = fmt::format("{}.resources.{}", field, alias);
    auto params = templates::from_score(resource.params());
    if (!params) return refuse(reasons::kInvalidParams, params.error().message, at + ".params");
    frame.wanted[alias] = {resource.type(),         resource.class_(), resource.id(), *std::move(params), at,
                           annotations_of(resource)};
  }
  for (const auto& volume : model::undeclared_volumes(definition.score()))
    frame.wanted[volume] = {"volume", "", "", {}, fmt::format("{}.resources.{}", field, volume), {}};
  for (const auto& [alias, wanted] : frame.wanted) TRY(link(frame, alias));

  auto score = score_document(
      name, definition.score(),
      [&](const templates::Path& path, const std::string& at) {
        return score_reference(frame, path, fmt::format("{}.{}", field, at));
      },
      here);
  if (!score) {
    if (refusal_) return std::unexpected(std::move(score).error());
    const auto& error = score.error();
    const auto at = error.fields.empty() ? field : fmt::format("{}.{}", field, error.fields.front().field);
    return refuse(reasons::kInvalidTemplate, error.message, at);
  }
  if (served_.contains(name)) {
    auto& service = *(*score->mutable_fields())["service"].mutable_struct_value();
    (*service.mutable_fields())["hostname"].set_string_value(
        model::service_hostname(name, in_.application, in_.environment->metadata().name()));
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
  if (auto known = TRY(built_in(frame, alias, filled))) {
    frame.open.pop_back();
    return frame.done[alias] = *std::move(known);
  }
  Ask ask;
  ask.wanted = &filled;
  ask.alias = alias;
  ask.asker = frame.asker;
  ask.who = frame.who;
  ask.user = frame.profile == nullptr ? std::string() : user_name(frame.asker, frame.asker.id);
  auto made = TRY(node(ask));
  frame.open.pop_back();
  frame.done[alias] = made;
  return made;
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
  TRY(check_asker(ask, *profile));
  const auto secret = secrets_.find(profile.get());
  if (secret == secrets_.end()) profiles_[profile_name] = profile;

  Node fresh;
  fresh.scope = scope_of(*profile);
  const auto given = TRY(identity_of(ask, fresh.scope));
  const auto& identity = given.identity;
  fresh.name = identity.name(wanted.type);
  fresh.field = wanted.field;
  fresh.asked_by = fmt::format("{} as \"{}\"", ask.who, ask.alias);
  fresh.user = user_of(ask);
  fresh.alias = ask.alias;
  fresh.by_id = given.by_id;
  fresh.own = given.own;
  fresh.for_all = given.for_all;
  fresh.taken = given.taken;
  fresh.held = given.held;
  if (fresh.name.size() > kMaxResourceName) {
    return refuse(reasons::kInvalidParams,
                  fmt::format("the name {} is longer than {} characters: shorten what it is made of",
                              fresh.name, kMaxResourceName),
                  wanted.field);
  }
  auto params = model::check_params(profile->spec().parameters(), checked_params(wanted, *profile));
  if (params) params = name_ports(profile->spec().parameters(), *std::move(params), ask);
  if (params && ask.score != nullptr) params->MergeFrom(wanted.params);
  if (!params) {
    const auto& error = params.error();
    const auto at = error.fields.empty() ? std::string("params") : error.fields.front().field;
    return refuse(reasons::kInvalidParams,
                  fmt::format("{} of {} \"{}\" ({}): {}", at, wanted.type, identity.id, asked_for_by(ask),
                              error.fields.empty() ? error.message : error.fields.front().message),
                  wanted.field.empty() ? "" : fmt::format("{}.{}", wanted.field, at));
  }
  if (profile->spec().provider() == model::kValuesProvider) return outputs_of(ask, profile, *params);
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
  if (secret != secrets_.end()) *spec.mutable_secret() = secret->second;
  *spec.mutable_params() = *params;
  if (wanted.type == kWorkload) spec.mutable_params()->mutable_fields()->erase("score");

  Link link{fresh.name, profile, {}, wanted.type};
  // The user of a Score resource is the workload's own resource, which is made after it.
  if (ask.score != nullptr || !ask.user.empty()) graph_.edges.push_back({ask.user, fresh.name, ask.alias});
  if (given.taken) graph_.taken.push_back({fresh.user, wanted.type, ask.alias, fresh.name});
  if (const auto found = index_.find(fresh.name); found != index_.end()) {
    TRY(check_meeting(graph_.nodes[found->second], ask, given));
    TRY(check_existing(graph_.nodes[found->second], ask, fresh));
    return link;
  }

  Frame below;
  below.prefix = "requires";
  below.who = fmt::format("profile {}", profile_name);
  below.profile = profile;
  below.params = &*params;
  below.home = identity.home;
  below.asker = {identity.home, identity.id, wanted.type, given.others};
  // The workload that asks for this itself: its resource is made after those that it asks for.
  const bool asked_by_workload = ask.score == nullptr && ask.asker.type.empty() && fresh.scope == kWorkload;
  const std::string workload = asked_by_workload ? user_of(ask) : std::string();
  // What several applications share is one thing for all of them, whatever each says of it.
  const auto annotations =
      identity.home.application.empty() ? std::map<std::string, std::string>() : wanted.annotations;
  below.metadata = [this, identity, type = wanted.type, workload, annotations](const templates::Path& path) {
    // One that nobody gave is empty: a profile cannot make anybody give it.
    if (path.size() == 3 && path[1] == "annotations") {
      const auto found = annotations.find(path[2]);
      return Result<Value>(text_value(found == annotations.end() ? "" : found->second));
    }
    return resource_metadata(identity, type, workload, path);
  };
  for (const auto& [alias, requirement] : profile->spec().requirements()) {
    below.wanted[alias] = {
        requirement.type(), requirement.class_(), requirement.id(), requirement.params(), "", {}};
  }
  chain_.emplace_back(profile_name, wanted.type);
  for (const auto& [alias, requirement] : below.wanted) TRY(this->link(below, alias));
  chain_.pop_back();

  TRY(fill(fresh, ask, profile, below));
  index_[fresh.name] = graph_.nodes.size();
  graph_.nodes.push_back(std::move(fresh));
  return link;
}

}  // namespace qleet::hub::controllers::resolution

namespace qleet::hub::controllers {

Result<Graph> resolve(const ResolveInput& input) { return resolution::Resolver(input).run(); }

}  // namespace qleet::hub::controllers
