// The last lines of what does not work, asked of its agent when somebody looks; nothing of a log is kept in
// the hub.
#pragma once

#include <optional>
#include <string>

#include "cli/session.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {

// <region>.<environment>.<application>.<type>.<id>; "-" for an environment or application that it has none
// of.
struct ResourceParts {
  std::string region;
  std::string environment;
  std::string application;
  std::string type;
  std::string id;
};
std::optional<ResourceParts> resource_parts(const std::string& name);

// "last lines of web-0/main (qleet logs ...):" and the lines, indented; empty where the description names no
// cause that has a log, there is none, or this user may not read it.
std::string last_lines(Session& session, const v1::Description& description);

}  // namespace qleet::cli
