#include "hub/controllers/deployments.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "common/model/reasons.h"
#include "hub/controllers/deployment_pace.h"
#include "hub/controllers/deployment_status.h"
#include "hub/controllers/events.h"
#include "hub/controllers/health.h"
#include "hub/controllers/image_digests.h"
#include "hub/controllers/indexes.h"
#include "hub/controllers/pending.h"
#include "hub/controllers/places.h"
#include "hub/controllers/region_graph.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/rollout.h"
#include "hub/controllers/secret_uses.h"
#include "hub/controllers/store_profiles.h"
#include "hub/controllers/store_sources.h"
#include "hub/store/keys.h"

namespace qleet::hub::controllers {
namespace {

void take_health(RegionNow& now, const RegionHealth& health) {
  now.health = health.health;
  if (!now.stale) now.message = health.message;
  now.facts.replicas = health.replicas;
  now.facts.reached = health.reached;
  now.facts.blamed = health.blamed();
}

class Reconciliation {
 public:
  Reconciliation(Work& work, v1::Deployment& deployment)
      : work_(work), deployment_(deployment), profiles_(work.txn), before_(region_names()) {}

  Result<> leave();
  Result<> run();
  // When it is to be looked at again.
  std::optional<WallTime> due() const { return outcome_.pace.due; }

 private:
  std::vector<std::string> region_names() const {
    std::vector<std::string> names;
    for (const auto& region : deployment_.status().regions()) names.push_back(region.region());
    return names;
  }
  const std::string& name() const { return deployment_.metadata().name(); }

  Result<> place();
  Result<> resolve_regions();
  Result<> complete_older();
  Result<> roll();
  Result<> judge();
  Result<> advance(const RegionNext& next, RegionNow& now);
  Result<> add_candidate_types();
  RegionAsk ask(const std::string& region, const v1::ReleaseSpec& release) const;

  Work& work_;
  v1::Deployment& deployment_;
  StoreProfiles profiles_;
  const std::vector<std::string> before_;

  std::optional<v1::Environment> environment_;
  std::optional<v1::Release> release_;
  Places places_;
  std::map<std::string, RegionGraph> graphs_;
  std::map<std::string, Refusal> refused_;
  std::map<std::string, RegionNow> now_;
  std::set<std::string> types_;
  std::set<std::string> secrets_;  // ids that it asks for
  Outcome outcome_;
};

// The application no longer wants this environment.
Result<> Reconciliation::leave() {
  for (const auto& region : before_) TRY(put_roots(work_, name(), region, {}));
  TRY(index_types(work_.txn, name(), {}));
  TRY(index_waits(work_.txn, name(), {}));
  TRY(index_secret_asks(work_.txn, name(), {}));
  // Regions stay in the status as long as a workload of ours is still being taken down there.
  const auto& spec = deployment_.spec();
  auto& regions = *deployment_.mutable_status()->mutable_regions();
  for (int i = regions.size() - 1; i >= 0; --i) {
    const auto prefix =
        fmt::format("{}.{}.{}.workload.", regions[i].region(), spec.environment(), spec.application());
    const auto left = TRY(objects::list<v1::Resource>(work_.txn, {.limit = 1, .name_prefix = prefix}));
    if (left.empty()) {
      regions.DeleteSubrange(i, 1);
      continue;
    }
    regions[i].set_state("Leaving");
    // It is wanted again only when it is handed out again.
    regions[i].set_release(0);
    regions[i].set_message(fmt::format("waits until {} is gone", label_of(left.front())));
  }
  index_regions(work_.txn, name(), before_, region_names());
  if (regions.empty()) {
    TRY(erase_events(work_, "Deployment", name()));
    TRY(objects::erase(work_.txn, model::kind_of(deployment_), name()));
    return {};
  }
  return write_deleting(work_, deployment_);
}

Result<> Reconciliation::place() {
  std::vector<std::string> current;
  for (const auto& region : deployment_.status().regions()) {
    if (region.state() != "Leaving") current.push_back(region.region());
  }
  // What it wants or waits for says where it may be.
  std::optional<v1::Release> candidate;
  if (!release_ && deployment_.spec().candidate() != 0)
    candidate = TRY(get_release(work_.txn, deployment_.spec().application(), deployment_.spec().candidate()));
  const auto* definition = release_    ? &release_->spec().definition()
                           : candidate ? &candidate->spec().definition()
                                       : nullptr;
  places_ =
      TRY(find_places(work_.txn, *environment_, current, definition == nullptr ? "" : definition->regions()));
  std::map<std::string, const v1::RegionRollout*> known;
  for (const auto& region : deployment_.status().regions()) {
    known[region.region()] = &region;
    if (places_.regions.contains(region.region())) continue;
    if (auto left = TRY(objects::get<v1::Region>(work_.txn, region.region())))
      places_.regions.emplace(region.region(), *std::move(left));
  }
  const auto add = [&](const std::string& region_name, bool placed) -> Result<> {
    RegionNow now;
    now.name = region_name;
    now.placed = placed;
    if (const auto found = known.find(region_name); found != known.end())
      now.release = found->second->release();
    const auto region = places_.regions.find(region_name);
    if (region != places_.regions.end()) {
      const auto connection = connection_of(region->second);
      now.stale = !connection.connected;
      if (now.stale) now.message = connection.message;
    }
    now_[region_name] = std::move(now);
    return {};
  };
  // Where no region matches any more, what runs is left alone: a selector's mistake must not take it down.
  for (const auto& [region_name, rollout] : known) TRY(add(region_name, places_.placement.blocked));
  for (const auto& region_name : places_.placement.regions) TRY(add(region_name, true));
  return {};
}

RegionAsk Reconciliation::ask(const std::string& region, const v1::ReleaseSpec& release) const {
  RegionAsk ask;
  ask.deployment = &deployment_;
  ask.release = &release;
  ask.environment = &*environment_;
  ask.region = &places_.regions.at(region);
  ask.holds_release = now_.at(region).release == deployment_.spec().release();
  return ask;
}

Result<> Reconciliation::resolve_regions() {
  for (auto& [region, now] : now_) {
    if (!now.placed || !places_.regions.contains(region)) continue;
    auto graph = TRY(graph_of(work_.txn, profiles_, ask(region, release_->spec())));
    types_.insert(graph.types.begin(), graph.types.end());
    secrets_.insert(graph.secrets.begin(), graph.secrets.end());
    if (graph.refusal) {
      refused_[region] = *graph.refusal;
    } else {
      now.outdated = now.release == deployment_.spec().release() && graph.differs;
      outcome_.warnings.insert(graph.warnings.begin(), graph.warnings.end());
      graphs_[region] = std::move(graph);
    }
  }
  return {};
}

// A region keeps the release that it has for as long as the wanted one cannot be handed to it. What of that
// waits for digests is completed all the same, and nothing else of it is written.
Result<> Reconciliation::complete_older() {
  for (const auto& [region, now] : now_) {
    if (now.release == 0 || now.release == deployment_.spec().release() || !places_.regions.contains(region))
      continue;
    std::set<std::string> told;
    for (const auto& resource : TRY(resources_of(work_.txn, name(), region)))
      if (tells_images(resource)) told.insert(resource.name);
    if (told.empty()) continue;
    auto held = TRY(get_release(work_.txn, deployment_.spec().application(), now.release));
    if (!held) continue;
    TRY(record_digests(work_, deployment_, *held));
    auto older = ask(region, held->spec());
    older.holds_release = true;
    const auto graph = TRY(graph_of(work_.txn, profiles_, older));
    for (const auto& [resource, spec] : graph.changed) {
      const auto known = TRY(objects::get<v1::Resource>(work_.txn, resource));
      if (!told.contains(resource) || !known || !same_dependencies(known->spec(), spec)) continue;
      TRY(put_resource(work_, resource, spec));
    }
  }
  return {};
}

// Gives regions the wanted release, or takes away what they have, as far as the rollout allows now.
Result<> Reconciliation::roll() {
  for (auto& [region, now] : now_) {
    if (now.release == 0) continue;  // nothing was handed out there yet
    take_health(now, health_of(TRY(resources_of(work_.txn, name(), region))));
  }
  TRY(judge());
  for (bool moved = true; moved;) {
    RolloutInput input;
    input.failed = outcome_.pace.overdue;
    input.wanted = deployment_.spec().release();
    input.max_at_once = environment_->spec().guardrails().max_regions_at_once();
    for (const auto& [region, now] : now_) {
      if (!refused_.contains(region)) input.regions.push_back(now);
    }
    outcome_.rollout = roll_out(input);
    moved = false;
    for (const auto& next : outcome_.rollout.regions) {
      auto& now = now_.at(next.name);
      if (next.leave && refused_.empty()) {
        TRY(put_roots(work_, name(), next.name, {}));
        now_.erase(next.name);
        moved = true;
      } else if (next.advance) {
        TRY(advance(next, now));
        moved = true;
      }
    }
  }
  return {};
}

Result<> Reconciliation::advance(const RegionNext& next, RegionNow& now) {
  // What an earlier region wrote may be shared with this one only within the region: the graph still holds.
  TRY(write_graph(work_, ask(next.name, release_->spec()), graphs_.at(next.name)));
  now.release = next.release;
  now.outdated = false;
  take_health(now, health_of(TRY(resources_of(work_.txn, name(), next.name))));
  now.facts.anew = true;
  return {};
}

// Whether it comes nearer to its end.
Result<> Reconciliation::judge() {
  std::vector<RegionNow> regions;
  for (const auto& [region, now] : now_) {
    if (!refused_.contains(region)) regions.push_back(now);
  }
  const auto& policy = environment_->spec().rollout();
  outcome_.pace = TRY(pace_of(work_, deployment_, policy, regions));
  outcome_.failure = outcome_.pace.overdue.empty() ? "" : failure_text(deployment_, policy, outcome_.pace);
  return {};
}

// What a candidate asks for counts as well: a change of its profiles makes a newer one.
Result<> Reconciliation::add_candidate_types() {
  const auto candidate = deployment_.spec().candidate();
  if (candidate == 0 || places_.placement.regions.empty()) return {};
  const auto release = TRY(get_release(work_.txn, deployment_.spec().application(), candidate));
  if (!release) return {};
  const auto& region = places_.regions.at(places_.placement.regions.front());
  StoreSources sources(work_.txn);
  const auto graph = TRY(resolve(sources.input(deployment_.spec().application(), release->spec().definition(),
                                               *environment_, region, profiles_)));
  types_.insert(graph.types.begin(), graph.types.end());
  secrets_.insert(graph.secrets.begin(), graph.secrets.end());
  return {};
}

Result<> Reconciliation::run() {
  const auto& spec = deployment_.spec();
  environment_ = TRY(objects::get<v1::Environment>(work_.txn, spec.environment()));
  if (!environment_) {
    outcome_.blocked = Refusal{std::string(reasons::kNoEnvironment),
                               fmt::format("environment {} does not exist", spec.environment()), ""};
    return write_status(work_, deployment_, outcome_);
  }
  if (spec.release() != 0) {
    release_ = TRY(get_release(work_.txn, spec.application(), spec.release()));
    if (!release_)
      return fail(Code::kInternal,
                  fmt::format("release {}.{} is missing", spec.application(), spec.release()));
  }
  TRY(place());
  if (places_.placement.blocked)
    outcome_.blocked = Refusal{std::string(reasons::kNoRegion), places_.placement.message, ""};
  outcome_.placement_message = places_.placement.message;
  TRY(complete_older());
  if (release_) {
    TRY(record_digests(work_, deployment_, *release_));
    TRY(resolve_regions());
  }
  TRY(add_candidate_types());
  TRY(roll());
  TRY(judge());
  TRY(index_types(work_.txn, name(), {types_.begin(), types_.end()}));
  TRY(index_secret_asks(work_.txn, name(), secrets_));
  std::vector<std::string> after;
  for (const auto& [region, now] : now_) after.push_back(region);
  index_regions(work_.txn, name(), before_, after);
  std::set<std::string> obstacles;
  for (const auto& [region, refusal] : refused_) {
    if (!refusal.resource.empty()) obstacles.insert(refusal.resource);
    outcome_.refused.push_back({region, now_.at(region).release, refusal});
    if (!outcome_.blocked) outcome_.blocked = refusal;
  }
  const bool waits = std::ranges::any_of(now_, [&](const auto& entry) {
    return entry.second.placed && entry.second.release != spec.release() && !refused_.contains(entry.first);
  });
  if (waits) unmark(work_.txn, name(), true);
  TRY(index_waits(work_.txn, name(), {obstacles.begin(), obstacles.end()}));
  TRY(write_status(work_, deployment_, outcome_));
  if (deployment_.status().state() != "Failed") return {};
  return return_to_good(work_, deployment_, environment_->spec().rollout());
}

}  // namespace

Result<std::optional<WallTime>> reconcile_deployment(Work& work, const std::string& name) {
  // First, so that what this deployment itself gives up goes at once.
  unmark(work.txn, name, false);
  auto deployment = TRY(objects::get<v1::Deployment>(work.txn, name));
  if (!deployment) return std::nullopt;
  Reconciliation reconciliation(work, *deployment);
  TRY(deployment->spec().deleted() ? reconciliation.leave() : reconciliation.run());
  return reconciliation.due();
}

namespace {

// What the status says of a region, where that is all there is to know of it.
std::optional<RegionNow> as_stated(const v1::RegionRollout& known, std::uint32_t wanted) {
  RegionNow now;
  now.name = known.region();
  now.release = known.release();
  now.message = known.message();
  if (known.release() != wanted || known.outdated()) return std::nullopt;
  now.facts.replicas = {known.ready(), known.replicas(), known.restarts()};
  now.facts.reached = known.reached();
  now.facts.blamed = known.has_progressed();
  if (known.state() == "Ready") {
    now.health = Health::kReady;
  } else if (known.state() == "Stalled") {
    now.health = Health::kStalled;
  } else if (known.state() == "RollingOut") {
    now.health = Health::kProgressing;
  } else {
    return std::nullopt;
  }
  return now;
}

// `images`: set where something was found out about them.
Result<RegionNow> as_reported(const Reader& reader, const std::string& deployment,
                              const v1::RegionRollout& known, std::uint32_t wanted, bool& images) {
  RegionNow now;
  now.name = known.region();
  now.placed = known.state() != "Leaving";
  now.release = known.release();
  // By its state alone in what an older hub has stored.
  now.outdated = known.outdated() || (wanted != 0 && known.state() == "Waiting" && known.release() == wanted);
  const auto resources = TRY(resources_of(reader, deployment, known.region()));
  images = images || std::ranges::any_of(resources, tells_images);
  take_health(now, health_of(resources));
  if (const auto region = TRY(objects::get<v1::Region>(reader, known.region()))) {
    const auto connection = connection_of(*region);
    now.stale = !connection.connected;
    if (now.stale) now.message = connection.message;
  }
  return now;
}

}  // namespace

Result<Refreshed> refresh_deployment(Work& work, const std::string& name,
                                     const std::set<std::string>& touched) {
  auto deployment = TRY(objects::get<v1::Deployment>(work.txn, name));
  if (!deployment) return Refreshed();
  const auto& status = deployment->status();
  const auto count = static_cast<size_t>(status.regions_size());
  const auto reconcile = [&]() -> Result<Refreshed> {
    const auto due = TRY(reconcile_deployment(work, name));
    return Refreshed{count, due};
  };
  if (deployment->spec().deleted() || status.state() == "Blocked" || needs_reconcile(*deployment))
    return reconcile();
  bool images = false;
  RolloutInput input;
  input.wanted = deployment->spec().release();
  const auto environment = TRY(objects::get<v1::Environment>(work.txn, deployment->spec().environment()));
  if (environment) input.max_at_once = environment->spec().guardrails().max_regions_at_once();
  for (const auto& known : status.regions()) {
    auto now =
        touched.empty() || touched.contains(known.region()) ? std::nullopt : as_stated(known, input.wanted);
    if (!now) now = TRY(as_reported(work.txn, name, known, input.wanted, images));
    input.regions.push_back(*std::move(now));
  }
  if (images) return reconcile();
  Outcome outcome;
  const auto policy = environment ? environment->spec().rollout() : v1::RolloutPolicy();
  outcome.pace = TRY(pace_of(work, *deployment, policy, input.regions));
  if (!outcome.pace.overdue.empty()) {
    if (status.state() != "Failed") return reconcile();
    outcome.failure = failure_text(*deployment, policy, outcome.pace);
  }
  input.failed = outcome.pace.overdue;
  outcome.rollout = roll_out(input);
  for (const auto& next : outcome.rollout.regions) {
    if (next.leave || next.advance) return reconcile();
  }
  TRY(refresh_status(work, *deployment, outcome));
  return Refreshed{count, outcome.pace.due};
}

}  // namespace qleet::hub::controllers
