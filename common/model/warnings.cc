#include <fmt/format.h>

#include "common/model/checks.h"
#include "common/model/quantity.h"
#include "common/model/volumes.h"
#include "qleet/v1/application.pb.h"

namespace qleet::model {
namespace {

template <class T>
bool is_more(const std::string& request, const std::string& limit, Result<T> (*parse)(std::string_view)) {
  const auto asked = parse(request);
  const auto most = parse(limit);
  return asked && most && *asked > *most;
}

}  // namespace

std::vector<std::string> warnings(const qleet::v1::Application& application) {
  std::vector<std::string> all;
  const auto& workloads = application.spec().workloads();
  for (const auto& workload : sorted_keys(workloads)) {
    for (const auto& volume : undeclared_volumes(workloads.at(workload).score()))
      all.push_back(
          fmt::format("workload \"{0}\": volume \"{1}\" is none of its resources; it is made as if "
                      "resources had {1}: {{type: volume}}",
                      workload, volume));
    const auto& containers = workloads.at(workload).score().containers();
    for (const auto& container : sorted_keys(containers)) {
      const auto& limits = containers.at(container).resources().limits();
      const auto& requests = containers.at(container).resources().requests();
      const auto say = [&](std::string_view what, const std::string& request, const std::string& limit) {
        all.push_back(
            fmt::format("workload \"{}\", container \"{}\": requests.{} {} is more than limits.{} {}; the "
                        "limit counts",
                        workload, container, what, request, what, limit));
      };
      if (is_more(requests.memory(), limits.memory(), parse_memory))
        say("memory", requests.memory(), limits.memory());
      if (is_more(requests.cpu(), limits.cpu(), parse_cpu)) say("cpu", requests.cpu(), limits.cpu());
    }
  }
  return all;
}

}  // namespace qleet::model
