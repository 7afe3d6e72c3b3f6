// What a hub that starts has to look at, found without building what it does not need: most objects are at
// rest, and there may be a million of them.
#pragma once

#include <functional>

#include "common/result/result.h"
#include "hub/controllers/work_queue.h"
#include "hub/store/store.h"

namespace qleet::hub::controllers {

// Applications and deployments that were not at rest, and what is due by time. `add` may get a key twice.
Result<> find_unfinished(const Reader& reader, const std::function<void(const Key&)>& add);
// Every environment, agent, application and deployment.
Result<> find_everything(const Reader& reader, const std::function<void(const Key&)>& add);

}  // namespace qleet::hub::controllers
