// The body of a create request, built from what a template asks for: pure, so that it is tested as text.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "common/engine/limits.h"
#include "common/engine/types.h"
#include "providers/container/template.h"

namespace qleet::container {

struct Placement {
  containers::Labels labels;
  // A network's name with the aliases to be known by in it; or "host"; or "container:<id>" to share another
  // one's.
  std::string network;
  std::vector<std::string> aliases;
  std::string hostname;
  std::vector<PortSpec> ports;
  std::vector<std::string> binds;  // host path:target:options
  // What must be there when it starts: an engine makes nothing in its place.
  struct Mount {
    std::string source;  // on the host
    std::string target;
    bool read_only = false;
  };
  std::vector<Mount> mounts;
  containers::Limits limits;  // where the template says none
};

// Volumes of `process` of which a path alone is mounted are left to `mounts`.
boost::json::object create_body(const ProcessSpec& process, const Placement& placement);

}  // namespace qleet::container
