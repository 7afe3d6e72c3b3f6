#include "hub/controllers/store_secrets.h"

#include <algorithm>
#include <set>

#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::controllers {

Result<std::vector<SecretPtr>> StoreSecrets::of_id(std::string_view id) {
  if (const auto found = known_.find(id); found != known_.end()) return found->second;
  std::set<std::string> names{std::string(id)};
  for (const auto& entry : TRY(reader_.scan({.prefix = keys::secret_id(id, "")})))
    names.emplace(keys::last(entry.key));
  std::vector<SecretPtr> secrets;
  for (const auto& name : names) {
    const auto secret = TRY(objects::get<v1::Secret>(reader_, name));
    if (secret && id_of(*secret) == id)
      secrets.push_back(std::make_shared<const SecretFacts>(facts_of(*secret)));
  }
  known_.emplace(id, secrets);
  return secrets;
}

Result<std::vector<std::string>> StoreSecrets::ids() {
  std::set<std::string> ids;
  for (const auto& secret : TRY(objects::list_readable<v1::Secret>(reader_))) ids.insert(id_of(secret));
  return std::vector<std::string>(ids.begin(), ids.end());
}

Result<std::string> StoreSecrets::recipient(std::string_view region) {
  if (const auto found = recipients_.find(region); found != recipients_.end()) return found->second;
  return recipients_[std::string(region)] = TRY(recipient_in(reader_, region));
}

Result<std::string> recipient_in(const Reader& reader, std::string_view name) {
  const auto region = TRY(objects::get<v1::Region>(reader, name));
  if (!region || region->status().agent().empty()) return std::string();
  const auto agent = TRY(objects::get<v1::Agent>(reader, region->status().agent()));
  return agent ? recipient_of(agent->spec().box_key()) : std::string();
}

}  // namespace qleet::hub::controllers
