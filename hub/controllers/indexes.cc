#include "hub/controllers/indexes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "hub/controllers/delivery.h"
#include "hub/store/keys.h"

namespace qleet::hub::controllers {
namespace {

using Keys = std::set<std::string>;

void replace(Txn& txn, const Keys& before, const Keys& after) {
  for (const auto& key : before) {
    if (!after.contains(key)) txn.erase(key);
  }
  for (const auto& key : after) {
    if (!before.contains(key)) txn.put(key, "");
  }
}

Keys keys_of(const v1::Application* application) {
  Keys found;
  if (application == nullptr) return found;
  const auto& name = application->metadata().name();
  for (const auto& environment : environments_of(application->spec())) {
    found.insert(keys::app_env(environment, name));
    for (const auto& [workload, definition] : application->spec().workloads())
      for (const auto& id : definition.offers()) found.insert(keys::offer(environment, id, name));
  }
  for (const auto& [workload, definition] : application->spec().workloads()) {
    if (definition.has_builds()) found.insert(keys::image(definition.builds().image(), name));
  }
  return found;
}

Keys keys_of(const v1::Profile* profile) {
  if (profile == nullptr) return {};
  return {keys::profile_type(profile->spec().satisfies().type(), profile->metadata().name())};
}

}  // namespace

void index_application(Txn& txn, const v1::Application* before, const v1::Application* after) {
  replace(txn, keys_of(before), keys_of(after));
}

void index_profile(Txn& txn, const v1::Profile* before, const v1::Profile* after) {
  replace(txn, keys_of(before), keys_of(after));
  txn.put(kProfilesChanged, "");
  if (after == nullptr) return;
  txn.put(keys::profile_rev(after->metadata().name(), after->metadata().generation()),
          objects::serialize(*after));
}

Result<> replace_list(Txn& txn, const std::string& list_key, KeyOf key_of, const std::string& deployment,
                      const std::vector<std::string>& items) {
  const auto list = fmt::format("{}", fmt::join(items, ","));
  const auto stored = TRY(txn.get(list_key));
  const std::string old = stored ? stored->value : "";
  if (old == list) return {};
  Keys before;
  for (size_t begin = 0; begin < old.size();) {
    const auto end = std::min(old.find(',', begin), old.size());
    before.insert(key_of(old.substr(begin, end - begin), deployment));
    begin = end + 1;
  }
  Keys after;
  for (const auto& item : items) after.insert(key_of(item, deployment));
  replace(txn, before, after);
  if (list.empty()) {
    txn.erase(list_key);
  } else {
    txn.put(list_key, list);
  }
  return {};
}

Result<> index_types(Txn& txn, const std::string& deployment, const std::vector<std::string>& types) {
  return replace_list(txn, keys::types(deployment), keys::type, deployment, types);
}

Result<> index_waits(Txn& txn, const std::string& deployment, const std::vector<std::string>& resources) {
  return replace_list(txn, keys::waits_of(deployment), keys::waits, deployment, resources);
}

void index_regions(Txn& txn, const std::string& deployment, const std::vector<std::string>& before,
                   const std::vector<std::string>& after) {
  Keys old;
  Keys fresh;
  for (const auto& region : before) old.insert(keys::region_dep(region, deployment));
  for (const auto& region : after) fresh.insert(keys::region_dep(region, deployment));
  replace(txn, old, fresh);
}

}  // namespace qleet::hub::controllers
