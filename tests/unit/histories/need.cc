#include "tests/unit/histories/need.h"

#include <fmt/format.h>

#include <vector>

#include "hub/store/objects.h"
#include "qleet/v1/application.pb.h"

namespace qleet::hub::tests {

Need need_of(const Reader& reader) {
  Need need;
  for (auto& resource : objects::list<v1::Resource>(reader).value())
    need.resources.emplace(resource.metadata().name(), std::move(resource));
  std::vector<std::string> open;
  for (const auto& deployment : objects::list<v1::Deployment>(reader).value()) {
    if (deployment.spec().deleted()) continue;
    for (const auto& region : deployment.status().regions()) {
      if (region.release() == 0) continue;
      const auto release = objects::get<v1::Release>(
          reader, fmt::format("{}.{}", deployment.spec().application(), region.release()));
      for (const auto& [workload, definition] : release.value()->spec().definition().workloads()) {
        const auto name =
            fmt::format("{}.{}.{}.workload.{}", region.region(), deployment.spec().environment(),
                        deployment.spec().application(), workload);
        need.edges.emplace(name, "d:" + deployment.metadata().name());
        open.push_back(name);
      }
    }
  }
  for (const auto& [name, resource] : need.resources) {
    for (const auto& [alias, needed] : resource.spec().dependencies())
      need.edges.emplace(needed, "r:" + name);
  }
  for (const auto& [resource, user] : need.edges) need.used.insert(resource);
  while (!open.empty()) {
    const auto name = std::move(open.back());
    open.pop_back();
    if (!need.serving.insert(name).second) continue;
    const auto found = need.resources.find(name);
    if (found == need.resources.end()) continue;
    for (const auto& [alias, needed] : found->second.spec().dependencies()) open.push_back(needed);
  }
  return need;
}

}  // namespace qleet::hub::tests
