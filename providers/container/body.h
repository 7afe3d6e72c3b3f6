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
  containers::Limits limits;       // where the template says none
};

boost::json::object create_body(const ProcessSpec& process, const Placement& placement);

}  // namespace qleet::container
