// Type "secret", which needs no profile: a resource of it hands out the keys of a Secret. Which Secret that
// is, and who may have it. Pure, but for where Secrets are read from. Values are never looked at here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/profiles.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

inline constexpr std::string_view kSecretType = "secret";

// A Secret without its values.
struct SecretFacts {
  std::string name;
  std::string uid;
  std::uint32_t version = 0;
  std::string id;           // under which it is asked for
  std::string environment;  // empty: every one
  std::vector<std::string> applications;
  std::vector<std::string> keys;  // sorted
  size_t bytes = 0;               // of keys and values, about
};
using SecretPtr = std::shared_ptr<const SecretFacts>;

// spec.id, or the name.
const std::string& id_of(const v1::Secret& secret);
SecretFacts facts_of(const v1::Secret& secret);

// Use by one thread at a time.
class SecretSource {
 public:
  virtual ~SecretSource() = default;
  // All of that id, sorted by name.
  virtual Result<std::vector<SecretPtr>> of_id(std::string_view id) = 0;
  // Every id, sorted.
  virtual Result<std::vector<std::string>> ids() = 0;
  // A mark of the key to which values for the region are sealed; empty: its agent takes none.
  virtual Result<std::string> recipient(std::string_view region) = 0;
};

class SecretList final : public SecretSource {
 public:
  explicit SecretList(std::vector<SecretFacts> secrets, std::string recipient = {});
  Result<std::vector<SecretPtr>> of_id(std::string_view id) override;
  Result<std::vector<std::string>> ids() override;
  Result<std::string> recipient(std::string_view) override { return recipient_; }

 private:
  std::vector<SecretPtr> secrets_;
  std::string recipient_;
};

// `application` is empty for what several applications share.
bool may_use(const SecretFacts& secret, std::string_view application);

// Of those that the application may use the one for this environment, else the one for every environment; of
// these one that names the application before one for every application; one
// that it may not use, only where there is no other, to say so: what others are given puts nobody off what he
// has. Null: there is none. `environment` is empty for what all environments of a region share.
SecretPtr choose_secret(const std::vector<SecretPtr>& of_id, std::string_view environment,
                        std::string_view application);

// What stands for a profile of it: an output for each key.
ProfilePtr secret_profile(const SecretFacts& secret, const std::string& recipient);

// A resource's spec names what its values are sealed to, so that a new key is a change like any other.
void set_recipient(v1::ResourceSpec& spec, const std::string& recipient);

// What whoever draws on it must change with: name, version and uid of the Secret. Empty for what is none.
std::string drawn_content(const v1::ResourceSpec& spec);

// A mark of a box key, as it stands in resources; empty for none.
std::string recipient_of(std::string_view box_key);

}  // namespace qleet::hub::controllers
