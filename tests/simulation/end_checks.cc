#include "tests/simulation/end_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include "common/model/keeping.h"
#include "common/model/reasons.h"
#include "common/template/template.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/deadline.h"
#include "hub/controllers/delivery.h"
#include "hub/controllers/resources.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/profile.pb.h"
#include "tests/simulation/closure.h"
#include "tests/simulation/must.h"
#include "tests/simulation/universe.h"

namespace qleet::sim {
namespace {

namespace keys = hub::keys;
namespace objects = hub::objects;

bool exists(const World& world, const Thing& thing) {
  return !thing.absent_at || *thing.absent_at > world.clock.mono();
}

// Where the hub's template has a plain text, the thing was made with the same.
bool same_text(const google::protobuf::Value& wanted, const google::protobuf::Value& made) {
  if (wanted.kind_case() == google::protobuf::Value::kStringValue)
    return wanted.string_value().find("${") != std::string::npos ||
           wanted.string_value() == made.string_value();
  if (wanted.kind_case() != google::protobuf::Value::kStructValue) return true;
  return std::ranges::all_of(wanted.struct_value().fields(), [&](const auto& field) {
    const auto found = made.struct_value().fields().find(field.first);
    return found != made.struct_value().fields().end() && same_text(field.second, found->second);
  });
}

// A tombstone that waits for what still uses it. One whose removal is under way does not: the world is not at
// rest before that has ended.
bool waits_for_users(const v1::Resource& resource) {
  if (!resource.spec().deleted()) return false;
  const auto* ready = hub::controllers::find_condition(resource.status().conditions(), "Ready");
  return ready != nullptr && ready->reason() == reasons::kWaitingForDependents;
}

// The same, for something which a restored hub does not know, and which therefore runs on.
bool waits_for_unclaimed(const v1::Resource& resource, const std::set<std::string>& unclaimed) {
  return !unclaimed.empty() && waits_for_users(resource);
}

// Adds to `spared`, which are unclaimed: tombstones that wait for those, and what these tombstones require.
void spare_what_waits(const std::vector<v1::Resource>& resources, std::set<std::string>& spared) {
  std::map<std::string, const v1::Resource*> by_name;
  std::vector<const v1::Resource*> open;
  for (const auto& resource : resources) {
    by_name[resource.metadata().name()] = &resource;
    if (waits_for_unclaimed(resource, spared)) open.push_back(&resource);
  }
  while (!open.empty()) {
    const auto* resource = open.back();
    open.pop_back();
    if (!spared.insert(resource->metadata().name()).second) continue;
    for (const auto& [alias, dependency] : resource->spec().dependencies())
      if (const auto it = by_name.find(dependency); it != by_name.end()) open.push_back(it->second);
  }
}

// Somewhere below it stands a tombstone: nothing is begun on what is going.
bool needs_tombstone(const std::map<std::string, agent::v1::Desired>& desired, const std::string& name) {
  const auto found = desired.find(name);
  if (found == desired.end()) return false;
  return std::ranges::any_of(found->second.resource().dependencies(), [&](const auto& dependency) {
    const auto needed = desired.find(dependency.second);
    return needed != desired.end() &&
           (needed->second.resource().deleted() || needs_tombstone(desired, dependency.second));
  });
}

// By its agent's own record: nothing more happens before something else does.
bool rests(const std::map<std::string, agent::v1::Runtime>& records, const std::string& name) {
  const auto record = records.find(name);
  if (record == records.end()) return false;
  const auto& report = record->second.report();
  const auto* ready = hub::controllers::find_condition(report.conditions(), "Ready");
  return report.state() == "Ready" || report.state() == "Stalled" ||
         (ready != nullptr && ready->reason() == reasons::kWaitingForDependency);
}

class Comparison {
 public:
  explicit Comparison(World& world) : world_(world), reader_(must(world.store().snapshot())) {}

  std::string run() {
    if (!world_.hub_runs()) return "the hub does not run";
    for (const auto& [region, machine] : world_.machines) {
      if (!machine->runs()) return machine->name() + " does not run";
      const auto state = machine->agent().session().state();
      if (state.superseded) return machine->name() + " is cut off";
      if (!state.in_sync) return machine->name() + " is not in sync";
      spared_.insert(state.unclaimed.begin(), state.unclaimed.end());
      kept_.insert(state.kept.begin(), state.kept.end());
    }
    for (auto& resource : must(objects::list<v1::Resource>(*reader_))) {
      const auto name = resource.metadata().name();
      resources_.emplace(name, std::move(resource));
    }
    for (const auto& deployment : must(objects::list<v1::Deployment>(*reader_)))
      if (deployment.status().state() == "Failed")
        failed_.emplace(deployment.spec().environment(), deployment.spec().application());
    // Also where the deployment is blocked for another reason.
    for (const auto& [key, thing] : world_.cloud.things()) {
      const auto parts = hub::controllers::parse_resource_name(key.second);
      if (thing.deaf && parts) failed_.emplace(parts->environment, parts->application);
    }
    for (const auto& [name, resource] : resources_)
      if (secrets_lost(name, resource)) locked_.insert(name);
    world_.locked = !locked_.empty();
    for (const auto& name : locked_)
      if (const auto parts = hub::controllers::parse_resource_name(name))
        failed_.emplace(parts->environment, parts->application);
    for (const auto& [name, resource] : resources_)
      if (auto what = this->resource(name, resource); !what.empty()) return name + " " + what;
    if (auto what = strays(); !what.empty()) return what;
    if (auto what = unfinished(); !what.empty()) return what;
    if (auto what = deployments(); !what.empty()) return what;
    if (auto what = applications(); !what.empty()) return what;
    return world_.idle() ? "" : "something is still on its way";
  }

 private:
  bool secrets_lost(const std::string& name, const v1::Resource& resource) const;
  bool needs_locked(const v1::Resource& resource) const;
  bool is_locked(const v1::DeploymentSpec& deployment) const;
  std::string resource(const std::string& name, const v1::Resource& resource);
  std::string thing(const std::string& name, const v1::Resource& resource);
  std::string strays();
  std::string unfinished();
  std::string deployments();
  std::string deployment(const v1::Deployment& deployment);
  std::string failed(const v1::Deployment& deployment);
  bool kept_for_what_failed(const v1::ResourceSpec& spec) const;
  std::string applications();
  bool other_providers() const;

  World& world_;
  std::unique_ptr<hub::Reader> reader_;
  std::map<std::string, v1::Resource> resources_;
  std::set<std::string> spared_;  // unclaimed: held by an agent, unknown to the hub
  std::set<std::string> kept_;    // tombstones of a restored store that no agent honours
  std::set<std::string> locked_;  // data that its agent has lost the secret of
  std::set<std::string> wanted_;  // by deployments
  std::set<std::pair<std::string, std::string>> failed_;  // environment, application
  bool complete_ = true;                                  // every deployment has all that it wants
};

// What a release that failed, and stays, has not let go: it uses it until what replaces it is ready, or it
// may be asked for by a region whose turn does not come.
bool Comparison::kept_for_what_failed(const v1::ResourceSpec& spec) const {
  return std::ranges::any_of(failed_, [&](const auto& failed) {
    return (spec.environment().empty() || spec.environment() == failed.first) &&
           (spec.application().empty() || spec.application() == failed.second);
  });
}

// It is there, and the secret that opens it went with a journal: it is not touched, and says so.
bool Comparison::secrets_lost(const std::string& name, const v1::Resource& resource) const {
  const std::string region = name.substr(0, name.find('.'));
  const auto* ready = hub::controllers::find_condition(resource.status().conditions(), "Ready");
  if (!world_.forgetful.contains(region) || resource.spec().deleted() ||
      resource.status().state() != "Stalled" || ready == nullptr || ready->reason() != reasons::kSecretsLost)
    return false;
  const auto journal = must(world_.machines.at(region)->journal.load());
  std::string holder = name;
  std::string opened_by;
  if (const auto data = resource.spec().dependencies().find("data");
      data != resource.spec().dependencies().end()) {
    const Thing* disk = world_.cloud.find(data->second);
    if (disk == nullptr) return false;
    holder = data->second;
    opened_by = disk->opened_by;
  } else if (const Thing* made = world_.cloud.find(name); made != nullptr) {
    if (const auto password = made->template_.fields().find("password");
        password != made->template_.fields().end())
      opened_by = password->second.string_value();
  }
  const auto runtime = journal.runtime.find(holder);
  if (runtime == journal.runtime.end()) return true;
  return std::ranges::none_of(runtime->second.secrets().kept(),
                              [&](const auto& kept) { return kept.second == opened_by; });
}

bool Comparison::needs_locked(const v1::Resource& resource) const {
  return std::ranges::any_of(resource.spec().dependencies(), [&](const auto& dependency) {
    const auto found = resources_.find(dependency.second);
    return locked_.contains(dependency.second) || (found != resources_.end() && needs_locked(found->second));
  });
}

bool Comparison::is_locked(const v1::DeploymentSpec& deployment) const {
  return std::ranges::any_of(locked_, [&](const std::string& name) {
    const auto parts = hub::controllers::parse_resource_name(name);
    return parts && parts->environment == deployment.environment() &&
           parts->application == deployment.application();
  });
}

std::string Comparison::resource(const std::string& name, const v1::Resource& resource) {
  const auto region = name.substr(0, name.find('.'));
  const auto& machine = world_.machines.at(region);
  const auto generation = resource.metadata().generation();
  const auto* held = machine->agent().session().held().find(name);
  const bool kept = kept_for_what_failed(resource.spec());
  if (resource.spec().deleted())
    return (kept || !spared_.empty()) && waits_for_users(resource) ? "" : "is still a tombstone";
  if (!held) return "is not held by its agent";
  if (held->generation != generation || held->hash != resource.spec().hash() ||
      held->epoch != world_.store().identity().epoch)
    return "is held at another generation, hash or epoch";
  const auto& status = resource.status();
  if (status.observed_generation() != generation || status.observed_hash() != resource.spec().hash() ||
      status.epoch() != world_.store().identity().epoch)
    return fmt::format("is not reported as it is wanted: generation {} of {}, {} hash, epoch {}",
                       status.observed_generation(), generation,
                       status.observed_hash() == resource.spec().hash() ? "its" : "another", status.epoch());
  if (locked_.contains(name)) return "";
  // What runs goes on, and its change waits.
  if (status.state() != "Ready" && needs_locked(resource)) return "";
  const Thing* made = world_.cloud.find(name);
  const bool deaf = made != nullptr && made->deaf && status.state() == "Progressing";
  if (deaf && world_.options.sabotage != Sabotage::kDeafProvider) return "";
  // The rollout has stopped before it was told what its images are.
  const bool stopped = kept && !resource.spec().resolve_images().empty() && !status.images().empty();
  if (stopped && status.state() == "Progressing") return "";
  if (status.state() != "Ready") {
    const auto* ready = hub::controllers::find_condition(status.conditions(), "Ready");
    return "is " + status.state() + (ready ? fmt::format(": {}: {}", ready->reason(), ready->message()) : "");
  }
  // It would have gone by now.
  const auto due =
      objects::wall_time(status.unused_since()) + Millis(resource.spec().when_unused().after_ms());
  const bool waits = kept && due + std::chrono::minutes(1) < world_.clock.wall();
  if (status.has_unused_since() && !waits && !model::stays_unused(resource.spec()))
    return "is unused, and its grace period is not over";
  return thing(name, resource);
}

std::string Comparison::thing(const std::string& name, const v1::Resource& resource) {
  const auto found = world_.cloud.things().find({resource.spec().provider(), name});
  if (found == world_.cloud.things().end() || !exists(world_, found->second)) return "does not exist";
  const Thing& thing = found->second;
  if (thing.half || thing.drifted || thing.degraded || thing.absent_at) return "exists, but not as wanted";
  google::protobuf::Value wanted;
  google::protobuf::Value made;
  *wanted.mutable_struct_value() = resource.spec().template_();
  *made.mutable_struct_value() = thing.template_;
  if (!same_text(wanted, made)) return "was made from another template";
  for (const auto& [alias, dependency] : resource.spec().dependencies()) {
    const Thing* needed = world_.cloud.find(dependency);
    const auto input = thing.inputs.find(alias);
    if (needed == nullptr || input == thing.inputs.end()) return "was made without its " + alias;
    if (input->second.at("address") != needed->address) return "was made with an old address of its " + alias;
  }
  return {};
}

std::string Comparison::strays() {
  for (const auto& [key, thing] : world_.cloud.things()) {
    if (!exists(world_, thing) || thing.orphan) continue;
    const auto known = resources_.find(key.second);
    const bool wanted = known != resources_.end() && known->second.spec().provider() == key.first;
    if (!wanted && !spared_.contains(key.second)) return key.second + " exists and nobody wants it";
  }
  for (const auto& [region, machine] : world_.machines)
    for (const auto& [name, entry] : machine->agent().session().held().entries())
      if (!resources_.contains(name) && !spared_.contains(name))
        return name + " stands in the journal and nobody knows it";
  return {};
}

// What a hub that is gone had asked for is brought to its end, unless the hub of now takes away what it
// needs; what waits for digests waits for a hub that records them.
std::string Comparison::unfinished() {
  for (const auto& [region, machine] : world_.machines) {
    const auto journal = must(machine->journal.load());
    for (const auto& [name, entry] : machine->agent().session().held().entries()) {
      if (!spared_.contains(name)) continue;
      const Thing* thing = world_.cloud.find(name);
      if (entry.deleted && thing != nullptr && thing->absent_at && exists(world_, *thing))
        return name + " is unclaimed and still on its way out";
      if (entry.deleted || needs_tombstone(journal.desired, name)) continue;
      if (!journal.desired.at(name).resource().resolve_images().empty()) continue;
      // An agent that was cut off makes anew what went meanwhile, but for its data.
      if (world_.forgetful.contains(region)) {
        if (!rests(journal.runtime, name)) return name + " is unclaimed and still on its way";
        continue;
      }
      if (thing == nullptr || thing->half || thing->drifted || thing->degraded || thing->absent_at)
        return name + " is unclaimed and not made yet";
    }
  }
  return {};
}

// Something that keeps data, or is protected, is made by another provider than its profile's.
bool Comparison::other_providers() const {
  return std::ranges::any_of(resources_, [&](const auto& entry) {
    const auto& spec = entry.second.spec();
    if (!model::holds_data(spec)) return false;
    const auto profiles = must(objects::list<v1::Profile>(*reader_));
    return std::ranges::any_of(profiles, [&](const v1::Profile& profile) {
      return profile.spec().satisfies().type() == spec.type() && profile.spec().provider() != spec.provider();
    });
  });
}

std::string Comparison::failed(const v1::Deployment& deployment) {
  const auto& spec = deployment.spec();
  const auto release =
      must(objects::get<v1::Release>(*reader_, fmt::format("{}.{}", spec.application(), spec.release())));
  const auto environment = must(objects::get<v1::Environment>(*reader_, spec.environment()));
  const bool deaf =
      release && std::ranges::any_of(release->spec().definition().workloads(), [](const auto& entry) {
        const auto& containers = entry.second.score().containers();
        return std::ranges::any_of(containers, [](const auto& container) {
          return container.second.variables().contains(Universe::kDeaf);
        });
      });
  if (!deaf) return "has failed, and could become ready";
  if (deployment.status().failed_release() != spec.release()) return "does not say which release failed";
  // Each region has its own clock.
  const auto deadline = hub::controllers::deadline_of(environment->spec().rollout());
  for (const auto& region : deployment.status().regions())
    if (deadline && region.has_progressed() && region.state() != "Ready" &&
        objects::wall_time(region.progressed()) + *deadline > world_.clock.wall())
      return "has time left in " + region.region();
  const bool stays =
      environment->spec().rollout().on_failure() == "stay" || deployment.status().release() == 0;
  return stays ? "" : "has failed, and does not go back";
}

std::string Comparison::deployment(const v1::Deployment& deployment) {
  const auto& status = deployment.status();
  const auto& spec = deployment.spec();
  if (is_locked(spec)) {
    complete_ = false;
    return {};
  }
  if (spec.candidate() != 0) {
    const auto environment = must(objects::get<v1::Environment>(*reader_, spec.environment()));
    const auto& policy = environment->spec().builds();
    const auto source =
        must(objects::get<v1::Deployment>(*reader_, spec.application() + "." + policy.after().environment()));
    hub::controllers::SourceDeployment from;
    if (source) from = {&source->spec(), &source->status()};
    const auto decision = hub::controllers::decide_candidate(spec, policy, from, world_.clock.wall());
    const bool asks = decision.fate == hub::controllers::CandidateFate::kAskApproval;
    if (decision.due || (decision.fate != hub::controllers::CandidateFate::kWait &&
                         !(asks && spec.candidate_waits() == "approval")))
      return "has a candidate whose time comes or has come";
  }
  const bool waits = spec.release() == 0 && spec.candidate() != 0 && status.state().starts_with("Awaiting");
  if (waits) return {};
  const auto* ready = hub::controllers::find_condition(status.conditions(), "Ready");
  if (status.state() == "Blocked") {
    complete_ = false;
    const std::string reason = ready == nullptr ? "" : ready->reason();
    if (reason == "DataWouldBeLost") return other_providers() ? "" : "is blocked, and no data would be lost";
    if (reason != "ResourceConflict" && reason != "NoRegion") return "is blocked: " + reason;
    return reason == "ResourceConflict" ? unfounded_conflict(*reader_, deployment) : "";
  }
  // What never becomes ready has failed, or is gone back from; and what it went back to serves as it did.
  if (status.state() == "Failed") {
    complete_ = false;
    return failed(deployment);
  }
  if (status.state() != (spec.returned_from() == 0 ? "Ready" : "Returned"))
    return "is " + status.state() + (ready == nullptr ? "" : ": " + ready->message());
  if (status.release() != spec.release()) return "is ready with another release";
  for (const auto& region : status.regions()) {
    if (region.release() != spec.release() || region.state() != "Ready")
      return "is not ready in " + region.region();
    auto closure = closure_of(*reader_, deployment, region.region());
    for (const auto& name : closure) {
      const auto found = resources_.find(name);
      if (found == resources_.end()) return "lacks " + name;
      if (found->second.status().has_unused_since()) return "wants " + name + ", which counts as unused";
    }
    wanted_.merge(closure);
    if (auto what = wrong_content(*reader_, deployment, region.region(), resources_); !what.empty())
      return what;
  }
  return wrong_places(*reader_, deployment);
}

std::string Comparison::deployments() {
  for (const auto& found : must(objects::list<v1::Deployment>(*reader_)))
    if (auto what = deployment(found); !what.empty())
      return "deployment " + found.metadata().name() + " " + what;
  if (!complete_) return {};
  // Nothing is in use but what deployments want, and what is kept for good, with all that it needs.
  std::vector<std::string> open;
  for (const auto& [name, resource] : resources_)
    if (resource.status().has_unused_since() || resource.spec().deleted()) open.push_back(name);
  while (!open.empty()) {
    const auto name = std::move(open.back());
    open.pop_back();
    const auto found = resources_.find(name);
    if (found == resources_.end()) continue;
    wanted_.insert(name);
    for (const auto& [alias, dependency] : found->second.spec().dependencies()) open.push_back(dependency);
  }
  for (const auto& [name, resource] : resources_)
    if (!wanted_.contains(name)) return name + " is in use, and no deployment wants it";
  return {};
}

std::string Comparison::applications() {
  for (const auto& app : must(objects::list<v1::Application>(*reader_))) {
    const auto& name = app.metadata().name();
    if (app.metadata().has_deletion_timestamp()) return "application " + name + " is being deleted";
    if (app.status().observed_generation() != app.metadata().generation())
      return "application " + name + " was not looked at";
    for (const auto& environment : hub::controllers::environments_of(app.spec())) {
      const auto found = must(objects::get<v1::Deployment>(*reader_, name + "." + environment));
      if (!found || found->spec().deleted()) return "application " + name + " is not in " + environment;
    }
  }
  return {};
}

}  // namespace

std::string difference(World& world) { return Comparison(world).run(); }

void check_contents(World& world) {
  const auto reader = must(world.store().snapshot());
  for (const auto& deployment : must(objects::list<v1::Deployment>(*reader))) {
    const auto& spec = deployment.spec();
    if (deployment.status().state() != "Ready" || deployment.status().release() != spec.release()) continue;
    const auto release =
        must(objects::get<v1::Release>(*reader, fmt::format("{}.{}", spec.application(), spec.release())));
    for (const auto& region : deployment.status().regions()) {
      for (const auto& pin : release->spec().images()) {
        const auto name = fmt::format("{}.{}.{}.workload.{}", region.region(), spec.environment(),
                                      spec.application(), pin.workload());
        const auto* thing = world.cloud.find(name);
        if (thing == nullptr || !thing->images.contains(pin.container())) continue;
        if (const auto& runs = thing->images.at(pin.container()); runs != pin.image())
          world.findings.add(Rule::kContent, fmt::format("{} runs {}, and its release {} is {}", name, runs,
                                                         release->metadata().name(), pin.image()));
      }
    }
  }
}

void check_store(World& world) {
  const auto reader = must(world.store().snapshot());
  const auto wrong = [&](std::string what) { world.findings.add(Rule::kLeak, "store: " + what); };
  std::set<std::pair<std::string, std::string>> refs;
  std::set<std::pair<std::string, std::string>> uses;
  std::set<std::string> needed;
  for (const auto& entry : must(reader->scan({.prefix = "x/ref/"}))) {
    const auto parts = keys::segments(entry.key);
    refs.emplace(parts[2], parts[3]);
    needed.emplace(parts[2]);
  }
  for (const auto& entry : must(reader->scan({.prefix = "x/uses/"}))) {
    const auto parts = keys::segments(entry.key);
    uses.emplace(parts[3], parts[2]);
  }
  if (refs != uses) wrong("edges differ from their reverse");
  std::map<std::string, int> positions;
  for (const auto& entry : must(reader->scan({.prefix = "x/region-pos/"})))
    ++positions[std::string(keys::segments(entry.key)[4])];
  std::set<std::string> names;
  for (const auto& resource : must(objects::list<v1::Resource>(*reader))) {
    const auto& name = resource.metadata().name();
    names.insert(name);
    if (positions[name] != 1) wrong(name + " has not one position");
    const bool live = !resource.spec().deleted() && !resource.status().has_unused_since();
    if (needed.contains(name) != live)
      wrong(name + (live ? " is live without users" : " has users and is not live"));
  }
  for (const auto& name : needed)
    if (!names.contains(name)) wrong(name + " is needed and missing");
  if (positions.size() != names.size()) wrong("there are positions of what is not there");
  for (const auto& entry : must(reader->scan({.prefix = "x/event-of/"}))) {
    const auto parts = keys::segments(entry.key);
    if (!must(reader->get(fmt::format("o/{}/{}", parts[2], parts[3]))))
      wrong(fmt::format("an event about {} {}, which is not there", parts[2], parts[3]));
  }
}

std::string leftovers(World& world) {
  const auto reader = must(world.store().snapshot());
  std::set<std::string> spared;
  for (const auto& [region, machine] : world.machines) {
    if (!machine->runs()) return machine->name() + " does not run";
    const auto state = machine->agent().session().state();
    spared.insert(state.unclaimed.begin(), state.unclaimed.end());
    spared.insert(state.kept.begin(), state.kept.end());
  }
  spare_what_waits(must(objects::list<v1::Resource>(*reader)), spared);
  for (const auto& [region, machine] : world.machines) {
    for (const auto& [name, entry] : machine->agent().session().held().entries())
      if (!spared.contains(name)) return name + " stands in the journal of " + machine->name();
  }
  for (const auto& [key, thing] : world.cloud.things())
    if (exists(world, thing) && !thing.orphan && !spared.contains(key.second)) return key.second + " exists";
  for (const auto* prefix : {"o/applications/", "o/deployments/", "o/releases/", "o/resources/"})
    for (const auto& entry : must(reader->scan({.prefix = prefix})))
      if (!spared.contains(std::string(keys::last(entry.key)))) return entry.key + " is there";
  if (!spared.empty()) return {};
  for (const auto* prefix :
       {"x/ref/", "x/uses/", "x/unused/", "x/region-pos/", "x/region-at/", "x/type/", "x/types/",
        "x/region-dep/", "x/waits/", "x/waits-of/", "x/app-env/", "x/image/"})
    for (const auto& entry : must(reader->scan({.prefix = prefix, .limit = 1})))
      return entry.key + " is there";
  return {};
}

}  // namespace qleet::sim
