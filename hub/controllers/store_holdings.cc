#include "hub/controllers/store_holdings.h"

#include <algorithm>

#include "hub/controllers/resources.h"
#include "hub/store/keys.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {
namespace {

// The parts of a list, which may be empty.
std::vector<std::string_view> split(std::string_view list, char separator) {
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    const auto end = std::min(list.find(separator), list.size());
    parts.push_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return parts;
}

}  // namespace

Result<bool> StoreHoldings::holds(std::string_view user, std::string_view alias, std::string_view resource) {
  const auto edge = TRY(reader_.get(keys::uses(user_of_resource(user), resource)));
  if (!edge) return false;
  return std::ranges::any_of(split(edge->value, ','), [&](std::string_view held) {
    // Where a workload's profile requires something under the name of one of its own.
    constexpr std::string_view kRequires = "requires-";
    while (held != alias && held.starts_with(kRequires)) held.remove_prefix(kRequires.size());
    return held == alias;
  });
}

Result<std::optional<std::string>> StoreHoldings::taken(std::string_view user, std::string_view type,
                                                        std::string_view alias) {
  const auto entry = TRY(reader_.get(keys::taken(user, type, alias)));
  if (!entry) return std::nullopt;
  return entry->value;
}

Result<std::optional<Stands>> StoreHoldings::look(std::string_view resource) {
  const auto found = TRY(objects::get<v1::Resource>(reader_, resource));
  if (!found) return std::nullopt;
  Stands stands;
  stands.deleted = found->spec().deleted();
  stands.used = !TRY(users_of(reader_, resource, 1)).empty();
  stands.by_id = TRY(reader_.get(keys::by_id(resource))).has_value();
  return stands;
}

Result<> remember_taken(Txn& txn, const Taken& taken) {
  const auto key = keys::taken(taken.user, taken.type, taken.alias);
  const auto before = TRY(txn.get(key));
  if (before && before->value == taken.resource) return {};
  txn.put(key, taken.resource);
  const auto list_key = keys::takers(taken.resource);
  const auto known = TRY(txn.get(list_key));
  const std::string list = known ? known->value : "";
  const auto all = split(list, '\n');
  if (std::ranges::find(all, key) != all.end()) return {};
  txn.put(list_key, list.empty() ? key : list + "\n" + key);
  return {};
}

void remember_by_id(Txn& txn, std::string_view resource) { txn.put(keys::by_id(resource), ""); }

Result<> forget_names(Txn& txn, std::string_view resource) {
  if (TRY(txn.get(keys::by_id(resource)))) txn.erase(keys::by_id(resource));
  const auto list = TRY(txn.get(keys::takers(resource)));
  if (!list) return {};
  for (const auto& key : split(list->value, '\n')) {
    const auto entry = TRY(txn.get(key));
    // It may have been given another one since.
    if (entry && entry->value == resource) txn.erase(key);
  }
  txn.erase(keys::takers(resource));
  return {};
}

}  // namespace qleet::hub::controllers
