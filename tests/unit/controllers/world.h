// A hub without its API, wire and disk: store in memory, controllers driven by hand, agents that do at once
// what they are told. After each settling the invariants of the store are checked.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/crypto/token.h"
#include "hub/controllers/manager.h"
#include "hub/frontend/frontend.h"
#include "hub/store/memory_store.h"
#include "hub/store/objects.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/profile.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::tests {

// Resource -> "hash" of those that are wanted, " unused" appended where nobody needs them.
using Snapshot = std::map<std::string, std::string>;

// What must hold between objects and indexes at every revision, as expectations of the running test.
void check_invariants(const Store& store);

class World {
 public:
  // With the profiles of this source tree, or none where `profiles` is false.
  explicit World(bool profiles = true);
  // Over another store, which may hold something and outlives this.
  World(Store& store, const std::string& profiles);

  // Drops the own store's log before this revision.
  Result<> compact(Revision before) { return own_store_->compact(before); }

  // Objects in YAML. The error's message where it is refused.
  v1::ApplyResult apply(const std::string& yaml);
  std::string refusal(const std::string& yaml);
  // Empty, or why it is refused.
  std::string erase(const std::string& kind, const std::string& name,
                    const frontend::EraseOptions& options = {});
  v1::DeliveryAnswers build(const std::string& image, const std::string& tag, char digest,
                            const std::string& key = {});

  // A region whose agent is connected.
  void join(const std::string& region, const std::map<std::string, std::string>& labels = {});
  void set_agent(const std::string& region, const std::string& state);

  // Controllers and agents until nothing is left to do now.
  void settle();
  // Moves the clock, in steps that let whatever becomes due be done.
  void pass(Millis time);

  template <class T>
  std::optional<T> get(const std::string& name) {
    const auto reader = store.snapshot();
    return objects::get<T>(**reader, name).value();
  }
  // The same, which must be there.
  template <class T>
  T at(const std::string& name) {
    auto found = get<T>(name);
    if (!found) throw std::runtime_error("there is no " + name);
    return *std::move(found);
  }
  std::vector<std::string> resources();  // names of those that are wanted
  Snapshot snapshot();
  std::string state(const std::string& deployment);  // "Ready 3", state and current release
  // Has all agents look again: what is broken, slow or counted may be otherwise now.
  void look_again();
  // As a hub that was away and starts again.
  void restart();

  // What plan says will happen, and what then does happen, as "action name": they must be equal.
  void expect_planned(const frontend::Operation& operation, const std::function<void()>& act);

  frontend::Context context() { return {store, clock, &random}; }

 private:
  std::unique_ptr<MemoryStore> own_store_;

 public:
  Store& store;
  ManualClock clock;
  crypto::SeededRandom random{7};
  frontend::Caller caller{"serviceaccount:tester"};
  // Resources whose name holds one of these do not become ready but stall, with this reason and message.
  std::map<std::string, std::pair<std::string, std::string>> broken;
  // The same, but they go on trying: Progressing.
  std::map<std::string, std::pair<std::string, std::string>> slow;
  // Of those that are broken or slow: replicas that are ready all the same, and restarts.
  std::map<std::string, std::pair<std::uint32_t, std::uint32_t>> counts;
  std::set<std::string> silent;  // regions whose agents do nothing
  // What tags are: image, or region and image with a blank between them, -> digest. Empty: agents that know
  // nothing of digests, and run what they are told at once.
  std::map<std::string, std::string> tags;

 private:
  void begin(const std::string& profiles);
  bool act_as_agents();
  bool resolves_images(v1::Resource& resource);
  void count(v1::Resource& resource) const;
  void check_told();

  std::unique_ptr<controllers::Manager> manager_;
  Revision agents_at_ = 0;
  std::set<std::string> unheard_;  // resources of silent agents
};

}  // namespace qleet::hub::tests
