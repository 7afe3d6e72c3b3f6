#include "tests/unit/histories/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "hub/store/objects.h"

namespace qleet::hub::tests {
namespace {

struct Place {
  std::string host;  // with its region
  std::string path;
  std::string resource;
  const v1::Resource* route = nullptr;

  const v1::ResourceSpec& spec() const { return route->spec(); }
  std::string deployment() const { return spec().application() + " in " + spec().environment(); }
  auto age() const {
    return std::tuple(objects::wall_time(route->metadata().creation_timestamp()), resource);
  }
};

std::string text(const v1::Resource& resource, const char* param) {
  const auto found = resource.spec().params().fields().find(param);
  return found == resource.spec().params().fields().end() ? "" : found->second.string_value();
}

bool shares(const v1::Resource& resource) {
  const auto found = resource.spec().params().fields().find("share");
  return found != resource.spec().params().fields().end() && found->second.bool_value();
}

}  // namespace

std::vector<std::string> Traffic::look(const Need& need) {
  std::map<std::string, std::vector<Place>> hosts;
  for (const auto& name : need.serving) {
    const auto found = need.resources.find(name);
    if (found == need.resources.end() || found->second->spec().type() != "route") continue;
    const auto& route = *found->second;
    if (route.spec().deleted()) continue;
    const auto host = route.spec().region() + " " + text(route, "host");
    hosts[host].push_back({host, text(route, "path"), name, &route});
  }
  std::vector<std::string> wrong;
  std::set<std::string> known;
  for (auto& [host, places] : hosts) {
    std::ranges::sort(places, {}, &Place::age);
    const auto& first = places.front();
    std::map<std::string, const Place*> by_path;
    for (const auto& place : places) {
      const auto key = fmt::format("{} {} {}", host, place.path, place.resource);
      known.insert(key);
      const auto [other, alone] = by_path.emplace(place.path, &place);
      if (!alone && other->second->deployment() != place.deployment())
        wrong.push_back(fmt::format("{}{} leads to {} and to {}", host, place.path,
                                    other->second->deployment(), place.deployment()));
      // Who has a place keeps it, whatever becomes of the permission.
      if (known_.contains(key) || place.spec().application() == first.spec().application() ||
          shares(*first.route))
        continue;
      wrong.push_back(fmt::format("{}{} was given to {}, and the host is that of {}, which does not share it",
                                  host, place.path, place.deployment(), first.deployment()));
    }
  }
  known_ = std::move(known);
  return wrong;
}

}  // namespace qleet::hub::tests
