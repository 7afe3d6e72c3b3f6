// What agents say: status, events, heartbeats. Status is merged into the store and then confirmed; heartbeats
// keep liveness in memory, and their digest finds what was lost silently.
//
// One transaction takes all reports that have come in while the one before was being committed.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/bus/bus.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/loop/loop.h"
#include "common/sync/limits.h"
#include "common/thread/mutex.h"
#include "hub/dispatch/agent_directory.h"
#include "hub/dispatch/allowance.h"
#include "hub/dispatch/boot_watch.h"
#include "hub/dispatch/desired_index.h"
#include "hub/dispatch/flood_watch.h"
#include "hub/dispatch/messages.h"
#include "hub/fleet/agent_status.h"
#include "hub/fleet/intake.h"
#include "hub/fleet/liveness.h"
#include "hub/fleet/misconduct.h"
#include "hub/fleet/poke_policy.h"
#include "hub/fleet/report_check.h"
#include "hub/fleet/schema_check.h"
#include "hub/store/random.h"
#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub {

struct FleetOptions {
  Millis heartbeat = sync::kHeartbeatEvery;
  unsigned missed_until_lost = 3;
  // For an agent whose connection has ended to come back.
  Millis grace{2'000};
  // Heartbeats alone wait so long for others: each wakes a thread otherwise.
  Millis gather_heartbeats{20};
  IntakeLimits intake;
  // Bytes of reports of one agent, an event counting as 4 KiB: so many at once and by the second, and so many
  // more for each resource of its region. What is over is not confirmed; agents send it again.
  Allowance reports{.burst = 2 << 20, .per_second = 64 << 10};
  Allowance reports_per_resource{.burst = 16 << 10, .per_second = 512};
  // The facts of an agent's heartbeats are stored at most so often.
  Millis facts_every{2'000};
  // An agent that sends more messages a second than this (any kind; each 64 KiB count as one more) is cut off
  // for the time, which doubles each time that it happens again within an hour.
  std::uint64_t flood_per_second = 2'000;
  Millis suspend_for{60'000};
  Millis longest_suspension{3'600'000};
  FloodWatch* flood = nullptr;  // told of each message by all who take some; outlives the fleet
  BootWatch* boots = nullptr;   // the same; null: every process of an agent is listened to
  size_t resources_per_transaction = 2000;
  PokeLimits poke;
  ReportLimits limits;
};

struct FleetCounters {
  std::uint64_t reports = 0;
  std::uint64_t resources_written = 0;
  std::uint64_t resources_erased = 0;
  std::uint64_t events_written = 0;
  std::uint64_t heartbeats = 0;
  std::uint64_t pokes = 0;
  std::uint64_t garbage = 0;  // messages or parts of them that were dropped
  std::uint64_t ignored = 0;  // messages of agents that are not to be listened to
  std::uint64_t dropped = 0;  // more reports of an agent waited than may
  std::uint64_t over = 0;     // reports over an agent's allowance
  std::uint64_t suspended = 0;
  std::uint64_t transactions = 0;
};

// What other parts of the hub do within the fleet's transactions; each may run more than once.
struct FleetHooks {
  // Removes a resource whose tombstone was carried out, with its edges and index keys.
  std::function<Result<>(Txn&, const v1::Resource&)> erase_resource;
  // Stores an event of an agent, once however often it comes; false: it was there already. Null: write_event,
  // with `random`.
  std::function<Result<bool>(Txn&, const std::string& agent, const wire::v1::EventReport&, WallTime)>
      record_event;
  Random random = system_random();
  // The hub's own event about an agent. Null: none is stored.
  std::function<Result<>(Txn&, const std::string& agent, std::string_view reason, const std::string& message)>
      note;
  // Stores the key to which values of Secrets are sealed for the agent. Null: none is.
  std::function<Result<>(Txn&, const std::string& agent, const std::string& box_key)> take_box_key;
  // Cuts the agent off the bus, or lets it back; must not wait. Null: nobody is cut off.
  std::function<void(const std::string& agent, bool suspended)> suspend;
};

class Fleet final : public Stepper {
 public:
  // All references must outlive this object. `directory` and `index` are those of dispatch.
  Fleet(Store& store, Bus& bus, const Clock& clock, const AgentDirectory& directory, DesiredIndex& index,
        FleetHooks hooks, FleetOptions options);
  ~Fleet() override;

  // Subscribes; after dispatch has started, before the first step.
  Result<> start();
  MonoTime step() override;
  Wake& wake() { return wake_; }

  // These may be used by any thread.
  // The bus says that the agent's connection has ended.
  void left(const std::string& agent);
  // The agent says so; stored with the next step.
  void box_key_changed(const std::string& agent, const std::string& box_key);
  // What the agent says of its providers' templates; checked, and stored where it is something else than
  // before.
  void schemas_told(const std::string& agent, ProviderSchemas schemas);
  const Liveness& liveness() const { return liveness_; }
  FleetCounters counters() const;

 private:
  struct Report {
    std::string agent;
    std::string region;
    std::string reporter;
    wire::v1::StatusReport body;
  };
  struct Written {
    std::uint64_t resources = 0;
    std::uint64_t erased = 0;
    std::uint64_t events = 0;
    std::set<std::string> ahead;  // agents that report what this store does not have
  };

  void poke(const std::string& agent, std::string_view why);
  // The agent, if it is to be listened to.
  std::optional<EnrolledAgent> speaker(const std::string& name);
  // Whether what this process of it says counts.
  bool serves(const std::string& agent, const std::string& boot);
  void watch_copies(MonoTime now);
  bool within_allowance(const EnrolledAgent& agent, size_t bytes);
  void heard(const std::string& agent);
  void take_heartbeat(const EnrolledAgent& agent, const std::string& data);
  // Whether it holds what it shall.
  void compare(const EnrolledAgent& agent, const wire::v1::Heartbeat& beat);
  void take_status(const EnrolledAgent& agent, const std::string& data, std::vector<Report>& reports);
  // As many of `reports`, from `begin` on, as one transaction takes; returns the end.
  size_t write_reports(const std::vector<Report>& reports, size_t begin);
  Result<> write_report(Txn& txn, const Report& report, WallTime now, Written& written) const;
  void confirm(const Report& report);
  void write_box_keys();
  // As show(), not before what is stored of the agent is old enough.
  void show_facts(const std::string& agent);
  void take_schemas();
  void watch_presence(MonoTime now);
  void watch_floods(MonoTime now);
  void show(const std::string& agent, MonoTime not_before);
  // False: to be tried again.
  void note_store(const std::string& error);
  bool write_agents(MonoTime now);
  Result<> write_agent(Txn& txn, const std::string& name, WallTime now) const;
  void count(std::uint64_t FleetCounters::* counter, std::uint64_t by = 1);

  Store& store_;
  Bus& bus_;
  const Clock& clock_;
  const AgentDirectory& directory_;
  DesiredIndex& index_;
  const FleetHooks hooks_;
  const FleetOptions options_;
  const StoreIdentity identity_;

  Wake wake_;
  Intake intake_;

  Liveness liveness_;
  PokePolicy poke_policy_;
  std::map<std::string, wire::v1::Heartbeat> beats_;  // by agent, the newest
  std::set<std::string> uncompared_;         // agents whose newest came before their region was known
  Timers unwritten_;                         // agents whose stored status is out of date: when it is due
  std::map<std::string, MonoTime> written_;  // when the facts of an agent were stored
  Allowances allowances_;
  Misconduct misconduct_;
  std::map<std::string, std::string> floods_;  // agents that were cut off, not yet told of: in words
  std::map<std::string, std::string> copies_;  // agents with a second process, not yet told of: in words
  std::set<std::string> revoked_;              // agents that are known as such
  MonoTime next_watch_{};
  std::uint64_t directory_seen_ = 0;
  MonoTime looked_at_{};
  std::atomic<bool> urgent_ = false;     // something else than heartbeats has come
  std::atomic<bool> gathering_ = false;  // heartbeats have, and a step is due
  MonoTime floods_counted_{};
  MonoTime write_agents_at_{};
  std::string store_error_;  // empty: the last write went well

  Mutex box_keys_mutex_;
  std::map<std::string, std::string> box_keys_ GUARDED_BY(box_keys_mutex_);  // by agent, to be stored

  Mutex told_schemas_mutex_;
  std::map<std::string, ProviderSchemas> told_schemas_
      GUARDED_BY(told_schemas_mutex_);                  // by agent, not looked at yet
  std::map<std::string, size_t> known_schemas_;         // by agent, a hash of what was last taken
  std::map<std::string, ProviderSchemas> new_schemas_;  // by agent, to be stored

  mutable Mutex counters_mutex_;
  FleetCounters counters_ GUARDED_BY(counters_mutex_);

  // Last: nothing is called back once they are gone.
  std::shared_ptr<void> status_subscription_;
  std::shared_ptr<void> heartbeat_subscription_;
};

}  // namespace qleet::hub
