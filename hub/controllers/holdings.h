// What askers hold already: a resolver keeps the names of what stands (identity.h), so that nothing that runs
// is made anew when the rule for names changes or a workload is renamed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"

namespace qleet::hub::controllers {

struct Stands {
  bool deleted = false;  // a tombstone
  bool used = false;
  // Made for one who asked by id, or for all of an environment or region; false where an earlier version made
  // it.
  bool by_id = false;
};

// Users and resources are given by the names of resources.
class Holdings {
 public:
  virtual ~Holdings() = default;
  // Whether `user` needs `resource`, and asks for it as `alias`.
  virtual Result<bool> holds(std::string_view user, std::string_view alias, std::string_view resource) = 0;
  // The resource that `user` took over, for want of an id, from the workload that it was renamed from.
  virtual Result<std::optional<std::string>> taken(std::string_view user, std::string_view type,
                                                   std::string_view alias) = 0;
  virtual Result<std::optional<Stands>> look(std::string_view resource) = 0;
};

// Somebody holds a resource whose name is not what his own is by the rule.
struct Taken {
  std::string user;
  std::string type;
  std::string alias;
  std::string resource;
};

}  // namespace qleet::hub::controllers
