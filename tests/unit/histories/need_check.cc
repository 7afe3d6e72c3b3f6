#include "tests/unit/histories/need_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "hub/controllers/resources.h"
#include "hub/controllers/store_profiles.h"
#include "hub/store/keys.h"
#include "qleet/v1/environment.pb.h"
#include "tests/unit/histories/meetings.h"

namespace qleet::hub::tests {
namespace {

using Applications = std::map<std::string, std::set<std::string>>;

// The applications that need it, directly or by what they need, tombstones included.
const std::set<std::string>& needing(const Need& need, const std::string& resource, Applications& known) {
  if (const auto found = known.find(resource); found != known.end()) return found->second;
  std::set<std::string> applications;
  for (auto edge = need.edges.lower_bound({resource, ""});
       edge != need.edges.end() && edge->first == resource; ++edge) {
    const auto user = edge->second.substr(2);
    if (edge->second.starts_with("d:")) {
      applications.insert(user.substr(0, user.find('.')));
      continue;
    }
    const auto own = need.resources.find(user);
    if (own != need.resources.end() && !own->second->spec().application().empty())
      applications.insert(own->second->spec().application());
    applications.merge(std::set(needing(need, user, known)));
  }
  return known[resource] = std::move(applications);
}

WallTime since(const v1::Resource& resource) { return objects::wall_time(resource.status().unused_since()); }

std::set<std::string> below(const Reader& reader, const std::string& prefix) {
  std::set<std::string> found;
  for (auto& entry : reader.scan({.prefix = prefix}).value()) found.insert(std::move(entry.key));
  return found;
}

}  // namespace

NeedCheck::Data NeedCheck::data_of(const Reader& reader, const v1::ResourceSpec& resource) {
  Data data;
  if (resource.type() == "workload") return data;
  const auto profile =
      controllers::profile_at(reader, resource.profile(), resource.profile_generation()).value();
  const auto environment = resource.environment().empty()
                               ? std::nullopt
                               : objects::get<v1::Environment>(reader, resource.environment()).value();
  // What an environment protects is retained from when nobody needed it.
  data.retained = resource.class_() == "retained" || resource.when_unused().do_() == "retain";
  if (profile) data.retained = data.retained || profile->spec().when_unused().do_() == "retain";
  const bool says = profile && profile->spec().has_keeps_data();
  data.keeps = data.retained || (says ? profile->spec().keeps_data() : resource.type() == "volume");
  const bool holds = data.keeps || resource.type() == "volume";
  data.is_protected = holds && environment && environment->spec().protect().data();
  return data;
}

bool NeedCheck::stays(const Reader& reader, const v1::ResourceSpec& resource) {
  const auto data = data_of(reader, resource);
  return data.retained || data.is_protected || (data.keeps && !resource.data_may_go());
}

// Data goes only when somebody said so.
void NeedCheck::data(const Reader& reader, const Need& need, const std::string& name,
                     const v1::Resource& resource, const std::string& by_hand) {
  const auto& spec = resource.spec();
  auto& track = tracks_[name];
  if (need.serving.contains(name)) track.asked = false;
  if (!spec.deleted()) {
    if (spec.data_may_go() && !track.asked)
      complain(name + " may go with its data, and nobody asked for that");
    return;
  }
  if (track.deleted) return;
  const auto known = data_of(reader, spec);
  if (known.is_protected) complain(name + " is protected by its environment, and is a tombstone");
  if (name == by_hand) return;
  if (known.retained) complain(name + " is to be retained, and is a tombstone");
  if (known.keeps && !track.asked)
    complain(name + " keeps data, nobody asked that it go, and it is a tombstone");
}

// What the resource says of itself, beside who needs it.
void NeedCheck::marks(const Reader& reader, const Need& need, const std::string& name,
                      const v1::Resource& resource) {
  const bool used = need.used.contains(name);
  const bool deleted = resource.spec().deleted();
  const bool marked = resource.status().has_unused_since();
  if (need.serving.contains(name) && deleted)
    complain(name + " is a tombstone, and an application runs on it");
  if (used && deleted) complain(name + " is a tombstone, and something needs it");
  if (used && marked) complain(name + " is marked as unused, and something needs it");
  if (used || deleted) return;
  if (!marked) return complain(name + " leaks: nobody needs it, and it is not marked");
  const auto& policy = resource.spec().when_unused();
  const auto due = since(resource) + Millis(policy.after_ms());
  if (now_ < due) {
    marks_.insert(keys::unused(static_cast<std::uint64_t>(due.time_since_epoch().count()), name));
  } else if (stays(reader, resource.spec())) {
    return;
  } else if (may_be_needed_soon(resource.spec())) {
    marks_.insert(keys::unused(static_cast<std::uint64_t>(due.time_since_epoch().count()), name));
  } else {
    complain(name + " is late: its grace period is over, and it is no tombstone");
  }
}

// A region that waits for its turn in a rollout asks for nothing yet, and will.
bool NeedCheck::may_be_needed_soon(const v1::ResourceSpec& resource) const {
  return std::ranges::any_of(deployments_, [&](const v1::Deployment& deployment) {
    const auto& spec = deployment.spec();
    if (spec.deleted()) return false;
    if (!resource.environment().empty() && resource.environment() != spec.environment()) return false;
    if (!resource.application().empty() && resource.application() != spec.application()) return false;
    return std::ranges::any_of(deployment.status().regions(), [&](const v1::RegionRollout& region) {
      return region.region() == resource.region() && region.state() != "Leaving" &&
             region.release() != spec.release();
    });
  });
}

// What it is, beside what it was.
void NeedCheck::story(const Need& need, const std::string& name, const v1::Resource& resource,
                      const std::string& by_hand) {
  const auto uid = resource.metadata().uid();
  const auto generation = resource.metadata().generation();
  const bool deleted = resource.spec().deleted();
  auto& track = tracks_[name];
  const bool known = !track.uid.empty();
  if (known && track.uid != uid) complain(name + " has another uid, and was never erased");
  if (known && generation < track.generation) complain(name + " went back to an older generation");
  if (known && track.deleted && !deleted && generation == track.generation)
    complain(name + " was revived without a new generation");
  const bool used = need.used.contains(name);
  if (deleted && !track.deleted && name != by_hand && resource.spec().type() != "workload") {
    // Made and given up within one step: as if it had been unused from then on.
    const auto from = track.unused_from.value_or(now_);
    const auto grace = track.unused_from ? track.grace_ms : resource.spec().when_unused().after_ms();
    if (now_ < from + Millis(grace))
      complain(fmt::format("{} was deleted early: unused for {} ms, its grace period is {} ms", name,
                           (now_ - from).count(), grace));
  }
  if (used) {
    track.unused_from.reset();
  } else {
    if (!track.unused_from) track.unused_from = now_;
    track.grace_ms = resource.spec().when_unused().after_ms();
    if (!deleted && resource.status().has_unused_since() && since(resource) != *track.unused_from)
      complain(fmt::format("{} says that it is unused for {} ms, it is for {} ms", name,
                           (now_ - since(resource)).count(), (now_ - *track.unused_from).count()));
  }
  track.uid = uid;
  track.generation = generation;
  track.deleted = deleted;
}

// Of a type that is closed to workloads (program.cc) none has one, under the alias by which they ask.
void NeedCheck::leave_to_ask(const std::string& name, const v1::Resource& resource) {
  if (resource.spec().type() != "workload") return;
  for (const auto& [alias, dependency] : resource.spec().dependencies()) {
    if (alias == "my-vault" && dependency.find(".vault.") != std::string::npos)
      complain(name + " got " + dependency + ", which it may not ask for");
  }
}

// The hub's indexes: exactly what follows from the objects.
void NeedCheck::keys(const Reader& reader, const Need& need) {
  const auto same = [&](const std::string& prefix, const std::set<std::string>& wanted) {
    const auto found = below(reader, prefix);
    for (const auto& key : found)
      if (!wanted.contains(key)) complain("key " + key + " should not be there");
    for (const auto& key : wanted)
      if (!found.contains(key)) complain("key " + key + " is missing");
  };
  std::set<std::string> refs;
  std::set<std::string> uses;
  for (const auto& [resource, user] : need.edges) {
    refs.insert(keys::ref(resource, user));
    uses.insert(keys::uses(user, resource));
    if (!need.resources.contains(resource))
      complain(resource + " is needed by " + user + " and is not there");
  }
  same("x/ref/", refs);
  same("x/uses/", uses);
  same("x/unused/", marks_);
  std::set<std::string> at;
  std::map<std::string, std::string> positions;
  for (const auto& [name, resource] : need.resources) at.insert(keys::region_at(name));
  same("x/region-at/", at);
  for (const auto& key : below(reader, "x/region-pos/")) {
    const std::string name(keys::last(key));
    if (!positions.emplace(name, keys::segments(key)[3]).second) complain(name + " has two positions");
    const auto stands = reader.get(keys::region_at(name)).value();
    if (!stands || stands->value != positions[name])
      complain(name + " stands elsewhere than x/region-at says");
  }
  if (positions.size() != need.resources.size()) complain("positions and resources differ in number");
  std::set<std::string> placed;
  for (const auto& deployment : deployments_) {
    for (const auto& region : deployment.status().regions())
      placed.insert(keys::region_dep(region.region(), deployment.metadata().name()));
  }
  same("x/region-dep/", placed);
  for (const auto& key : below(reader, "x/event-of/")) {
    const auto parts = keys::segments(key);
    const auto event = reader.get(keys::object("events", parts[4])).value();
    if (!event) complain("key " + key + " speaks of an event that is not there");
    if (parts[2] == "resources" && !need.resources.contains(std::string(parts[3])))
      complain("an event of " + std::string(parts[3]) + " is left");
  }
}

// Who did not both ask by id never have the same.
void NeedCheck::meetings(const Reader& reader, const Need& need) {
  for (auto& meeting : unwanted_meetings(reader, need)) complain(meeting);
  for (const auto& key : below(reader, "x/by-id/"))
    if (!need.resources.contains(std::string(keys::last(key))))
      complain(key + " speaks of what is not there");
  std::set<std::string> listed;
  for (const auto& entry : reader.scan({.prefix = "x/takers/"}).value()) {
    if (!need.resources.contains(std::string(keys::last(entry.key))))
      complain(entry.key + " speaks of what is not there");
    std::istringstream lines(entry.value);
    for (std::string line; std::getline(lines, line);) listed.insert(line);
  }
  for (const auto& entry : reader.scan({.prefix = "x/taken/"}).value()) {
    if (!need.resources.contains(entry.value)) complain(entry.key + " names what is not there");
    if (!listed.contains(entry.key)) complain(entry.key + " stands in no list");
  }
}

std::vector<std::string> NeedCheck::look(const Scene& scene, const std::set<std::string>& erased,
                                         const std::string& by_hand, const std::string& with_data) {
  wrong_.clear();
  marks_.clear();
  now_ = scene.clock.wall();
  const auto reader = scene.store->snapshot().value();
  const auto need = need_of(*reader, parsed_);
  deployments_ = objects::list<v1::Deployment>(*reader).value();
  for (const auto& name : erased) tracks_.erase(name);
  for (const auto& [name, track] : tracks_)
    if (!need.resources.contains(name)) complain(name + " is gone, and no agent said so");
  if (!with_data.empty()) {
    for (auto& [name, track] : tracks_) {
      const auto parts = controllers::parse_resource_name(name);
      const bool own = parts && parts->application == with_data;
      const bool alone = track.applications.empty() || track.applications == std::set{with_data};
      if (alone && (own || !track.applications.empty())) track.asked = true;
    }
  }
  Applications applications;
  for (const auto& [name, resource] : need.resources) {
    leave_to_ask(name, *resource);
    marks(*reader, need, name, *resource);
    data(*reader, need, name, *resource, by_hand);
    story(need, name, *resource, by_hand);
    tracks_[name].applications = needing(need, name, applications);
  }
  keys(*reader, need);
  meetings(*reader, need);
  for (auto& wrong : traffic_.look(need)) complain(wrong);
  returns(*reader);
  return std::move(wrong_);
}

// Who went back by himself did not leave what was ready there.
void NeedCheck::returns(const Reader& reader) {
  for (const auto& deployment : deployments_) {
    const auto& spec = deployment.spec();
    if (spec.returned_from() == 0) continue;
    const auto left =
        objects::get<v1::Release>(reader, fmt::format("{}.{}", spec.application(), spec.returned_from()))
            .value();
    if (!left) continue;
    const auto& ready = left->status().ready_in();
    if (std::ranges::find(ready, spec.environment()) != ready.end())
      complain(fmt::format("{} went back from release {}, which was ready", deployment.metadata().name(),
                           spec.returned_from()));
  }
}

std::vector<std::string> NeedCheck::look_for_leaks(const Scene& scene) {
  const auto reader = scene.store->snapshot().value();
  std::vector<std::string> left;
  for (const auto* prefix : {"o/resources/",
                             "o/deployments/",
                             "o/releases/",
                             "o/applications/",
                             "x/ref/",
                             "x/uses/",
                             "x/unused/",
                             "x/region-pos/",
                             "x/region-at/",
                             "x/region-dep/",
                             "x/type/",
                             "x/types/",
                             "x/app-env/",
                             "x/image/",
                             "x/taken/",
                             "x/takers/",
                             "x/by-id/",
                             "x/event-of/resources/",
                             "x/event-of/deployments/",
                             "x/event-of/applications/"}) {
    for (const auto& key : below(*reader, prefix)) left.push_back("left in the end: " + key);
  }
  return left;
}

}  // namespace qleet::hub::tests
