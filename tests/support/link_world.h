// A hub's wire side (dispatch, fleet) over a store in memory, agents, and a network between them, all on one
// thread and one clock that the test owns.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "agent/link/session.h"
#include "common/bus/memory_bus.h"
#include "common/random/random.h"
#include "hub/dispatch/dispatch.h"
#include "hub/fleet/fleet.h"
#include "hub/fleet/freshness.h"
#include "hub/store/overlay_store.h"
#include "tests/support/sim_agent.h"
#include "tests/support/store_copy.h"

namespace qleet::testing {

// The hub's process: gone with a crash, made anew over the same store.
struct HubProcess {
  HubProcess(hub::Store& store, MemoryBroker& broker, const Clock& clock, hub::FleetHooks hooks);

  std::unique_ptr<MemoryBus> bus;
  hub::BootWatch boots;
  hub::Dispatch dispatch;
  hub::Fleet fleet;
};

struct AgentProcess {
  AgentProcess(const std::string& name, SimAgent& machine, MemoryBroker& broker, const Clock& clock,
               std::uint64_t seed, const std::string& boot_id, std::vector<v1::ProviderSchema> schemas = {});

  SeededRandom random;
  std::unique_ptr<MemoryBus> bus;
  agent::Session session;
};

class LinkWorld {
 public:
  // Whether a hub runs from the beginning; without one only the store is of use.
  enum Start { kWithHub, kStoreOnly };
  explicit LinkWorld(std::uint64_t seed = 1, Start start = kWithHub);
  hub::Store& store() { return *store_; }
  // As controllers do it.
  static hub::FleetHooks fleet_hooks();

  // --- the hub's store; a resource is "<region>.<rest>", its region's agent has the region's name ------
  // Again, with another key: another enrolment under the same name.
  void enrol(const std::string& agent, const std::string& key = {});
  void revoke(const std::string& agent);
  // Writes a new generation with this content. All in one transaction.
  void put_all(const std::vector<std::string>& names, const std::string& content);
  void put(const std::string& name, const std::string& content) { put_all({name}, content); }
  // A tombstone, or a new generation of it; nothing where there is no resource.
  void tombstone(const std::string& name);
  // Erases the object without a word to anyone, as a hub that lost data.
  void lose(const std::string& name);
  std::vector<v1::Resource> resources(const std::string& region) const;
  std::optional<v1::Resource> resource(const std::string& name) const;
  v1::Agent agent_object(const std::string& name) const;
  // Everything as it is now; restore() begins another epoch over it.
  std::shared_ptr<const StoreContent> backup() const;
  void restore(const std::shared_ptr<const StoreContent>& content, hub::Revision revision) {
    restore(content, revision, store_->identity());
  }
  // `identity`: of the store that the backup was taken of.
  void restore(const std::shared_ptr<const StoreContent>& content, hub::Revision revision,
               hub::StoreIdentity identity);
  hub::StoreIdentity identity() const { return store_->identity(); }
  // As if the files were put back: the same epoch again.
  void copy_back(const std::shared_ptr<const StoreContent>& content, hub::Revision revision,
                 const hub::StoreIdentity& identity);
  // Another hub takes the place of this one, with an empty store and an epoch that nobody knows. Agents stay
  // enrolled. `bring_back` undoes it.
  void impostor();
  void bring_back();
  hub::Revision revision() const;
  std::string epoch() const { return store_->identity().epoch; }

  // --- processes ---------------------------------------------------------------------------------------
  void stop_hub() { hub_.reset(); }
  void start_hub();
  void restart_hub() {
    stop_hub();
    start_hub();
  }
  void start_agent(const std::string& name);
  void stop_agent(const std::string& name) { agents_.erase(name); }
  void restart_agent(const std::string& name) {
    stop_agent(name);
    start_agent(name);
  }

  // --- time ----------------------------------------------------------------------------------------------
  // Everything that is due within `time`, in order.
  void run(Millis time);
  // Until the condition holds; false: it did not within `limit`.
  bool run_until(const std::function<bool()>& condition, Millis limit = Millis(120'000));

  // --- what must hold ------------------------------------------------------------------------------------
  // Empty, or what still differs between hub and agent.
  std::string difference(const std::string& agent) const;
  // What was deleted against the rules so far, on either side.
  const std::vector<std::string>& wrongs() const { return wrongs_; }

  ManualClock clock;
  SeededRandom random;
  MemoryBroker broker;
  std::map<std::string, std::vector<v1::ProviderSchema>>
      schemas;  // by agent, that it tells from its next start on
  std::map<std::string, std::unique_ptr<SimAgent>> machines;
  HubProcess& hub() { return *hub_; }
  bool hub_runs() const { return hub_ != nullptr; }
  agent::Session& session(const std::string& agent) { return agents_.at(agent)->session; }
  bool agent_runs(const std::string& agent) const { return agents_.contains(agent); }

 private:
  void step_all();
  void check_erase(const v1::Resource& resource);

  std::unique_ptr<hub::OverlayStore> store_;
  std::unique_ptr<hub::OverlayStore> real_store_;  // while an impostor is there
  std::unique_ptr<HubProcess> hub_;
  std::map<std::string, std::unique_ptr<AgentProcess>> agents_;
  std::set<std::tuple<std::string, std::string, std::uint32_t>> tombstones_;  // epoch, name, generation
  std::set<std::string> lost_;
  std::vector<std::string> wrongs_;
  std::uint64_t contents_ = 0;
  unsigned boots_ = 0;
  unsigned epochs_ = 1;
  MonoTime due_{};
  bool woken_ = false;
};

}  // namespace qleet::testing
