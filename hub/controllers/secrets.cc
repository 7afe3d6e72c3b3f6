#include "hub/controllers/secrets.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/crypto/token.h"
#include "common/model/sealed_values.h"
#include "common/sync/values.h"

namespace qleet::hub::controllers {
namespace {

// In a resource's template. Agents do not look at it: it is there so that a change of it is a change of the
// resource.
const std::string kUid = "uid";
const std::string kRecipient = "recipient";
constexpr size_t kRecipientLength = 16;

}  // namespace

const std::string& id_of(const v1::Secret& secret) {
  return secret.spec().id().empty() ? secret.metadata().name() : secret.spec().id();
}

SecretFacts facts_of(const v1::Secret& secret) {
  SecretFacts facts{
      .name = secret.metadata().name(),
      .uid = secret.metadata().uid(),
      .version = secret.metadata().generation(),
      .id = id_of(secret),
      .environment = secret.spec().environment(),
      .applications = {secret.spec().applications().begin(), secret.spec().applications().end()},
      .keys = {}};
  for (const auto& [key, value] : secret.spec().data()) {
    facts.keys.push_back(key);
    const bool sealed = value.starts_with(model::kSealedPrefix);
    facts.bytes += key.size() + (sealed ? value.size() * 3 / 4 : value.size());
  }
  std::ranges::sort(facts.keys);
  return facts;
}

SecretList::SecretList(std::vector<SecretFacts> secrets, std::string recipient)
    : recipient_(std::move(recipient)) {
  for (auto& secret : secrets) secrets_.push_back(std::make_shared<const SecretFacts>(std::move(secret)));
}

Result<std::vector<SecretPtr>> SecretList::of_id(std::string_view id) {
  std::vector<SecretPtr> found;
  for (const auto& secret : secrets_)
    if (secret->id == id) found.push_back(secret);
  std::ranges::sort(found, {}, [](const SecretPtr& secret) { return secret->name; });
  return found;
}

Result<std::vector<std::string>> SecretList::ids() {
  std::vector<std::string> ids;
  for (const auto& secret : secrets_) ids.push_back(secret->id);
  std::ranges::sort(ids);
  const auto doubles = std::ranges::unique(ids);
  ids.erase(doubles.begin(), doubles.end());
  return ids;
}

bool may_use(const SecretFacts& secret, std::string_view application) {
  return secret.applications.empty() ||
         std::ranges::find(secret.applications, application) != secret.applications.end();
}

SecretPtr choose_secret(const std::vector<SecretPtr>& of_id, std::string_view environment,
                        std::string_view application) {
  SecretPtr refused;
  for (const auto wanted : {environment, std::string_view()}) {
    SecretPtr for_all;
    for (const auto& secret : of_id) {
      if (secret->environment != wanted) continue;
      if (secret->applications.empty()) {
        if (!for_all) for_all = secret;
      } else if (may_use(*secret, application)) {
        return secret;
      } else if (!refused) {
        refused = secret;
      }
    }
    if (for_all) return for_all;
  }
  return refused;
}

ProfilePtr secret_profile(const SecretFacts& secret, const std::string& recipient) {
  auto profile = std::make_shared<v1::Profile>();
  auto& spec = *profile->mutable_spec();
  spec.mutable_satisfies()->set_type(std::string(kSecretType));
  spec.set_scope("application");
  spec.set_provider(std::string(sync::kValuesProvider));
  spec.set_keeps_data(false);
  // It holds nothing that would have to wait.
  spec.mutable_when_unused()->set_after("0s");
  auto& fields = *spec.mutable_template_()->mutable_fields();
  fields[kUid].set_string_value(secret.uid);
  if (!recipient.empty()) fields[kRecipient].set_string_value(recipient);
  for (const auto& key : secret.keys)
    (*spec.mutable_outputs()->mutable_fields())[key].set_string_value("(secret)");
  return profile;
}

void set_recipient(v1::ResourceSpec& spec, const std::string& recipient) {
  auto& fields = *spec.mutable_template_()->mutable_fields();
  if (recipient.empty())
    fields.erase(kRecipient);
  else
    fields[kRecipient].set_string_value(recipient);
}

std::string drawn_content(const v1::ResourceSpec& spec) {
  if (!spec.has_secret()) return {};
  const auto& fields = spec.template_().fields();
  const auto uid = fields.find(kUid);
  return fmt::format("{}/{}/{}", spec.secret().name(), spec.secret().version(),
                     uid == fields.end() ? "" : uid->second.string_value());
}

std::string recipient_of(std::string_view box_key) {
  return box_key.empty() ? std::string() : crypto::sha256_hex(box_key).substr(0, kRecipientLength);
}

}  // namespace qleet::hub::controllers
