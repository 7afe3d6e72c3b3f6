// One look at whether a process works.
#pragma once

#include <string>

#include "common/engine/client.h"
#include "providers/container/template.h"

namespace qleet::container {

struct ProbeResult {
  bool ok = false;
  std::string message;  // why not, for people
  // What is checked works, and refuses the credentials that it was given.
  bool refused = false;
  // It was reached, and what it said is no success.
  bool answered = false;
};

// A check that ends with this code says so.
inline constexpr int kRefused = 77;

// `address`: the container's own, or the host's. Blocks for the check's timeout at most.
ProbeResult probe(containers::Client& client, const CheckSpec& check, const std::string& address,
                  const std::string& container);

}  // namespace qleet::container
