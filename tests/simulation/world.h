// A hub, agents, their disks, the network between them and the cloud behind them: on one thread and one
// clock, where everything that is left to chance follows from the seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/bus/memory_bus.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/cloud.h"
#include "tests/simulation/hub_process.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/network.h"
#include "tests/simulation/sim_store.h"
#include "tests/simulation/watcher.h"
#include "tests/support/store_copy.h"

namespace qleet::sim {

struct WorldOptions {
  std::uint64_t seed = 1;
  bool print = false;
  Sabotage sabotage = Sabotage::kNone;
  bool copies = false;  // of agents may run
};

// How often what goes wrong by itself. What lasts (partitions, full disks, ...) is the history's to begin and
// end.
struct Trouble {
  unsigned store_crash_permille = 0;  // per transaction
  unsigned store_twice_permille = 0;
  unsigned journal_crash_permille = 0;  // per commit
  unsigned slow_step_permille = 0;      // a provider step takes up to two minutes
  CloudTrouble cloud;
  NetworkTrouble network;
};

struct Backup {
  std::shared_ptr<const testing::StoreContent> content;
  hub::Revision revision = 0;
  Checker::Writes expected;
  hub::StoreIdentity identity;  // of the store that it was taken of
};

class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();

  // --- time ------------------------------------------------------------------------------------------
  // Everything that is due within `time`, in order.
  void run(Millis time);
  // Until the condition holds, looked at every `every`; false: it did not within `limit`.
  bool run_until(const std::function<bool()>& condition, Millis every, Millis limit);
  // Something that happens by itself, then.
  void at(Millis in, std::function<void()> action);

  // --- trouble ---------------------------------------------------------------------------------------
  void set_trouble(const Trouble& trouble);
  bool store_full = false;
  std::map<std::string, bool> journal_full;  // by agent

  // --- the hub -----------------------------------------------------------------------------------------
  enum class Answer { kDone, kRefused, kUnknown, kDown };
  // Somebody calls an operation. kUnknown: the hub ended before it answered.
  Answer ask(std::string_view what, const std::function<Result<>(const hub::frontend::Context&)>& operation);
  std::string why_refused;  // of the last kRefused
  void crash_hub(Millis back_in);
  void start_hub();
  bool hub_runs() const { return hub_ != nullptr; }
  HubProcess& hub() { return *hub_; }
  SimStore& store() { return *store_; }
  Backup backup() const;
  // The store as it then was, as another life of it. The hub is started over it.
  void restore(const Backup& backup);
  // For a while another hub stands there, with an empty store of an epoch that nobody knows.
  void impostor(Millis time);

  // --- agents ------------------------------------------------------------------------------------------
  void enrol(const std::string& region, const std::map<std::string, std::string>& labels);
  void crash_agent(Machine& machine, Millis back_in);
  void start_agent(Machine& machine);
  std::map<std::string, std::unique_ptr<Machine>> machines;  // by region
  // An empty journal is there when it starts again. Not while there is a copy.
  void lose_journal(Machine& machine, Millis back_in);
  // Another machine, with the agent's state as it is now, runs beside it.
  void copy_agent(const std::string& region);
  // Somebody ends one of the two for good.
  void end_copy(const std::string& region, bool the_first);
  std::map<std::string, std::unique_ptr<Machine>> copies;  // by region
  // Regions whose agent may lack secrets: its journal was lost, or is the one that was cut off.
  std::set<std::string> forgetful;
  // At the last look at everything: data is there whose secret is lost, and what needs it has not become
  // ready.
  bool locked = false;
  enum class Cut { kToHub, kFromHub, kBoth, kNoticed };
  // Cuts an agent off; kNoticed: and its connection breaks, where otherwise nobody is told.
  void cut(const std::string& region, Cut how);
  void mend(const std::string& region);
  // When the agent of a region could last have been heard by this hub.
  std::map<std::string, MonoTime> heard() const;

  // Nothing is on its way, and nobody has anything to do before a timer rings.
  bool idle() const;
  void add_watcher(const std::string& plural);

 private:
  bool step();
  std::unique_ptr<Machine> new_machine(const std::string& region, const std::string& epoch);
  bool step_machine(Machine& machine);
  bool step_hub(std::uint64_t turn);
  void settle();
  MonoTime next_due() const;
  SimStore::Fate store_fate();
  SimJournal::Fate journal_fate(const std::string& agent);
  Millis step_duration();
  std::unique_ptr<SimStore> store_over(std::shared_ptr<const testing::StoreContent> content,
                                       hub::Revision revision, hub::StoreIdentity identity);

 public:
  const WorldOptions options;
  ManualClock clock;
  Dice dice;
  Trace trace;
  Findings findings;
  MemoryBroker broker;
  Network network;
  Cloud cloud;
  Checker checker;
  std::vector<std::unique_ptr<Watcher>> watchers;
  unsigned hub_crashes = 0;
  unsigned agent_crashes = 0;

 private:
  Trouble trouble_;
  std::unique_ptr<SimStore> store_;
  std::unique_ptr<HubProcess> hub_;
  MonoTime hub_began_{};
  std::multimap<MonoTime, std::function<void()>> actions_;
  std::map<std::string, MonoTime> alive_;   // by region: when its agent ended
  std::map<std::string, MonoTime> silent_;  // by region: since when nothing reaches the hub
  std::uint64_t hub_lives_ = 0;
  bool starting_hub_ = false;  // a restart is on its way
  std::map<const Machine*, bool> starting_;
  std::vector<std::unique_ptr<Machine>> ended_;
  unsigned lives_ = 1;  // of the store
  bool impostor_ = false;
};

}  // namespace qleet::sim
