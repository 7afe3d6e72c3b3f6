// What every step on the store is given: the transaction it is part of, the time, and a source of uids.
#pragma once

#include <string>
#include <string_view>

#include "hub/store/objects.h"
#include "hub/store/store.h"

namespace qleet::hub::controllers {

struct Work {
  Txn& txn;
  objects::Stamp stamp;

  WallTime now() const { return stamp.now; }
};

// Users of resources, as they stand in x/ref.
inline std::string user_of_deployment(std::string_view name) { return "d:" + std::string(name); }
inline std::string user_of_resource(std::string_view name) { return "r:" + std::string(name); }

}  // namespace qleet::hub::controllers
