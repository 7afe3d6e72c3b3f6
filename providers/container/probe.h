// One look at whether a process works.
#pragma once

#include <string>

#include "common/engine/client.h"
#include "providers/container/template.h"

namespace qleet::container {

struct ProbeResult {
  bool ok = false;
  std::string message;  // why not, for people
};

// `address`: the container's own, or the host's. Blocks for the check's timeout at most.
ProbeResult probe(containers::Client& client, const CheckSpec& check, const std::string& address,
                  const std::string& container);

}  // namespace qleet::container
