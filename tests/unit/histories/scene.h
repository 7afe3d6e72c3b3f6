// A hub without API, wire and disk: a store, its controllers driven by hand, and a clock that stands still
// until it is told to move.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/crypto/token.h"
#include "hub/controllers/manager.h"
#include "hub/frontend/frontend.h"
#include "hub/store/objects.h"
#include "hub/store/overlay_store.h"
#include "hub/store/random.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::tests {

// What is given up by throwing: the history is wrong in a way that leaves nothing to go on with.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Scene {
 public:
  explicit Scene(std::uint64_t seed);
  // Goes on from where this one is, which stays as it is. Must not outlive it.
  std::unique_ptr<Scene> fork(std::uint64_t seed) const;

  frontend::Context context() { return {*store, clock, &random_}; }
  // The controllers, until nothing is left that is due now.
  void run();
  Result<> write(const std::function<Result<>(Txn&)>& function);

  // A region whose agent is connected; the agent is named after it.
  void join(const std::string& region, const std::string& tier);
  void set_agent(const std::string& region, const std::string& state);

  Revision revision() const { return store->snapshot().value()->revision(); }
  template <class T>
  std::vector<T> all() const {
    const auto reader = store->snapshot().value();
    return objects::list<T>(*reader).value();
  }
  template <class T>
  std::optional<T> get(const std::string& name) const {
    const auto reader = store->snapshot().value();
    return objects::get<T>(*reader, name).value();
  }

  std::unique_ptr<OverlayStore> store;
  ManualClock clock;
  const frontend::Caller caller{"serviceaccount:tester"};

 private:
  Scene(std::unique_ptr<OverlayStore> over, WallTime now, std::uint64_t seed);

  crypto::SeededRandom random_;
  std::uint64_t bits_;

 public:
  const Random random;  // of uids

 private:
  controllers::Manager manager_;
};

std::string agent_of(const std::string& region);

}  // namespace qleet::hub::tests
