// The agent's engine: makes the desired resources true, keeps them so, and says how it goes.
//
// Per resource, when its inputs are ready: observe -> decide (decide.h) -> intent to the journal -> act ->
// observe ... until it is as wanted; then it rests until a watch, a change or the slow safety look wakes it.
// What became of every resource stands in its report (report_board.h).
//
// Everything below runs on one owner thread, step by step, and depends on nothing but its seams: the same
// journal, clock, random numbers and completions give the same acts.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/engine/executor.h"
#include "agent/engine/graph.h"
#include "agent/engine/inbox.h"
#include "agent/engine/ledger.h"
#include "agent/engine/report_board.h"
#include "agent/engine/steps.h"
#include "agent/journal/journal.h"
#include "agent/link/seams.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/crypto/token.h"
#include "common/loop/loop.h"
#include "providers/api/provider.h"

namespace qleet::agent {

struct EngineOptions {
  std::string agent;          // its name: the owner of what providers make
  std::string box_key;        // private: opens what the hub seals to this agent; empty: nothing is opened
  Millis retry_first{1'000};  // after the first failed try; doubles
  Millis retry_longest{300'000};
  unsigned stall_after = 5;      // failed tries until the state is Stalled
  Millis safety_look{600'000};   // at a ready resource, although nothing happened
  Millis poll{30'000};           // the same, where the provider has no watch
  Millis progress_look{30'000};  // at one that is on its way and watched
  Millis progress_poll{2'000};   // the same, where the provider has no watch
  Millis wake_spacing{50};       // between two looks at one resource that events ask for
  Millis overdue{60'000};        // a step that runs so long is told of
  Millis flush_spacing{10};      // between two commits of what steps brought, while others are under way
  Millis flush_after{100};       // what nobody waits for is written after this long
  unsigned max_steps_per_provider = 16;
  size_t max_events = 1'000;  // unconfirmed
};

// All must outlive the engine.
struct EngineSeams {
  Journal& journal;
  const Clock& clock;
  crypto::Random& random;  // secrets and jitter
  Executor& executor;
  Wake& wake;  // called when `step` has something to do
  std::map<std::string, std::shared_ptr<Provider>> providers;
  StepEnded step_ended = {};  // told of each step of a provider
};

class Engine final : public Stepper {
 public:
  // Reads the journal. Nothing is touched before the first step.
  static Result<std::unique_ptr<Engine>> open(EngineOptions options, EngineSeams seams);
  // Steps that are running end by themselves; what they bring is found by the next engine over this journal.
  // Nothing that runs is stopped.
  ~Engine() override;

  // Owner thread.
  MonoTime step() override;
  // While it is held it begins nothing, whatever happens; steps that run end by themselves. Once it is let
  // go, everything is reported anew: somebody else spoke for these resources meanwhile, with versions of his
  // own.
  void hold(bool held);
  // Durable when it returns success; on an error nothing has changed. Acts in the next step.
  Result<> apply_desired(const DesiredChange& change);
  Holding holding() const;
  // The provider of a resource and how it is called there; kNotFound.
  struct Handle {
    std::shared_ptr<Provider> provider;
    ProviderResource resource;
  };
  Result<Handle> handle(const std::string& name) const;
  const std::string& boot_id() const { return boot_id_; }
  // Why the journal cannot be written, so that nothing is begun or reported; empty: it can. Goes by itself.
  const std::string& trouble() const { return trouble_; }
  // Nothing runs and nothing is about to: only time or an event brings something.
  bool idle() const { return queue_.empty() && steps_.in_flight() == 0 && !ledger_.pending(); }

  // Any thread.
  Reports& reports() { return board_; }
  ReportCounts report_counts() const { return board_.counts(); }
  // Something about this resource may have changed.
  void wake(const std::string& name) { inbox_->wake(name); }
  // Runs `function` on the owner thread; false: the engine is closing, it will not run.
  bool call(std::function<void()> function) { return inbox_->call(std::move(function)); }

 private:
  Engine(EngineOptions options, EngineSeams seams);
  Result<> restore();
  void watch_providers();

  // engine.cc: the loop.
  void report_anew();
  void report_again(Node& node, std::uint64_t version);
  void enqueue(const std::string& name);
  void enqueue_dependents(const Node& node, bool inputs_changed);
  void absorb(Inbox::Contents contents);
  void woken(Node& node);
  void launch_acts();
  Result<> flush(JournalChanges more = {});
  void note_journal(const Result<>& written);
  MonoTime probe_journal();
  MonoTime flush_if_due();

  // engine_desired.cc
  Result<> check(const DesiredChange& change) const;
  void tell_again(const v1::Desired& desired);
  void put(const wire::v1::DesiredResource& stated, const v1::Desired& desired);
  static void keep_box(const wire::v1::DesiredResource& held, wire::v1::DesiredResource& stated);
  v1::Desired merged(const wire::v1::DesiredResource& stated, const std::string& epoch) const;

  // engine_pass.cc, engine_acts.cc, engine_outcomes.cc: one resource.
  void consider(Node& node);
  void refresh_inputs(Node& node);
  // engine_secrets.cc
  void keep_present_secrets(JournalChanges& changes);
  Result<> make_secrets(Node& node, const std::set<std::string>& names);
  void note_found(Node& node);
  // engine_values.cc: resources that hand out the values of a Secret.
  Result<OutputMap> opened_values(const Node& node) const;
  Result<OutputMap> outputs_of(const Node& node) const;
  // One look at a resource has one time: what waits for a moment that passes meanwhile would wait for ever.
  Situation situation(const Node& node, MonoTime now) const;
  void carry_out(Node& node, const Decision& decision, MonoTime now);
  void schedule(Node& node, MonoTime now);
  void show_overdue(Node& node);
  void observe(Node& node);
  void begin_apply(Node& node, const Decision& decision);
  void begin_remove(Node& node);
  bool done(Node& node, Decision& decision);
  void finish_moved(Node& node);
  void finish_gone(Node& node);
  void outcome(StepOutcome& outcome);
  void observed(Node& node, Result<Observation> result, const std::string& hash);
  void stepped(Node& node, Result<StepResult> result);
  void failed(Node& node, Error error);
  void show(Node& node, Decision decision);
  void event(const Node& node, std::string_view type, std::string_view reason, std::string message);
  // `message` holds no secret. Without a name: about the agent.
  void event(const std::string& name, std::string_view type, std::string_view reason, std::string message);
  Millis jittered(Millis base) const;
  std::vector<std::string> secrets_near(const Node& node) const;
  ProviderResource provider_resource(const Node& node) const;
  Provider* provider(const std::string& name) const;

  const EngineOptions options_;
  EngineSeams seams_;
  std::shared_ptr<Inbox> inbox_;
  Graph graph_;
  ReportBoard board_;
  Ledger ledger_;
  Steps steps_;
  Timers timers_;
  v1::Meta meta_;
  std::string boot_id_;
  std::uint64_t events_made_ = 0;
  std::uint64_t newest_version_ = 0;  // of all reports
  std::deque<std::string> queue_;
  struct PendingAct {
    std::string name;
    StepKind kind;
  };
  std::vector<PendingAct> acts_;  // wait for their intent to be durable
  std::optional<MonoTime> pending_since_;
  std::optional<MonoTime> retry_flush_at_;
  bool held_ = false;
  std::string trouble_;
  MonoTime probe_at_{};
  MonoTime flushed_at_{};
  std::map<std::string, bool> watched_;
  std::vector<std::shared_ptr<void>> watches_;
};

}  // namespace qleet::agent
