// What a hub that starts has to look at, found without building what it does not need: most objects are at
// rest, and there may be a million of them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "common/result/result.h"
#include "hub/controllers/work_queue.h"
#include "hub/store/store.h"

namespace qleet::hub::controllers {

// What stands on a list: deployments whose edges may lag behind, and what is due by time. Cheap.
Result<> find_listed(const Reader& reader, const std::function<void(const Key&)>& add);

// Looks through all applications and deployments for those that were not at rest, a page at a time. That they
// are not follows from the change log as well; this is for what time alone brings about, and in case. What
// cannot be read is left out, with a line in the log.
class UnfinishedSearch {
 public:
  // The next page; the reader may be another one each time. False: there are no more. `add` may get a key
  // twice.
  Result<bool> next(const Reader& reader, const std::function<void(const Key&)>& add);

 private:
  size_t kind_ = 0;
  std::string after_;
};

// Every environment, agent, application and deployment.
Result<> find_everything(const Reader& reader, const std::function<void(const Key&)>& add);

}  // namespace qleet::hub::controllers
