// The logs of all containers of a resource, as one stream.
#pragma once

#include <functional>

#include "providers/api/provider.h"
#include "providers/container/context.h"

namespace qleet::container {

// As Provider::logs. Followed, it goes on with containers that come later: started again, another replica,
// another version.
Result<> stream_logs(Context& context, const ProviderResource& resource, const LogWish& wish,
                     const std::function<bool(const LogLine&)>& sink);

}  // namespace qleet::container
