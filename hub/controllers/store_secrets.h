// Secrets as they stand in the store, without their values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hub/controllers/secrets.h"
#include "hub/store/store.h"

namespace qleet::hub::controllers {

// Reads what is asked for, each id and each region once. Must not outlive `reader`.
class StoreSecrets final : public SecretSource {
 public:
  explicit StoreSecrets(const Reader& reader) : reader_(reader) {}
  Result<std::vector<SecretPtr>> of_id(std::string_view id) override;
  Result<std::vector<std::string>> ids() override;
  Result<std::string> recipient(std::string_view region) override;

 private:
  const Reader& reader_;
  std::map<std::string, std::vector<SecretPtr>, std::less<>> known_;
  std::map<std::string, std::string, std::less<>> recipients_;  // by region
};

// The mark of the key of the agent that serves the region; empty: it has none, or there is no agent.
Result<std::string> recipient_in(const Reader& reader, std::string_view region);

}  // namespace qleet::hub::controllers
