#include "tests/unit/histories/late_agents.h"

#include <algorithm>

#include "hub/controllers/resources.h"
#include "hub/fleet/status_merge.h"
#include "hub/store/keys.h"

namespace qleet::hub::tests {

// What changed in its region since it heard last, as dispatch finds it: by x/region-pos.
bool LateAgents::hear(Scene& scene, const std::string& region, Agent& agent) {
  const auto reader = scene.store->snapshot().value();
  const auto prefix = keys::below("x/region-pos", region);
  Range range{.prefix = prefix};
  if (agent.position != 0) range.after = prefix + keys::hex16(agent.position) + "/\xff";
  const auto changed = reader->scan(range).value();
  for (const auto& entry : changed) {
    const std::string name(keys::last(entry.key));
    const auto resource = objects::get<v1::Resource>(*reader, name).value();
    if (!resource) throw Broken("x/region-pos names what is not there: " + name);
    auto& told = agent.told[name];
    told = {resource->metadata().uid(),
            resource->spec().hash(),
            resource->metadata().generation(),
            resource->spec().deleted(),
            {}};
    for (const auto& [alias, needed] : resource->spec().dependencies()) told.needs.insert(needed);
  }
  agent.position = reader->revision();
  return !changed.empty();
}

void LateAgents::report(Agent& agent, const std::string& name, const std::string& state) {
  const auto& told = agent.told.at(name);
  wire::v1::ResourceReport report;
  report.set_name(name);
  report.set_generation(told.generation);
  report.set_hash(told.hash);
  report.set_state(state);
  report.set_gone(state == "Gone");
  report.set_version(++version_);
  agent.reports.push_back(std::move(report));
}

// False: nothing can be done about it now.
bool LateAgents::act(Agent& agent, const std::string& name, bool may_fail) {
  auto& told = agent.told.at(name);
  const auto made = agent.made.find(name);
  if (told.deleted) {
    const bool needed = std::ranges::any_of(agent.made, [&](const auto& other) {
      return other.first != name && other.second.needs.contains(name);
    });
    if (needed) return false;
    if (made != agent.made.end()) agent.made.erase(made);
    const bool told_already = std::ranges::any_of(agent.reports, [&](const auto& report) {
      return report.name() == name && report.gone() && report.generation() == told.generation;
    });
    if (!told_already) report(agent, name, "Gone");
    return !told_already;
  }
  if (made != agent.made.end() && made->second.uid == told.uid && made->second.generation == told.generation)
    return false;
  const bool ready = std::ranges::all_of(told.needs, [&](const std::string& needed) {
    const auto known = agent.told.find(needed);
    const auto there = agent.made.find(needed);
    return known != agent.told.end() && there != agent.made.end() && !known->second.deleted &&
           there->second.generation == known->second.generation && there->second.uid == known->second.uid;
  });
  if (!ready) return false;
  if (may_fail && dice_.chance(6)) {
    report(agent, name, "Stalled");
    return true;
  }
  agent.made[name] = {told.uid, told.generation, told.needs};
  report(agent, name, "Ready");
  return true;
}

// As the fleet does it.
void LateAgents::deliver(Scene& scene, const std::string& region, Agent& agent,
                         const wire::v1::ResourceReport& report) {
  bool erased = false;
  const auto epoch = scene.store->identity().epoch;
  const auto done = scene.write([&](Txn& txn) -> Result<> {
    erased = false;
    auto resource = TRY(objects::get<v1::Resource>(txn, report.name()));
    v1::Resource none;
    auto& stored = resource ? *resource : none;
    const Judged judged{stored.spec().region(), stored.metadata().generation(), stored.spec().deleted(),
                        stored.status()};
    const auto verdict = judge(resource ? &judged : nullptr, report, Reporter{region, epoch, {}});
    if (verdict == Merge::kWrite) {
      write_status(*resource->mutable_status(), report, {"boot", epoch, scene.clock.wall()});
      TRY(objects::put_status(txn, *resource));
    } else if (verdict == Merge::kErase) {
      controllers::Work work{txn, {scene.clock.wall(), scene.random}};
      TRY(controllers::erase_resource(work, report.name()));
      erased = true;
    }
    return {};
  });
  if (!done) throw Broken(done.error().message);
  if (!report.gone()) return;
  if (erased) erased_.insert(report.name());
  // Confirmed: the agent forgets it, unless it was told otherwise since.
  const auto told = agent.told.find(report.name());
  if (told != agent.told.end() && told->second.deleted && told->second.generation == report.generation())
    agent.told.erase(told);
}

void LateAgents::step(Scene& scene) {
  auto at = agents_.begin();
  std::advance(at, static_cast<long>(dice_.below(agents_.size())));
  auto& [region, agent] = *at;
  const auto what = dice_.below(6);
  if (what == 0 && !agent.away) hear(scene, region, agent);
  if (what >= 1 && what <= 3 && !agent.told.empty()) {
    // Starting anywhere, the first that something can be done about.
    std::vector<std::string> names;
    for (const auto& [name, told] : agent.told) names.push_back(name);
    const auto first = dice_.below(names.size());
    for (size_t i = 0; i < names.size(); ++i) {
      if (act(agent, names[(first + i) % names.size()], true)) break;
    }
  }
  if (what >= 4 && !agent.away && !agent.reports.empty()) {
    const auto which = agent.reports.begin() + static_cast<long>(dice_.below(agent.reports.size()));
    const auto report = *which;
    if (!dice_.chance(15)) agent.reports.erase(which);
    deliver(scene, region, agent, report);
  }
}

bool LateAgents::finish(Scene& scene) {
  bool any = false;
  for (auto& [region, agent] : agents_) {
    if (agent.away) continue;
    any |= hear(scene, region, agent);
    for (bool acted = true; acted;) {
      acted = false;
      for (auto it = agent.told.begin(); it != agent.told.end(); ++it) acted |= act(agent, it->first, false);
      any |= acted;
    }
    for (auto reports = std::exchange(agent.reports, {}); const auto& report : reports) {
      any = true;
      deliver(scene, region, agent, report);
    }
  }
  return any;
}

std::set<std::string> LateAgents::held() const {
  std::set<std::string> names;
  for (const auto& [region, agent] : agents_) {
    for (const auto& [name, made] : agent.made) names.insert(name);
  }
  return names;
}

}  // namespace qleet::hub::tests
