#include "tests/support/sim_agent.h"

#include <algorithm>

namespace qleet::testing {

void SimAgent::work() {
  for (auto& [name, entry] : held) {
    if (!entry.resource.deleted() || entry.gone) continue;
    world.erase(name);
    entry.gone = true;
    say(name, "Deleting", true);
  }
}

void SimAgent::touch(const std::string& name) {
  if (held.contains(name) && !held[name].resource.deleted()) say(name, "Degraded", false);
}

void SimAgent::add_event(const std::string& id, const std::string& resource, const std::string& message) {
  wire::v1::EventReport event;
  event.set_id(id);
  event.set_resource(resource);
  event.set_type("Normal");
  event.set_reason("Creating");
  event.set_message(message);
  events_.push_back(std::move(event));
  if (changed_) changed_("");
}

bool SimAgent::reports_confirmed() const {
  return events_.empty() && std::ranges::all_of(reports_, [&](const auto& item) {
           const auto it = confirmed_.find(item.first);
           return it != confirmed_.end() && it->second >= item.second.version();
         });
}

Result<agent::Holding> SimAgent::holding() {
  agent::Holding out{epoch, position, {}, lineage};
  for (const auto& [name, entry] : held)
    out.resources.push_back({name, entry.resource.generation(), entry.resource.hash(), entry.epoch,
                             entry.resource.deleted(), entry.resource.uid(), entry.kept});
  return out;
}

Result<> SimAgent::commit(const agent::DesiredChange& change) {
  if (!disk()) return fail(Code::kFull, "the disk is full");
  ++commits;
  epoch = change.epoch;
  lineage = change.lineage;
  position = change.position;
  for (const auto& resource : change.put) {
    const std::string& name = resource.name();
    const auto before = held.find(name);
    if (resource.deleted() && before != held.end() && !before->second.resource.deleted())
      on_delete(name, before->second, change.epoch, resource);
    const bool kept = std::ranges::find(change.kept, name) != change.kept.end();
    const bool same = before != held.end() && before->second.resource.uid() == resource.uid() &&
                      before->second.resource.generation() == resource.generation() &&
                      before->second.resource.hash() == resource.hash() &&
                      before->second.resource.deleted() == resource.deleted();
    if (same) {
      // Restated as it was: nothing to do, and nothing to report.
      before->second.epoch = change.epoch;
      before->second.kept = kept;
      continue;
    }
    held[name] = {resource, change.epoch, false, kept};
    if (resource.deleted()) continue;
    world[name] = {resource.generation(), resource.hash()};
    say(name, "Ready", false);
  }
  for (const auto& name : change.disown)
    if (const auto it = held.find(name); it != held.end()) it->second.epoch.clear();
  for (const auto& name : change.forget) {
    held.erase(name);
    reports_.erase(name);
    confirmed_.erase(name);
  }
  return {};
}

void SimAgent::say(const std::string& name, const std::string& state, bool gone) {
  auto& report = reports_[name];
  const auto version =
      std::max<std::uint64_t>(report.version() + 1, clock_.wall().time_since_epoch().count());
  report.Clear();
  report.set_name(name);
  report.set_generation(held[name].resource.generation());
  report.set_hash(held[name].resource.hash());
  report.set_state(state);
  report.set_gone(gone);
  report.set_version(version);
  if (changed_) changed_(name);
}

std::vector<std::string> SimAgent::unconfirmed() {
  std::vector<std::string> names;
  for (const auto& [name, report] : reports_)
    if (!confirmed_.contains(name) || confirmed_[name] < report.version()) names.push_back(name);
  return names;
}

std::optional<wire::v1::ResourceReport> SimAgent::report(const std::string& name) {
  const auto it = reports_.find(name);
  if (it == reports_.end()) return std::nullopt;
  return it->second;
}

Result<> SimAgent::confirm(const std::vector<agent::ReportVersion>& versions) {
  if (!disk()) return fail(Code::kFull, "the disk is full");
  for (const auto& version : versions) {
    if (!reports_.contains(version.name)) continue;
    auto& confirmed = confirmed_[version.name];
    confirmed = std::max(confirmed, version.version);
  }
  return {};
}

Result<> SimAgent::unconfirm_all() {
  if (!disk()) return fail(Code::kFull, "the disk is full");
  confirmed_.clear();
  return {};
}

std::vector<wire::v1::EventReport> SimAgent::events(size_t limit) {
  return {events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(std::min(limit, events_.size()))};
}

Result<> SimAgent::confirm_events(const std::vector<std::string>& ids) {
  std::erase_if(events_, [&](const auto& event) { return std::ranges::find(ids, event.id()) != ids.end(); });
  return {};
}

}  // namespace qleet::testing
