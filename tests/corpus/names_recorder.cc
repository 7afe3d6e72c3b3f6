// Records a store of running applications: names_recorder FOLDER writes FOLDER/data.mdb. tests/corpus/names
// was made by it with the last version that joined ids with "-" (tests/unit/controllers/old_names_test.cc).
#include <iostream>

#include "common/log/log.h"
#include "hub/store/lmdb_store.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/controllers/world.h"

namespace qleet {
namespace {

// Joined alike: web + api-db and web-api + db; what db of web requires as data and what web-db has as data;
// the cache of both applications. `gone` is deleted, and its grace periods are not over.
constexpr const char* kEverything = R"(
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: default}
spec: {builds: {by: auto}}
---
apiVersion: qleet.io/v1
kind: Application
metadata: {name: shop}
spec:
  workloads:
    web:
      score:
        containers: {main: {image: i, variables: {HOST: "${resources.db.host}"}}}
        resources:
          db: {type: postgres}
          files: {type: volume}
          cache: {type: redis}
          api-db: {type: volume}
          url: {type: route, params: {host: shop.example}}
    web-api:
      score:
        containers: {main: {image: i}}
        resources: {db: {type: volume}}
    web-db:
      score:
        containers: {main: {image: i}}
        resources: {data: {type: volume, params: {size: 10Gi}}}
    a-workload-with-a-name-that-is-longer-than-most:
      score:
        containers: {main: {image: i}}
        resources: {and-a-database-of-a-long-name-too: {type: postgres}}
---
apiVersion: qleet.io/v1
kind: Application
metadata: {name: cart}
spec:
  workloads:
    api:
      score:
        containers: {main: {image: i}}
        resources: {cache: {type: redis}, main: {type: postgres, id: main}}
---
apiVersion: qleet.io/v1
kind: Application
metadata: {name: gone}
spec:
  workloads:
    web:
      score:
        containers: {main: {image: i}}
        resources: {db: {type: postgres}, files: {type: volume}}
)";

int record(const std::string& folder) {
  log::set_level(log::Level::kWarn);
  test::TempDir work;
  auto store = hub::LmdbStore::open(work / "store").value();
  hub::tests::World world(*store, QLEET_SOURCE_DIR "/tests/e2e/profiles");
  world.join("eu-1", {});
  world.settle();
  world.apply(kEverything);
  world.settle();
  for (const auto* app : {"shop", "cart", "gone"}) {
    const auto state = world.state(std::string(app) + ".default");
    if (state != "Ready 1") throw std::runtime_error(std::string(app) + " is " + state);
  }
  const auto refused = world.erase("Application", "gone");
  if (!refused.empty()) throw std::runtime_error(refused);
  world.settle();
  for (const auto& name : world.resources()) std::cout << name << "\n";
  const auto saved = store->backup(folder);
  if (!saved) throw std::runtime_error(saved.error().message);
  return 0;
}

}  // namespace
}  // namespace qleet

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  return qleet::record(argv[1]);
}
