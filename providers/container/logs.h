// The logs of all containers of a resource, as one stream.
#pragma once

#include <functional>

#include "providers/api/provider.h"
#include "providers/container/context.h"

namespace qleet::container {

// As Provider::logs. Followed, it goes on with containers that come later (another replica, another version)
// and ends when none is left.
Result<> stream_logs(Context& context, const ProviderResource& resource, bool follow, unsigned tail,
                     const std::function<bool(LogLine)>& sink);

}  // namespace qleet::container
