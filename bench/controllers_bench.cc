// The controllers alone, on one thread, store in memory: applications resolved, one change among many, a
// restart that looks at everything. Processor time, so that it tells the same on a busy machine.
//
//   bench_controllers [applications ...]      default: 100 1000
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <functional>
#include <vector>

#include "common/clock/clock.h"
#include "common/crypto/token.h"
#include "common/model/model.h"
#include "hub/controllers/manager.h"
#include "hub/controllers/work.h"
#include "hub/frontend/frontend.h"
#include "hub/frontend/rehearsal.h"
#include "hub/store/memory_store.h"
#include "hub/store/objects.h"
#include "qleet/v1/delivery.pb.h"

namespace {

using namespace qleet;
using namespace qleet::hub;

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}
void must(Result<> result) {
  if (result) return;
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}

double seconds(const std::function<void()>& work) {
  const auto begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

std::string app(int number, const std::string& image) {
  return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: app-{}}}
spec:
  workloads:
    web:
      score:
        containers: {{main: {{image: {}, variables: {{DB: "${{resources.db.host}}"}}}}}}
        resources: {{db: {{type: postgres}}, shared: {{type: postgres, class: shared}}, files: {{type: volume}}}}
    worker:
      score: {{containers: {{main: {{image: {}}}}}, resources: {{cache: {{type: redis, id: cache}}}}}}
)",
                     number, image, image);
}

void run(int applications) {
  MemoryStore store;
  SystemClock clock;
  crypto::SystemRandom random;
  const frontend::Context context{store, clock, &random};
  const frontend::Caller caller{"serviceaccount:bench"};
  must(frontend::ensure_defaults(context, QLEET_SOURCE_DIR "/profiles"));
  v1::JoinTokenRequest join;
  join.set_region("lab");
  v1::EnrolRequest enrol;
  enrol.set_token(must(frontend::create_join_token(context, caller, join)).token());
  enrol.set_agent("agent");
  enrol.set_public_key("U");
  must(frontend::redeem_join_token(context, enrol));
  const auto settle = [&](const Reader& before) { must(frontend::settle_everything(context, before)); };

  const auto empty = must(store.snapshot());
  const auto applied = seconds([&] {
    for (int i = 0; i < applications; ++i)
      must(frontend::apply(context, caller, must(model::decode(app(i, "i")))));
  });
  const auto settled = seconds([&] { settle(*empty); });
  const auto reader = must(store.snapshot());
  const auto resources = must(objects::list<v1::Resource>(*reader)).size();

  const auto before = must(store.snapshot());
  const auto one = seconds([&] {
    must(frontend::apply(context, caller, must(model::decode(app(0, "j")))));
    settle(*before);
  });
  const auto planned = seconds([&] {
    must(frontend::plan(context, frontend::plan_apply(caller, must(model::decode(app(0, "k"))), {})));
  });
  std::uint64_t next = 0;
  controllers::Manager fresh(store, clock, [&next] { return ++next; });
  const auto restarted = seconds([&] {
    must(fresh.resume());
    must(fresh.run_until_idle());
  });
  fmt::print("{:>12} {:>10} {:>12.2f} {:>12.2f} {:>14.2f} {:>10.2f} {:>12.2f}\n", applications, resources,
             applied * 1e3 / applications, settled * 1e3 / applications, one * 1e3, planned * 1e3, restarted);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::atoi(argv[i]));
  if (sizes.empty()) sizes = {100, 1000};
  fmt::print("{:>12} {:>10} {:>12} {:>12} {:>14} {:>10} {:>12}\n", "applications", "resources",
             "apply ms/app", "settle ms/app", "one change ms", "plan ms", "restart s");
  for (const int size : sizes) run(size);
}
