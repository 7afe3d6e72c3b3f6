#include "hub/controllers/secret_uses.h"

#include <fmt/format.h>

#include "common/crypto/encoding.h"
#include "common/crypto/sealed_box.h"
#include "common/model/reasons.h"
#include "hub/controllers/digest.h"
#include "hub/controllers/indexes.h"
#include "hub/controllers/pending.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/secrets.h"
#include "hub/controllers/store_secrets.h"
#include "hub/store/keys.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::controllers {
namespace {

std::string key_of(const v1::Secret* secret) {
  if (secret == nullptr || secret->spec().id().empty()) return {};
  return keys::secret_id(secret->spec().id(), secret->metadata().name());
}

std::string key_of(const std::string& resource, const v1::ResourceSpec* spec) {
  if (spec == nullptr || !spec->has_secret()) return {};
  return keys::secret_use(spec->secret().name(), resource);
}

void replace(Txn& txn, const std::string& before, const std::string& after) {
  if (before == after) return;
  if (!before.empty()) txn.erase(before);
  if (!after.empty()) txn.put(after, "");
}

}  // namespace

void index_secret(Txn& txn, const v1::Secret* before, const v1::Secret* after) {
  replace(txn, key_of(before), key_of(after));
}

Result<> index_secret_asks(Txn& txn, const std::string& deployment, const std::set<std::string>& ids) {
  return replace_list(txn, keys::secret_asks(deployment), keys::secret_ask, deployment,
                      {ids.begin(), ids.end()});
}

void index_secret_use(Txn& txn, const std::string& resource, const v1::ResourceSpec* before,
                      const v1::ResourceSpec* after) {
  replace(txn, key_of(resource, before), key_of(resource, after));
}

Result<> wake_askers(Work& work, std::string_view id) {
  for (const auto& entry : TRY(work.txn.scan({.prefix = keys::secret_ask(id, "")})))
    TRY(reconcile_again(work, std::string(keys::last(entry.key))));
  return {};
}

Result<std::vector<SecretUser>> users_of_secret(const Reader& reader, std::string_view secret) {
  std::vector<SecretUser> users;
  for (const auto& entry : TRY(reader.scan({.prefix = keys::secret_use(secret, "")}))) {
    std::string name(keys::last(entry.key));
    const auto resource = TRY(objects::get<v1::Resource>(reader, name));
    if (!resource || resource->spec().deleted() || TRY(users_of(reader, name, 1)).empty()) continue;
    users.push_back({std::move(name), resource->spec()});
  }
  return users;
}

std::vector<std::string> describe_users(const std::vector<SecretUser>& users) {
  std::set<std::string> told;
  for (const auto& user : users) {
    const auto& spec = user.spec;
    told.insert(fmt::format(
        "{} in {}", spec.application().empty() ? "several applications" : spec.application(),
        spec.environment().empty() ? "every environment of " + spec.region() : spec.environment()));
  }
  return {told.begin(), told.end()};
}

Result<> reseal_region(Work& work, std::string_view region) {
  const auto recipient = TRY(recipient_in(work.txn, region));
  for (const auto& resource :
       TRY(objects::list<v1::Resource>(work.txn, {.name_prefix = fmt::format("{}.", region)}))) {
    if (!resource.spec().has_secret() || resource.spec().deleted()) continue;
    auto spec = resource.spec();
    set_recipient(spec, recipient);
    spec.set_hash(content_hash(spec));
    TRY(put_resource(work, resource.metadata().name(), spec));
  }
  return {};
}

Result<> check_box_key(std::string_view box_key) {
  const auto raw = crypto::unbase64url(box_key);
  if (!raw || raw->size() != crypto::kBoxKeySize)
    return fail(Code::kInvalid, "the key that secrets are sealed to is no X25519 key of 32 bytes");
  return {};
}

Result<bool> put_box_key(Work& work, const std::string& name, const std::string& box_key) {
  TRY(check_box_key(box_key));
  auto agent = TRY(objects::get<v1::Agent>(work.txn, name));
  if (!agent || agent->spec().box_key() == box_key) return false;
  agent->mutable_spec()->set_box_key(box_key);
  TRY(objects::put(work.txn, *agent, work.stamp));
  const auto region = TRY(objects::get<v1::Region>(work.txn, agent->spec().region()));
  if (region && region->status().agent() == name) TRY(reseal_region(work, agent->spec().region()));
  return true;
}

}  // namespace qleet::hub::controllers
