#include "hub/controllers/places.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "common/clock/duration.h"
#include "common/model/model.h"
#include "common/model/reasons.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/pending.h"
#include "hub/controllers/times.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"

namespace qleet::hub::controllers {
namespace {

bool may_use(const v1::Environment& environment, const v1::Region& region) {
  return model::matches(environment.spec().regions().selector(), region.metadata().labels());
}

Result<> set_regions(Work& work, v1::Environment& environment, std::vector<std::string> regions) {
  std::ranges::sort(regions);
  auto& status = *environment.mutable_status();
  status.clear_regions();
  for (auto& region : regions) status.add_regions(std::move(region));
  ConditionValue placed{reasons::kPlaced, !status.regions().empty(), reasons::kAvailable, "",
                        environment.metadata().generation()};
  if (!placed.is_true) {
    placed.reason = reasons::kNoRegion;
    placed.message =
        fmt::format("no region matches the selector \"{}\"", environment.spec().regions().selector());
  }
  set_condition(*status.mutable_conditions(), placed, work.now());
  if (TRY(objects::put_status(work.txn, environment)) == objects::Written::kNothing) return {};
  return mark_environment(work.txn, environment.metadata().name());
}

// Said only where it is, or was, cordoned.
Result<> show_cordon(Work& work, v1::Region& region) {
  const bool cordoned = region.spec().cordoned();
  auto& conditions = *region.mutable_status()->mutable_conditions();
  if (!cordoned && find_condition(conditions, reasons::kSchedulable) == nullptr) return {};
  set_condition(conditions,
                {reasons::kSchedulable, !cordoned, cordoned ? reasons::kCordoned : reasons::kAvailable,
                 cordoned ? "takes nothing new; what is there stays" : "", region.metadata().generation()},
                work.now());
  TRY(objects::put_status(work.txn, region));
  return {};
}

// Nullopt: connected.
std::optional<std::string> why_away(const v1::Agent& agent) {
  const auto& name = agent.metadata().name();
  if (agent.spec().revoked() || agent.status().state() == "Revoked")
    return fmt::format("its agent {} was revoked", name);
  if (agent.status().state() == "Connected") return std::nullopt;
  if (agent.status().state() != "Lost") return fmt::format("its agent {} has not connected yet", name);
  if (!agent.status().has_since()) return fmt::format("its agent {} is away", name);
  return fmt::format("its agent {} is away since {}", name,
                     format_time(from_timestamp(agent.status().since())));
}

}  // namespace

Result<> refresh_environment(Work& work, const std::string& name) {
  auto environment = TRY(objects::get<v1::Environment>(work.txn, name));
  if (!environment) return {};
  const std::set<std::string> placed(environment->status().regions().begin(),
                                     environment->status().regions().end());
  std::vector<std::string> regions;
  for (const auto& entry :
       TRY(work.txn.scan(objects::range(model::kind_of(v1::Region::default_instance()), {})))) {
    v1::Region region;
    const std::string name(keys::last(entry.key));
    // One that cannot be read neither comes nor goes.
    if (const auto read = objects::decode_into(entry, region); !read) {
      objects::log_left_out(entry, read.error());
      if (placed.contains(name)) regions.push_back(name);
    } else if (may_use(*environment, region)) {
      regions.push_back(name);
    }
  }
  return set_regions(work, *environment, std::move(regions));
}

Result<> refresh_region(Work& work, const std::string& name) {
  TRY(refresh_regions(work, {name}));
  return {};
}

Result<size_t> refresh_regions(Work& work, const std::set<std::string>& names) {
  std::map<std::string, std::optional<v1::Region>> regions;
  for (const auto& name : names) {
    const auto entry = TRY(work.txn.get(objects::key(model::kind_of(v1::Region::default_instance()), name)));
    v1::Region region;
    // One that cannot be read neither comes nor goes.
    if (const auto read = entry ? objects::decode_into(*entry, region) : Result<>(); !read)
      objects::log_left_out(*entry, read.error());
    else
      regions[name] = entry ? std::optional(std::move(region)) : std::nullopt;
  }
  for (auto& [name, region] : regions) {
    if (region) TRY(show_cordon(work, *region));
  }
  size_t most = 0;
  for (auto& environment : TRY(objects::list_readable<v1::Environment>(work.txn))) {
    std::set<std::string> placed(environment.status().regions().begin(),
                                 environment.status().regions().end());
    bool changed = false;
    for (const auto& [name, region] : regions) {
      const bool shall = region && may_use(environment, *region);
      if (shall) {
        changed = placed.insert(name).second || changed;
      } else {
        changed = placed.erase(name) > 0 || changed;
      }
    }
    most = std::max(most, placed.size());
    if (changed) TRY(set_regions(work, environment, {placed.begin(), placed.end()}));
  }
  return most;
}

Result<> refresh_agent(Work& work, const std::string& name) {
  const auto agent = TRY(objects::get<v1::Agent>(work.txn, name));
  if (!agent) return {};
  auto region = TRY(objects::get<v1::Region>(work.txn, agent->spec().region()));
  if (!region) return {};
  auto& status = *region->mutable_status();
  // A revoked agent that another one has replaced says nothing of the region any more.
  if (agent->spec().revoked() && !status.agent().empty() && status.agent() != name) return {};
  status.set_agent(name);
  const auto away = why_away(*agent);
  set_condition(*status.mutable_conditions(),
                {reasons::kConnected, !away, away ? reasons::kStale : reasons::kAvailable, away.value_or(""),
                 region->metadata().generation()},
                work.now());
  TRY(objects::put_status(work.txn, *region));
  return {};
}

std::string label_key(const v1::Region& region) {
  const auto& labels = region.metadata().labels();
  const std::map<std::string_view, std::string_view> sorted(labels.begin(), labels.end());
  return fmt::format("{}", fmt::join(sorted, "\n"));
}

std::vector<const v1::Region*> unlike_regions(const Places& places) {
  std::map<std::string, const v1::Region*> chosen;
  for (const auto& name : places.placement.regions) {
    const auto& region = places.regions.at(name);
    auto& one = chosen[label_key(region)];
    if (one == nullptr || one->metadata().name().size() < name.size()) one = &region;
  }
  std::vector<const v1::Region*> regions;
  for (const auto& [labels, region] : chosen) regions.push_back(region);
  return regions;
}

Result<Places> find_places(const Reader& reader, const v1::Environment& environment,
                           const std::vector<std::string>& current, const std::string& narrowed) {
  Places places;
  std::vector<const v1::Region*> usable;  // of places.regions
  const auto load = [&](const std::string& name) -> Result<> {
    if (places.regions.contains(name)) return {};
    auto region = TRY(objects::get<v1::Region>(reader, name));
    if (!region) return {};
    usable.push_back(&places.regions.emplace(name, *std::move(region)).first->second);
    return {};
  };
  for (const auto& name : environment.status().regions()) TRY(load(name));
  for (const auto& name : current) TRY(load(name));
  auto choice = environment.spec().regions();
  if (!narrowed.empty())
    choice.set_selector(choice.selector().empty() ? narrowed
                                                  : fmt::format("{},{}", choice.selector(), narrowed));
  places.placement = place(choice, usable, current, environment.metadata().name());
  if (places.placement.blocked) {
    const auto all = TRY(objects::list<v1::Region>(reader));
    usable.clear();
    for (const auto& region : all) usable.push_back(&region);
    places.placement = place(choice, usable, current, environment.metadata().name());
  }
  if (!narrowed.empty() && !places.placement.message.empty())
    places.placement.message +=
        fmt::format(" (\"{}\" is the application's own choice, spec.regions)", narrowed);
  std::set<std::string> kept(places.placement.regions.begin(), places.placement.regions.end());
  kept.insert(current.begin(), current.end());
  std::erase_if(places.regions, [&](const auto& entry) { return !kept.contains(entry.first); });
  for (const auto& name : places.placement.regions) TRY(load(name));
  return places;
}

}  // namespace qleet::hub::controllers
