// What an engine's JSON says, as our types: pure, and so that nothing an engine may answer does harm. A field
// that is absent or of another type reads as empty.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/engine/types.h"

namespace qleet::containers {

ContainerDetails details_of(const boost::json::value& value);
std::vector<Container> containers_of(const boost::json::value& value);
Network network_of(const boost::json::value& value);
std::vector<Network> networks_of(const boost::json::value& value);
Volume volume_of(const boost::json::value& value);
// "Volumes" of the answer.
std::vector<Volume> volumes_of(const boost::json::value& value);
Image image_of(const boost::json::value& value);

// One line of what an engine says while it pulls. Both empty: it says nothing of use.
struct PullLine {
  std::string status;
  std::string error;
};
PullLine pull_line(std::string_view line);

}  // namespace qleet::containers
