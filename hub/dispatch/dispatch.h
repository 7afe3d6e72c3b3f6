// What each agent must hold, on its way to it: deltas behind every commit, answers to sync requests.
//
// Follows the store's change log. Nothing here is truth: index and directory are derived from the store, a
// lost delta is healed by the agent's next sync, and a restart begins from a snapshot. What a region's agent
// shall hold is read when that agent speaks, or when something of it changes. docs/protocol.md gives the
// rules.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/bus/bus.h"
#include "common/clock/clock.h"
#include "common/loop/loop.h"
#include "common/thread/mutex.h"
#include "hub/dispatch/agent_directory.h"
#include "hub/dispatch/allowance.h"
#include "hub/dispatch/boot_watch.h"
#include "hub/dispatch/desired_index.h"
#include "hub/dispatch/flood_watch.h"
#include "hub/dispatch/messages.h"
#include "hub/dispatch/sync_answer.h"
#include "hub/dispatch/sync_queue.h"
#include "hub/store/store.h"

namespace qleet::hub {

struct DispatchOptions {
  Millis coalesce{2};  // between two deltas to one agent; the first one of a burst goes at once
  size_t sync_queue = 20'000;
  size_t syncs_per_step = 64;
  // Sync requests of one agent: so many at once and by the second, and so many more for each answer that all
  // of its region fills. What is over is not answered; agents ask again.
  Allowance syncs{.burst = 64, .per_second = 2};
  Allowance syncs_per_answer{.burst = 40, .per_second = 0.4};
  // After so long with answers, deltas have their turn; and after so long with reading regions.
  Millis answering_at_once{5};
  size_t changes_per_read = 4096;
  SyncLimits sync_limits;
  // At start, agents whose region changed within that many last revisions are poked: a delta may have been
  // lost between commit and publish.
  Revision poke_recent_revisions = 4096;
  // Answers go only to inboxes that begin so; "{agent}" stands for the name. An agent could otherwise have
  // the hub speak on subjects that are not its own.
  std::string inbox_prefix = "_INBOX.{agent}.";
  FloodWatch* flood = nullptr;         // told of each request; outlives the dispatch
  BootWatch* boots = nullptr;          // the same; null: every process of an agent is answered
  const SecretBoxes* boxes = nullptr;  // outlives the dispatch; null: nobody is sent values of Secrets
  // An agent seals to another key than the directory knows; on the dispatch's thread, must not wait.
  std::function<void(const std::string& agent, const std::string& box_key)> box_key_changed = {};
  // An agent asks for a sync, as it does when it has come; the same.
  std::function<void(const std::string& agent)> came = {};
  // What an agent says of its providers' templates, unchecked; the same.
  std::function<void(const std::string& agent, ProviderSchemas)> schemas_told = {};
};

struct DispatchCounters {
  std::uint64_t deltas = 0;
  std::uint64_t pokes = 0;
  std::uint64_t syncs = 0;  // answered
  std::uint64_t syncs_refused = 0;
  std::uint64_t syncs_invalid = 0;
  std::uint64_t syncs_dropped = 0;  // the queue was full
  std::uint64_t syncs_over = 0;     // over an agent's allowance
  std::uint64_t publish_failures = 0;
  std::uint64_t begins = 0;  // from a snapshot: at start, and where the log was compacted
};

class Dispatch final : public Stepper {
 public:
  // `store`, `bus` and `clock` must outlive this object.
  Dispatch(Store& store, Bus& bus, const Clock& clock, DispatchOptions options);
  ~Dispatch() override;

  // Subscribes, and begins from a snapshot; before the first step.
  Result<> start();
  MonoTime step() override;
  Wake& wake() { return wake_; }

  // These may be read by any thread.
  DesiredIndex& index() { return index_; }
  const AgentDirectory& agents() const { return directory_; }
  DispatchCounters counters() const;

 private:
  struct Pending {
    Revision prev_position = 0;
    Revision position = 0;
    std::map<std::string, SpecChange> changes;  // by resource, the latest
  };
  // Knows the agents and no region; pokes those of which something was changed after `since`.
  Result<> begin(const Reader& reader, Revision since, std::string_view why);
  // Reads the log up to `upto` at most. False: there may be more. A compacted log sets compacted_.
  Result<bool> follow(Revision upto);
  void take_change(const Change& change, MonoTime now);
  void take_spec(SpecChange change);
  Result<> build(const Reader& reader, const std::string& region, MonoTime now);
  // Some of unbuilt_; when to go on.
  MonoTime build_some(MonoTime now);
  MonoTime flush_due(MonoTime now);
  // True: some are left for the next step.
  bool answer_syncs(MonoTime now);
  bool within_allowance(const std::string& agent, MonoTime now);
  void flush(const std::string& region, const Pending& pending);
  void poke(std::string_view agent, std::string_view why);
  void answer(const SyncCall& call);
  Result<std::vector<wire::v1::SyncBatch>> answer_request(const SyncCall& call);
  Recipient recipient_of(std::string_view agent) const;
  bool publish(std::string_view subject, const std::string& data);

  Store& store_;
  Bus& bus_;
  const Clock& clock_;
  const DispatchOptions options_;
  const StoreIdentity identity_;

  Wake wake_;
  SyncQueue sync_queue_;
  Allowances allowances_;

  DesiredIndex index_;
  AgentDirectory directory_;
  Revision cursor_ = 0;  // the log was read up to here
  bool compacted_ = false;
  // Regions that are needed and not known yet, and up to where the log says nothing of them that their agents
  // have not been told.
  std::map<std::string, Revision> unbuilt_;
  std::unordered_map<std::string, Pending> pending_;         // by region
  std::unordered_map<std::string, MonoTime> next_delta_at_;  // by region

  mutable Mutex counters_mutex_;
  DispatchCounters counters_ GUARDED_BY(counters_mutex_);

  // Last: nothing is called back once they are gone.
  std::shared_ptr<void> store_subscription_;
  std::shared_ptr<void> sync_subscription_;
};

}  // namespace qleet::hub
