#include "hub/controllers/pending.h"

#include <algorithm>
#include <set>

#include "common/model/reasons.h"
#include "hub/controllers/deployments.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/store_offers.h"
#include "hub/store/keys.h"

namespace qleet::hub::controllers {
namespace {

constexpr std::string_view kWaits = "waits";

void mark(Txn& txn, std::string_view deployment) { txn.put(keys::pending(deployment), ""); }

bool waits_in(const v1::Deployment& deployment, const std::string& region) {
  const auto& regions = deployment.status().regions();
  const auto found = std::ranges::find(regions, region, &v1::RegionRollout::region);
  return found != regions.end() && found->state() != "Leaving" &&
         found->release() != deployment.spec().release();
}

}  // namespace

Result<> put_deployment(Work& work, v1::Deployment& deployment) {
  const auto before = TRY(objects::get<v1::Deployment>(work.txn, deployment.metadata().name()));
  TRY(objects::put(work.txn, deployment, work.stamp));
  TRY(follow_offers(work, before ? &*before : nullptr, deployment));
  if (!deployment.spec().deleted() && needs_reconcile(deployment))
    mark(work.txn, deployment.metadata().name());
  return {};
}

Result<> mark_environment(Txn& txn, const std::string& environment) {
  for (const auto& entry : TRY(txn.scan({.prefix = keys::app_env(environment, "")})))
    mark(txn, deployment_name(std::string(keys::last(entry.key)), environment));
  return {};
}

Result<> mark_region(Txn& txn, const std::string& region) {
  for (const auto& entry : TRY(txn.scan({.prefix = keys::region_dep(region, "")})))
    mark(txn, keys::last(entry.key));
  return {};
}

Result<> mark_profile(Txn& txn, const v1::Profile* before, const v1::Profile& after) {
  std::set<std::string> types{after.spec().satisfies().type()};
  if (before != nullptr) types.insert(before->spec().satisfies().type());
  for (const auto& type : types)
    for (const auto& entry : TRY(txn.scan({.prefix = keys::type(type, "")})))
      mark(txn, keys::last(entry.key));
  return {};
}

Result<> reconcile_again(Work& work, const std::string& name) {
  auto deployment = TRY(objects::get<v1::Deployment>(work.txn, name));
  if (!deployment || deployment->spec().deleted()) return {};
  for (auto& condition : *deployment->mutable_status()->mutable_conditions())
    if (condition.type() == reasons::kResolved) condition.set_observed_generation(0);
  TRY(objects::put_status(work.txn, *deployment));
  mark(work.txn, name);
  return {};
}

void unmark(Txn& txn, const std::string& deployment, bool waits) {
  if (waits)
    txn.put(keys::pending(deployment), std::string(kWaits));
  else
    txn.erase(keys::pending(deployment));
}

Result<bool> is_pending(const Reader& reader, std::string_view deployment) {
  const auto entry = TRY(reader.get(keys::pending(deployment)));
  return entry && entry->value != kWaits;
}

Result<std::optional<std::string>> may_be_asked_for(const Reader& reader, const v1::ResourceSpec& resource) {
  for (const auto& entry : TRY(reader.scan({.prefix = keys::pending("")}))) {
    std::string name(keys::last(entry.key));
    const auto deployment = TRY(objects::get<v1::Deployment>(reader, name));
    if (!deployment || deployment->spec().deleted()) continue;
    const auto& spec = deployment->spec();
    if (!resource.environment().empty() && resource.environment() != spec.environment()) continue;
    if (!resource.application().empty() && resource.application() != spec.application()) continue;
    if (entry.value == kWaits && !waits_in(*deployment, resource.region())) continue;
    return name;
  }
  return std::nullopt;
}

}  // namespace qleet::hub::controllers
