// One life of the hub's process: everything between its store and the network but HTTP, on the history's one
// thread. Destroying it is what a crash leaves: the store.
#pragma once

#include <memory>

#include "common/bus/memory_bus.h"
#include "hub/api/seams.h"
#include "hub/api/show.h"
#include "hub/controllers/manager.h"
#include "hub/dispatch/dispatch.h"
#include "hub/fleet/fleet.h"
#include "hub/fleet/freshness.h"
#include "hub/frontend/frontend.h"
#include "tests/simulation/dice.h"

namespace qleet::sim {

struct HubOptions {
  std::uint64_t seed = 0;
  Millis heartbeat = sync::kHeartbeatEvery;
  bool one_boot = true;   // false (sabotage): it listens to every process of an agent
  bool freshness = true;  // false (sabotage): status is shown without its age
};

// What the API asks for, as the hub's assembly answers it.
class ShownFreshness final : public hub::api::Freshness {
 public:
  explicit ShownFreshness(const hub::Freshness& freshness) : freshness_(freshness) {}
  void refresh(google::protobuf::Message& object) const override { freshness_.refresh(object); }

 private:
  const hub::Freshness& freshness_;
};

class HubProcess {
 public:
  // Throws HubCrash where the store says so.
  HubProcess(hub::Store& store, MemoryBroker& broker, const Clock& clock, const HubOptions& options);

  // One piece of work of one of its parts, chosen by `turn`; false: none has anything to do now.
  bool step(std::uint64_t turn);
  MonoTime next_due() const { return due_; }
  bool idle() const;

  hub::frontend::Context context() { return {store_, clock_, &random_}; }
  const hub::api::Shower& shower() const { return shower_; }
  const hub::Freshness& freshness() const { return freshness_; }
  const hub::Fleet& fleet() const { return fleet_; }

 private:
  struct Part {
    bool awake = true;
    MonoTime due{};
  };
  bool step_part(unsigned index);

  hub::Store& store_;
  const Clock& clock_;
  Bytes random_;
  hub::Random ids_;
  std::unique_ptr<MemoryBus> bus_;
  hub::BootWatch boots_;
  hub::Dispatch dispatch_;
  hub::Fleet fleet_;
  hub::Freshness freshness_;
  ShownFreshness api_freshness_;
  hub::api::Shower shower_;
  hub::controllers::Manager manager_;
  Part parts_[3];  // manager, dispatch, fleet
  MonoTime due_{};
  std::shared_ptr<void> subscription_;
};

}  // namespace qleet::sim
