// Which keys a change of an object touches. The cost follows from what is touched, through the x/ indexes.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "common/result/result.h"
#include "hub/controllers/work_queue.h"
#include "hub/store/store.h"

namespace qleet::hub::controllers {

// Use by one thread at a time.
class ChangeMap {
 public:
  // `reader` is at the change's revision or newer.
  Result<std::set<Key>> keys_of(const Reader& reader, const Change& change);

 private:
  Result<> region(const Reader& reader, const Change& change, std::set<Key>& keys);
  Result<> resource(const Reader& reader, const Change& change, std::set<Key>& keys);
  Result<> profile(const Reader& reader, const Change& change, std::set<Key>& keys);

  // Labels and cordon of regions as last seen: most changes of a region are of its status. Nothing but a
  // saving.
  std::map<std::string, std::string, std::less<>> seen_regions_;
};

}  // namespace qleet::hub::controllers
