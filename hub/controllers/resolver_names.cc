// Which identity a resource has that is asked for, and whether two askers may have the same one.
#include <fmt/format.h>

#include <algorithm>

#include "common/model/reasons.h"
#include "hub/controllers/resolution.h"

namespace qleet::hub::controllers::resolution {
namespace {

OtherId as_other_id(const OtherIdentity& other) {
  return {other.identity.id, other.before_rename, other.by_old_rule};
}

}  // namespace

std::string Resolver::user_of(const Ask& ask) { return user_name(ask.asker, ask.asker.id); }

Result<Given> Resolver::identity_of(const Ask& ask, std::string_view scope) {
  const auto& wanted = *ask.wanted;
  Given given;
  if (!wanted.id.empty()) {
    given.identity = identity_by_id(scope, ask.asker.home, wanted.id);
    // The workload itself: what it had under its former name, its profile's requires had.
    if (ask.score != nullptr) given.others = ask.asker.others;
    // An id that says what is the asker's own anyway says nothing new.
    const auto own = identity_of_own(scope, ask.asker, ask.alias);
    given.by_id = ask.score == nullptr && (own.shared || own.identity != given.identity);
    if (ask.score == nullptr && !given.by_id) given.others = others_of(ask, scope, given.identity);
    return given;
  }
  const auto own = identity_of_own(scope, ask.asker, ask.alias);
  given.identity = own.identity;
  given.own = !own.shared;
  given.for_all = own.shared;
  if (given.own && in_.holdings != nullptr) TRY(find_held(ask, scope, given));
  if (given.own) given.others = others_of(ask, scope, given.identity);
  return given;
}

std::vector<OtherId> Resolver::others_of(const Ask& ask, std::string_view scope, const Identity& chosen) {
  std::vector<OtherId> others;
  const auto add = [&](const OtherIdentity& other) {
    if (other.identity != chosen && other.identity.home == ask.asker.home)
      others.push_back(as_other_id(other));
  };
  add({identity_of_own(scope, ask.asker, ask.alias).identity});
  for (const auto& other : other_identities(scope, ask.asker, ask.alias)) add(other);
  return others;
}

// What the asker holds already keeps its name. In this order: what was the workload's that it was renamed
// from; its own; what was taken over or made by an earlier version; what an earlier version made and nobody
// uses.
Result<> Resolver::find_held(const Ask& ask, std::string_view scope, Given& given) {
  auto& holdings = *in_.holdings;
  const auto& type = ask.wanted->type;
  const auto user = user_of(ask);
  const auto others = other_identities(scope, ask.asker, ask.alias);
  const auto take = [&](const Identity& identity, bool before_rename) {
    given.identity = identity;
    given.taken = before_rename;
    given.held = true;
  };
  if (TRY(take_over(ask, others, given))) return {};
  if (TRY(holdings.holds(user, ask.alias, given.identity.name(type)))) {
    given.held = true;
    return {};
  }
  if (const auto name = TRY(holdings.taken(user, type, ask.alias))) {
    const auto stands = TRY(holdings.look(*name));
    const auto parts = parse_resource_name(*name);
    if (stands && !stands->deleted && parts) {
      take({{parts->region, parts->environment, parts->application}, parts->id}, true);
      return {};
    }
  }
  for (const auto& other : others) {
    const auto name = other.identity.name(type);
    if (other.before_rename || !TRY(holdings.holds(user, ask.alias, name))) continue;
    // Of this version's making it is not his for want of an id: he asked by one before.
    const auto stands = TRY(holdings.look(name));
    if (!stands || stands->by_id) continue;
    take(other.identity, false);
    return {};
  }
  if (const auto stands = TRY(holdings.look(given.identity.name(type)))) {
    if (!stands->by_id) return {};
    const auto refused = refuse(
        reasons::kResourceConflict,
        fmt::format("{} \"{}\" was made for one who asked for it by this id, and {} as \"{}\" would get "
                    "it without one: to have it, ask with id \"{}\"; else give another id",
                    type, given.identity.id, ask.who, ask.alias, given.identity.id),
        ask.wanted->field);
    refusal_->resource = given.identity.name(type);
    return refused;
  }
  for (const auto& other : others) {
    if (other.before_rename || !other.by_old_rule || other.identity.home != ask.asker.home) continue;
    const auto name = other.identity.name(type);
    const auto stands = TRY(holdings.look(name));
    if (!stands || stands->deleted || stands->used || stands->by_id) continue;
    given.identity = other.identity;
    return {};
  }
  return {};
}

// A workload that says what it was called before gets what that one has, or left behind.
Result<bool> Resolver::take_over(const Ask& ask, const std::vector<OtherIdentity>& others, Given& given) {
  auto& holdings = *in_.holdings;
  const auto& type = ask.wanted->type;
  std::vector<Identity> candidates;
  for (const auto& before : ask.asker.others) {
    if (!before.before_rename) continue;
    const auto name = TRY(holdings.taken(user_name(ask.asker, before.id), type, ask.alias));
    const auto parts = name ? parse_resource_name(*name) : std::nullopt;
    if (parts) candidates.push_back({{parts->region, parts->environment, parts->application}, parts->id});
  }
  for (const auto& other : others)
    if (other.before_rename) candidates.push_back(other.identity);
  const auto take = [&](const Identity& identity, bool held) {
    given.identity = identity;
    given.taken = true;
    given.held = held;
    return true;
  };
  for (const auto& candidate : candidates) {
    const auto name = candidate.name(type);
    const auto stands = TRY(holdings.look(name));
    if (!stands || stands->by_id) continue;
    if (TRY(holdings.holds(user_of(ask), ask.alias, name))) return take(candidate, true);
    for (const auto& before : ask.asker.others) {
      if (before.before_rename && TRY(holdings.holds(user_name(ask.asker, before.id), ask.alias, name)))
        return take(candidate, true);
    }
  }
  // What a profile requires is not exchanged below what runs.
  const auto own = given.identity.name(type);
  if (!ask.asker.type.empty() && TRY(holdings.holds(user_of(ask), ask.alias, own))) return false;
  for (const auto& candidate : candidates) {
    if (candidate.home != ask.asker.home) continue;  // others may have left it
    const auto stands = TRY(holdings.look(candidate.name(type)));
    if (stands && !stands->deleted && !stands->used && !stands->by_id) return take(candidate, false);
  }
  return false;
}

// Two may have one resource where both ask by id, or neither does and it is there for all. What they hold
// both, they keep.
Result<> Resolver::check_meeting(const Node& node, const Ask& ask, const Given& given) {
  if (!node.own && !given.own) return {};
  const auto now = fmt::format("{} as \"{}\"", ask.who, ask.alias);
  const auto what = fmt::format("{} \"{}\"", node.spec.type(), node.spec.id());
  const auto holds = [&](const std::string& user, const std::string& alias, bool known) -> Result<bool> {
    if (known) return true;
    return in_.holdings != nullptr && TRY(in_.holdings->holds(user, alias, node.name));
  };
  if (TRY(holds(node.user, node.alias, node.held)) && TRY(holds(user_of(ask), ask.alias, given.held))) {
    graph_.warnings.push_back(fmt::format(
        "{} is held by {} and by {}, which did not both ask for it by id: an earlier version gave "
        "both the same name. Each keeps it until one of them asks with another id",
        what, node.asked_by, now));
    return {};
  }
  const auto& who = given.own && !node.own ? now : node.asked_by;
  const auto& other = given.own && !node.own ? node.asked_by : now;
  if (node.taken || given.taken) {
    return refuse(reasons::kResourceConflict,
                  fmt::format("{} belongs to {}, which took it over from a workload of another name "
                              "(renamedFrom); {} would get it too: give that one an id of its own",
                              what, given.taken ? now : node.asked_by, given.taken ? node.asked_by : now),
                  ask.wanted->field);
  }
  return refuse(reasons::kResourceConflict,
                fmt::format("{} is what {} gets without an id, and {} would have the same: to share it, both "
                            "ask for it by id; else use another id",
                            what, who, other),
                ask.wanted->field);
}

}  // namespace qleet::hub::controllers::resolution
