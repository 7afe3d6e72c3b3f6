#include <fmt/format.h>

#include "common/model/rules.h"
#include "common/model/service_name.h"
#include "common/model/start_order.h"

namespace qleet::model {
namespace {

using qleet::v1::Score;
using qleet::v1::ScorePort;
using qleet::v1::ScoreResource;

constexpr size_t kMaxContainers = 50;
constexpr size_t kMaxResources = 100;
constexpr size_t kMaxPorts = 100;

// Names of containers, ports and resources: the published schema wants two characters at least.
void score_name(const Place& place, const std::string& name, Checks& checks) {
  if (name.size() < 2 && is_name(name))
    return checks.wrong(place, "a name in a Score document has at least two characters");
  if (name.empty()) return checks.wrong(place, "a name is missing");
  checks.name(place, name);
}

void check_port(const ScorePort& port, const Place& place, Checks& checks) {
  check_port_number({&place, "port"}, port.port(), checks);
  if (port.target_port() != 0) check_port_number({&place, "targetPort"}, port.target_port(), checks);
  checks.one_of({&place, "protocol"}, port.protocol(), {"TCP", "UDP"});
}

// What the published schema says of annotations: texts by label keys.
void check_annotations(const google::protobuf::Struct& metadata, const Place& place, Checks& checks) {
  const auto found = metadata.fields().find("annotations");
  if (found == metadata.fields().end()) return;
  const Place annotations{&place, "annotations"};
  if (!found->second.has_struct_value())
    return checks.wrong(annotations, "must be an object that holds texts");
  const auto& fields = found->second.struct_value().fields();
  for (const auto& key : sorted_keys(fields)) {
    const Place here{&annotations, key};
    checks.label_key(here, key);
    if (!fields.at(key).has_string_value()) checks.wrong(here, "must be a text; put it in quotes");
  }
}

void check_before(const Score& score, const std::string& name, const Place& place, Checks& checks) {
  const Place before{&place, "before"};
  const auto& wanted = score.containers().at(name).before();
  for (const auto& other : sorted_keys(wanted)) {
    const Place here{&before, other};
    if (other == name) {
      checks.wrong(here, "is this container itself; name another one that comes before it");
    } else if (!score.containers().contains(other)) {
      checks.wrong(here, fmt::format("no container \"{}\" in this workload; {}", other,
                                     there_is(sorted_keys(score.containers()))));
    }
    const Place ready{&here, "ready"};
    if (checks.required(ready, wanted.at(other).ready()))
      checks.one_of(ready, wanted.at(other).ready(), {"started", "healthy", "complete"});
  }
}

void check_resource(const ScoreResource& resource, const Place& place, Checks& checks) {
  const Place type{&place, "type"};
  if (checks.required(type, resource.type())) checks.type_word(type, resource.type());
  checks.type_word({&place, "class"}, resource.class_());
  if (!resource.id().empty() && !is_resource_id(resource.id())) {
    checks.wrong(
        {&place, "id"},
        fmt::format("\"{}\" is not an id: 2 to 63 lower-case letters, digits, - and .", resource.id()));
  }
  check_annotations(resource.metadata(), {&place, "metadata"}, checks);
}

}  // namespace

void check_port_number(const Place& place, std::uint32_t port, Checks& checks) {
  if (port < 1 || port > 65535)
    checks.wrong(place, fmt::format("must be between 1 and 65535, and is {}", port));
}

void check_score(const Score& score, bool has_builds, const Place& place, Checks& checks) {
  if (!score.api_version().empty() && score.api_version() != "score.dev/v1b1") {
    checks.wrong(
        {&place, "apiVersion"},
        fmt::format("unknown version \"{}\" of Score; known is score.dev/v1b1", score.api_version()));
  }
  check_annotations(score.metadata(), {&place, "metadata"}, checks);
  const Place containers{&place, "containers"};
  if (score.containers().empty())
    checks.wrong(containers, "is missing; a workload has at least one container");
  checks.at_most(containers, score.containers().size(), kMaxContainers, "containers");
  for (const auto& name : sorted_keys(score.containers())) {
    const Place here{&containers, name};
    score_name(here, name, checks);
    check_container(score.containers().at(name), has_builds, here, checks);
    check_before(score, name, here, checks);
  }
  if (const auto circle = circle_of_starts(score); !circle.empty()) {
    const Place here{&containers, circle.front()};
    checks.wrong({&here, "before"},
                 fmt::format("containers wait for each other in a circle: {}", fmt::join(circle, " -> ")));
  }

  const Place service{&place, "service"};
  const Place ports{&service, "ports"};
  checks.at_most(ports, score.service().ports().size(), kMaxPorts, "ports");
  for (const auto& name : sorted_keys(score.service().ports())) {
    const Place here{&ports, name};
    score_name(here, name, checks);
    check_port(score.service().ports().at(name), here, checks);
  }

  const Place resources{&place, "resources"};
  checks.at_most(resources, score.resources().size(), kMaxResources, "resources");
  for (const auto& name : sorted_keys(score.resources())) {
    const Place here{&resources, name};
    score_name(here, name, checks);
    check_resource(score.resources().at(name), here, checks);
  }
  check_score_placeholders(score, place, checks);
}

}  // namespace qleet::model
