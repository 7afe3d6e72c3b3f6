// Paths inside volumes that a container mounts (sub_paths.h says how).
#pragma once

#include <string>
#include <vector>

#include "providers/container/body.h"
#include "providers/container/context.h"
#include "providers/container/sub_paths.h"

namespace qleet::container {

// `key` and `part` as for Mounts. All take the volumes of `process` of which a path is mounted.

// What a container that is being made is to mount; it can be made after that, and not yet be started.
Result<std::vector<Placement::Mount>> prepare_paths(Context& context, const std::string& key,
                                                    const std::string& part, const ProcessSpec& process);

// Shows them for as long as the result is kept: around a start.
Result<std::vector<ShownPath>> show_paths(Context& context, const std::string& key, const std::string& part,
                                          const ProcessSpec& process);

// Of a container that is gone. Never what is in the volumes.
void clear_paths(Context& context, const std::string& key, const std::string& part);
// Of all of its containers.
void clear_all_paths(Context& context, const std::string& key);

}  // namespace qleet::container
