// Starting a container so that a start that was cut off does not keep it from starting for ever.
#pragma once

#include <string_view>

#include "common/engine/client.h"

namespace qleet::containers {

// As Client::start. Where podman's service ends in the middle of a start, the process runs, podman does not
// know, and every later start is refused by the runtime ("cannot start an already running container"). Such a
// container is removed, with its process: the error is that of the start, and the next try makes it anew. It
// holds nothing: it has never been seen to run.
Result<> start_or_discard(Client& client, std::string_view container);

}  // namespace qleet::containers
