#include "hub/controllers/store_offers.h"

#include <algorithm>
#include <map>
#include <set>

#include "hub/controllers/delivery.h"
#include "hub/controllers/pending.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"

namespace qleet::hub::controllers {
namespace {

// What others can see of it.
std::map<std::string, std::string> offers_of(const v1::Application* application) {
  std::map<std::string, std::string> offers;
  if (application == nullptr) return offers;
  for (const auto& [name, workload] : application->spec().workloads())
    for (const auto& id : workload.offers())
      offers[id] = name + "\n" + objects::serialize(workload.score().service());
  return offers;
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
    for (const auto& [name, workload] : application->spec().workloads()) {
      if (std::ranges::find(workload.offers(), id) == workload.offers().end()) continue;
      return Offered{application->metadata().name(), name, workload.score().service()};
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

Result<> wake_askers(Work& work, const v1::Application* before, const v1::Application* after) {
  const auto old = offers_of(before);
  const auto now = offers_of(after);
  const auto old_places = places_of(before);
  auto places = places_of(after);
  if (old == now && (old_places == places || now.empty())) return {};
  places.insert(old_places.begin(), old_places.end());
  std::set<std::string> askers;
  for (const auto type : {kServiceType, kEndpointType})
    for (const auto& entry : TRY(work.txn.scan({.prefix = keys::type(type, "")})))
      askers.insert(std::string(keys::last(entry.key)));
  for (const auto& name : askers) {
    const auto deployment = TRY(objects::get<v1::Deployment>(work.txn, name));
    if (deployment && places.contains(deployment->spec().environment())) TRY(reconcile_again(work, name));
  }
  return {};
}

}  // namespace qleet::hub::controllers
