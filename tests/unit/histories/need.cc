#include "tests/unit/histories/need.h"

#include <fmt/format.h>

#include <vector>

#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "qleet/v1/application.pb.h"

namespace qleet::hub::tests {
namespace {

template <class T>
std::shared_ptr<const T> parse(std::map<std::string, std::pair<Revision, std::shared_ptr<const T>>>& known,
                               const Entry& entry) {
  auto& [revision, object] = known[entry.key];
  if (object && revision == entry.revision) return object;
  auto fresh = std::make_shared<T>();
  objects::decode_into(entry, *fresh).value();
  revision = entry.revision;
  object = std::move(fresh);
  return object;
}

}  // namespace

std::shared_ptr<const v1::Resource> Parsed::resource(const Entry& entry) { return parse(resources_, entry); }

std::shared_ptr<const v1::Release> Parsed::release(const Reader& reader, const std::string& name) {
  return parse(releases_, *reader.get(keys::object("releases", name)).value());
}

Need need_of(const Reader& reader, Parsed& parsed) {
  Need need;
  for (const auto& entry : reader.scan({.prefix = "o/resources/"}).value())
    need.resources.emplace(keys::last(entry.key), parsed.resource(entry));
  std::vector<std::string> open;
  for (const auto& deployment : objects::list<v1::Deployment>(reader).value()) {
    if (deployment.spec().deleted()) continue;
    for (const auto& region : deployment.status().regions()) {
      if (region.release() == 0) continue;
      const auto release =
          parsed.release(reader, fmt::format("{}.{}", deployment.spec().application(), region.release()));
      for (const auto& [workload, definition] : release->spec().definition().workloads()) {
        const auto name =
            fmt::format("{}.{}.{}.workload.{}", region.region(), deployment.spec().environment(),
                        deployment.spec().application(), workload);
        need.edges.emplace(name, "d:" + deployment.metadata().name());
        need.workloads[name] = {release, workload};
        open.push_back(name);
      }
    }
  }
  for (const auto& [name, resource] : need.resources) {
    for (const auto& [alias, needed] : resource->spec().dependencies())
      need.edges.emplace(needed, "r:" + name);
  }
  for (const auto& [resource, user] : need.edges) need.used.insert(resource);
  while (!open.empty()) {
    const auto name = std::move(open.back());
    open.pop_back();
    if (!need.serving.insert(name).second) continue;
    const auto found = need.resources.find(name);
    if (found == need.resources.end()) continue;
    for (const auto& [alias, needed] : found->second->spec().dependencies()) open.push_back(needed);
  }
  return need;
}

}  // namespace qleet::hub::tests
