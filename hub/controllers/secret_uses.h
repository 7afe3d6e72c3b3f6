// Who asks for which Secret, and who has it: the indexes, and what follows from a change of a Secret or of
// the key that values are sealed to. All within the caller's transaction.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/work.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

// x/secret-id. Null: there was none, or is none any more.
void index_secret(Txn& txn, const v1::Secret* before, const v1::Secret* after);

// x/secret-ask and x/secret-asks of a deployment.
Result<> index_secret_asks(Txn& txn, const std::string& deployment, const std::set<std::string>& ids);

// x/secret-use of a resource.
void index_secret_use(Txn& txn, const std::string& resource, const v1::ResourceSpec* before,
                      const v1::ResourceSpec* after);

// A Secret of this id came, changed or went: every deployment that asks for it is to be reconciled.
Result<> wake_askers(Work& work, std::string_view id);

// Resources that hand it out and that somebody needs, in the order of their names.
struct SecretUser {
  std::string resource;
  v1::ResourceSpec spec;
};
Result<std::vector<SecretUser>> users_of_secret(const Reader& reader, std::string_view secret);

// For people, each once: "shop in prod", "several applications in prod".
std::vector<std::string> describe_users(const std::vector<SecretUser>& users);

// The key of the region's agent is another: every resource there that hands out a Secret is told anew.
Result<> reseal_region(Work& work, std::string_view region);

// The key to which the hub seals for this agent from now on. False: it is that already, or there is no such
// agent. kInvalid: it is no key.
Result<bool> put_box_key(Work& work, const std::string& agent, const std::string& box_key);
Result<> check_box_key(std::string_view box_key);

}  // namespace qleet::hub::controllers
