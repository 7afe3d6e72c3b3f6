#include "tests/e2e/noop_fleet.h"

#include <algorithm>

#include "providers/noop/world.h"

namespace qleet::test {

std::string NoopFleet::shop(const std::string& extra_variable, const std::string& environments) {
  return R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: shop}
spec:
)" + (environments.empty() ? "" : "  environments: " + environments + "\n") +
         R"(  workloads:
    web:
      score:
        containers:
          web:
            image: registry.test/shop/web:main-1
            variables:
              DATABASE_URL: postgres://${resources.db.username}:${resources.db.password}@${resources.db.host}:${resources.db.port}/${resources.db.name}
              REDIS: ${resources.sessions.host}
)" + (extra_variable.empty() ? "" : "              EXTRA: \"" + extra_variable + "\"\n") +
         R"(        service: {ports: {http: {port: 80, targetPort: 8080}}}
        resources:
          db: {type: postgres}
          sessions: {type: redis, id: sessions}
          url: {type: route, params: {host: shop.test, path: /, port: 80}}
      replicas: 2
      builds: {image: registry.test/shop/web, tags: "main-*"}
)";
}

std::string NoopFleet::cart() {
  return R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: cart}
spec:
  workloads:
    api:
      score:
        containers:
          api:
            image: registry.test/cart/api:1
            variables: {REDIS: "${resources.cache.host}"}
        resources:
          cache: {type: redis, id: sessions}
)";
}

std::map<std::string, Made> NoopFleet::world(const std::string& agent) const {
  std::map<std::string, Made> out;
  const auto world = noop::World::in_file((fleet.folder() / (agent + ".world")).string());
  if (!world) {
    ADD_FAILURE() << world.error().message;
    return out;
  }
  for (const auto& thing : (*world)->things())
    out[thing.name] = {.hash = thing.hash, .changes = thing.changes};
  return out;
}

std::vector<std::string> NoopFleet::world_names(const std::string& agent) const {
  std::vector<std::string> out;
  for (const auto& [name, _] : world(agent)) out.push_back(name);
  return out;
}

void NoopFleet::vanish(const std::string& name, const std::string& agent) const {
  const auto world = noop::World::in_file((fleet.folder() / (agent + ".world")).string());
  ASSERT_TRUE(world) << world.error().message;
  for (const auto& thing : (*world)->things())
    if (thing.name == name) ASSERT_TRUE((*world)->vanish(thing.owner, name));
}

::testing::AssertionResult NoopFleet::settled(const std::string& agent,
                                              std::chrono::milliseconds limit) const {
  std::string left;
  const auto as_wanted = [&] {
    left = fleet.unsettled();
    if (!left.empty()) return false;
    std::vector<std::string> wanted = fleet.resources();
    std::erase_if(wanted, [&](const std::string& name) { return !name.starts_with(agent + "."); });
    const auto made = world_names(agent);
    if (wanted == made) return true;
    for (const auto& name : wanted)
      if (!std::ranges::binary_search(made, name)) left += "wanted, not made: " + name + "\n";
    for (const auto& name : made)
      if (!std::ranges::binary_search(wanted, name)) left += "made, not wanted: " + name + "\n";
    return false;
  };
  if (until(as_wanted, limit)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "not settled:\n" << left;
}

::testing::AssertionResult NoopFleet::empty(std::chrono::milliseconds limit) const {
  const auto gone = [&] { return world_names().empty() && fleet.list("resources").empty(); };
  if (until(gone, limit)) return ::testing::AssertionSuccess();
  std::string left;
  for (const auto& name : world_names()) left += " " + name;
  for (const auto& resource : fleet.list("resources")) left += " hub:" + resource["metadata.name"].str();
  return ::testing::AssertionFailure() << "left:" << left;
}

}  // namespace qleet::test
