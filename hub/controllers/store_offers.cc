#include "hub/controllers/store_offers.h"

#include <algorithm>
#include <map>
#include <set>

#include "hub/controllers/delivery.h"
#include "hub/controllers/pending.h"
#include "hub/controllers/releases.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"

namespace qleet::hub::controllers {
namespace {

// What others can see of it.
std::map<std::string, std::string> offers_of(const v1::ApplicationSpec& spec) {
  std::map<std::string, std::string> offers;
  for (const auto& [name, workload] : spec.workloads())
    for (const auto& id : workload.offers())
      offers[id] = name + "\n" + objects::serialize(workload.score().service());
  return offers;
}

std::map<std::string, std::string> offers_of(const v1::Application* application) {
  return application == nullptr ? std::map<std::string, std::string>() : offers_of(application->spec());
}

// Of the release that the deployment wants; nothing where it wants none.
Result<std::optional<v1::ApplicationSpec>> wanted_by(const Reader& reader, const v1::Deployment* deployment) {
  if (deployment == nullptr || deployment->spec().deleted()) return std::nullopt;
  const auto& spec = deployment->spec();
  const auto release = TRY(get_release(reader, spec.application(), spec.release()));
  if (!release) return std::nullopt;
  return release->spec().definition();
}

Result<> wake_in(Work& work, const std::set<std::string>& environments) {
  std::set<std::string> askers;
  for (const auto type : {kServiceType, kEndpointType})
    for (const auto& entry : TRY(work.txn.scan({.prefix = keys::type(type, "")})))
      askers.insert(std::string(keys::last(entry.key)));
  for (const auto& name : askers) {
    const auto deployment = TRY(objects::get<v1::Deployment>(work.txn, name));
    if (deployment && environments.contains(deployment->spec().environment()))
      TRY(reconcile_again(work, name));
  }
  return {};
}

// Ids alone.
std::set<std::string> ids_of(const std::optional<v1::ApplicationSpec>& spec) {
  std::set<std::string> ids;
  if (!spec) return ids;
  for (const auto& [name, workload] : spec->workloads())
    ids.insert(workload.offers().begin(), workload.offers().end());
  return ids;
}

std::uint32_t wanted_release(const v1::Deployment* deployment) {
  return deployment == nullptr || deployment->spec().deleted() ? 0 : deployment->spec().release();
}

std::set<std::string> places_of(const v1::Application* application) {
  std::set<std::string> places;
  if (application != nullptr)
    for (const auto& environment : environments_of(application->spec())) places.insert(environment);
  return places;
}

}  // namespace

Result<std::optional<Offered>> StoreOffers::find(std::string_view environment, std::string_view id) {
  for (const auto& entry : TRY(reader_.scan({.prefix = keys::offer(environment, id, "")}))) {
    const auto application = TRY(objects::get<v1::Application>(reader_, keys::last(entry.key)));
    if (!application || application->metadata().has_deletion_timestamp()) continue;
    const auto deployment = TRY(
        objects::get<v1::Deployment>(reader_, deployment_name(application->metadata().name(), environment)));
    const auto wanted = TRY(wanted_by(reader_, deployment ? &*deployment : nullptr));
    for (const auto* spec : {wanted ? &*wanted : nullptr, &application->spec()}) {
      if (spec == nullptr) continue;
      for (const auto& [name, workload] : spec->workloads()) {
        if (std::ranges::find(workload.offers(), id) != workload.offers().end())
          return Offered{application->metadata().name(), name, workload.score().service()};
      }
    }
  }
  return std::nullopt;
}

Result<std::optional<std::string>> offered_by_other(const Reader& reader, std::string_view environment,
                                                    std::string_view id, std::string_view application) {
  for (const auto& entry : TRY(reader.scan({.prefix = keys::offer(environment, id, "")}))) {
    const auto other = keys::last(entry.key);
    if (other == application) continue;
    const auto found = TRY(objects::get<v1::Application>(reader, other));
    if (found && !found->metadata().has_deletion_timestamp()) return std::string(other);
  }
  return std::nullopt;
}

Result<> keep_wanted_offers(Txn& txn, const v1::Application* before, const v1::Application& after) {
  if (before == nullptr) return {};
  const auto& name = after.metadata().name();
  for (const auto& environment : places_of(before)) {
    const auto deployment = TRY(objects::get<v1::Deployment>(txn, deployment_name(name, environment)));
    const auto wanted = TRY(wanted_by(txn, deployment ? &*deployment : nullptr));
    for (const auto& id : ids_of(wanted)) txn.put(keys::offer(environment, id, name), "");
  }
  return {};
}

Result<> wake_askers(Work& work, const v1::Application* before, const v1::Application* after) {
  const auto old = offers_of(before);
  const auto now = offers_of(after);
  const auto old_places = places_of(before);
  auto places = places_of(after);
  if (old == now && (old_places == places || now.empty())) return {};
  places.insert(old_places.begin(), old_places.end());
  return wake_in(work, places);
}

Result<> follow_offers(Work& work, const v1::Deployment* before, const v1::Deployment& after) {
  if (wanted_release(before) == wanted_release(&after)) return {};
  const auto& environment = after.spec().environment();
  const auto& name = after.spec().application();
  const auto old = TRY(wanted_by(work.txn, before));
  const auto now = TRY(wanted_by(work.txn, &after));
  const auto offered = ids_of(now);
  std::set<std::string> applied;
  if (const auto application = TRY(objects::get<v1::Application>(work.txn, name));
      application && places_of(&*application).contains(environment))
    applied = ids_of(application->spec());
  for (const auto& id : ids_of(old))
    if (!offered.contains(id) && !applied.contains(id)) work.txn.erase(keys::offer(environment, id, name));
  for (const auto& id : offered) work.txn.put(keys::offer(environment, id, name), "");
  const auto none = v1::ApplicationSpec();
  if (offers_of(old ? *old : none) == offers_of(now ? *now : none)) return {};
  return wake_in(work, {environment});
}

}  // namespace qleet::hub::controllers
