#include "tests/unit/histories/scene.h"

#include "hub/store/memory_store.h"

namespace qleet::hub::tests {
namespace {

constexpr size_t kMaxSteps = 20'000;

template <class T>
T must(Result<T> result) {
  if (!result) throw Broken(result.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// What every history begins with: roles and the environment "default". Made once.
const OverlayStore& beginning() {
  static const auto made = [] {
    auto store = std::make_unique<MemoryStore>();
    const ManualClock clock;
    crypto::SeededRandom random(1);
    must(frontend::ensure_defaults({*store, clock, &random}, ""));
    return store;
  }();
  return *made;
}

}  // namespace

Scene::Scene(std::unique_ptr<OverlayStore> over, WallTime now, std::uint64_t seed)
    : store(std::move(over)),
      clock(now),
      random_(seed),
      bits_(seed << 20),
      random([this] { return ++bits_ * 0x9e3779b97f4a7c15ULL; }),
      manager_(*store, clock, random) {
  must(manager_.resume());
}

Scene::Scene(std::uint64_t seed) : Scene(must(OverlayStore::over(beginning())), ManualClock().wall(), seed) {}

std::unique_ptr<Scene> Scene::fork(std::uint64_t seed) const {
  return std::unique_ptr<Scene>(new Scene(must(OverlayStore::over(*store)), clock.wall(), seed));
}

void Scene::run() { must(manager_.run_until_idle(kMaxSteps)); }

Result<> Scene::write(const std::function<Result<>(Txn&)>& function) {
  TRY(store->transact(function));
  return {};
}

void Scene::join(const std::string& region, const std::string& tier) {
  v1::JoinTokenRequest request;
  request.set_region(region);
  (*request.mutable_labels())["tier"] = tier;
  v1::EnrolRequest enrol;
  enrol.set_token(must(frontend::create_join_token(context(), caller, request)).token());
  enrol.set_agent(agent_of(region));
  enrol.set_public_key("U" + region);
  must(frontend::redeem_join_token(context(), enrol));
  set_agent(region, "Connected");
}

void Scene::set_agent(const std::string& region, const std::string& state) {
  must(write([&](Txn& txn) -> Result<> {
    auto agent = *TRY(objects::get<v1::Agent>(txn, agent_of(region)));
    agent.mutable_status()->set_state(state);
    *agent.mutable_status()->mutable_since() = objects::timestamp(clock.wall());
    TRY(objects::put_status(txn, agent));
    return {};
  }));
}

std::string agent_of(const std::string& region) { return "agent-" + region; }

}  // namespace qleet::hub::tests
