#include "hub/fleet/fleet.h"

#include <algorithm>
#include <utility>

#include "common/log/log.h"
#include "common/sync/accept.h"
#include "common/sync/subjects.h"
#include "hub/dispatch/messages.h"
#include "hub/fleet/event_write.h"
#include "hub/fleet/status_merge.h"
#include "hub/store/objects.h"
#include "hub/store/resource_sketch.h"

namespace qleet::hub {
namespace {

namespace subjects = sync::subjects;
constexpr log::Logger kLog{"fleet"};
constexpr Millis kWatchEvery{1'000};
constexpr Millis kStoreRetry{500};

const model::Kind& resources() {
  static const model::Kind& kind = model::kind_of(v1::Resource::default_instance());
  return kind;
}

FleetHooks with_defaults(FleetHooks hooks) {
  if (!hooks.record_event) hooks.record_event = write_event;
  return hooks;
}

}  // namespace

Fleet::Fleet(Store& store, Bus& bus, const Clock& clock, const AgentDirectory& directory,
             const DesiredIndex& index, FleetHooks hooks, FleetOptions options)
    : store_(store),
      bus_(bus),
      clock_(clock),
      directory_(directory),
      index_(index),
      hooks_(with_defaults(std::move(hooks))),
      options_(std::move(options)),
      identity_(store.identity()),
      mailbox_(options_.mailbox),
      liveness_(options_.heartbeat * options_.missed_until_lost + options_.heartbeat / 4),
      poke_policy_(options_.poke) {}

Fleet::~Fleet() = default;

Result<> Fleet::start() {
  const auto reader = TRY(store_.snapshot());
  for (const auto& agent : TRY(objects::list<v1::Agent>(*reader))) {
    const std::string& name = agent.metadata().name();
    if (agent.spec().revoked()) revoked_.insert(name);
    const std::string& state = agent.status().state();
    if (state == "Connected" || state == "Lost")
      liveness_.restore(name, state == "Connected", clock_.mono(), clock_.wall());
  }
  const auto receive = [this](Incoming::What what) {
    return [this, what](Message message) {
      if (!mailbox_.put({what, std::string(subjects::agent_of(message.subject)), std::move(message.data)}))
        return;
      if (what == Incoming::What::kHeartbeat) {
        if (gathering_.exchange(true)) return;  // the step to come takes it along
      } else {
        urgent_ = true;
      }
      wake_();
    };
  };
  status_subscription_ =
      TRY(bus_.subscribe(subjects::of(subjects::kStatus, "*"), receive(Incoming::What::kStatus)));
  heartbeat_subscription_ =
      TRY(bus_.subscribe(subjects::of(subjects::kHeartbeat, "*"), receive(Incoming::What::kHeartbeat)));
  return {};
}

void Fleet::left(const std::string& agent) {
  if (!mailbox_.put({Incoming::What::kLeft, agent, {}})) return;
  urgent_ = true;
  wake_();
}

MonoTime Fleet::step() {
  const MonoTime ready = looked_at_ + options_.gather_heartbeats;
  if (!urgent_.exchange(false) && clock_.mono() < std::min(ready, next_watch_)) return ready;
  looked_at_ = clock_.mono();
  gathering_ = false;
  std::vector<Report> reports;
  for (auto& incoming : mailbox_.take()) {
    const auto agent = directory_.find(incoming.agent);
    if (!agent || directory_.refusal(incoming.agent)) {
      count(&FleetCounters::ignored);
      continue;
    }
    if (incoming.what == Incoming::What::kLeft) {
      liveness_.left(agent->name, clock_.mono(), options_.grace);
      next_watch_ = std::min(next_watch_, clock_.mono() + options_.grace);
    } else if (incoming.what == Incoming::What::kHeartbeat) {
      take_heartbeat(*agent, incoming.data);
    } else {
      take_status(*agent, incoming.data, reports);
    }
  }
  for (size_t i = 0; i < reports.size();) i = write_reports(reports, i);

  const MonoTime now = clock_.mono();
  watch_presence(now);
  if (!unwritten_.empty() && now >= write_agents_at_ && !write_agents()) write_agents_at_ = now + kStoreRetry;
  return unwritten_.empty() ? next_watch_ : std::min(next_watch_, std::max(now, write_agents_at_));
}

void Fleet::poke(const std::string& agent, std::string_view why) {
  if (bus_.publish(subjects::of(subjects::kPoke, agent), poke_message(identity_, why)))
    count(&FleetCounters::pokes);
}

void Fleet::heard(const std::string& agent) {
  if (!liveness_.heard(agent, clock_.mono(), clock_.wall())) return;
  unwritten_.insert(agent);
  kLog.info("agent connected", {{"agent", agent}});
}

void Fleet::take_heartbeat(const EnrolledAgent& agent, const std::string& data) {
  auto beat = check_heartbeat(data, options_.limits);
  if (!beat) return count(&FleetCounters::garbage);
  count(&FleetCounters::heartbeats);
  heard(agent.name);
  const auto why =
      poke_policy_.decide(agent.name, *beat, index_.region(agent.region), identity_, clock_.mono());
  if (!why.empty()) poke(agent.name, why);
  auto& known = beats_[agent.name];
  if (!same_facts(known, *beat)) unwritten_.insert(agent.name);
  known = *std::move(beat);
}

void Fleet::take_status(const EnrolledAgent& agent, const std::string& data, std::vector<Report>& reports) {
  auto checked = check_report(data, agent.region, options_.limits);
  if (!checked) return count(&FleetCounters::garbage);
  count(&FleetCounters::reports);
  if (checked->dropped > 0) {
    count(&FleetCounters::garbage, checked->dropped);
    kLog.warn("parts of a report were dropped",
              {{"agent", agent.name}, {"parts", std::to_string(checked->dropped)}});
  }
  heard(agent.name);
  // Of another life of the store: not confirmed, the agent sends it again once it is in this one.
  if (checked->report.epoch() != identity_.epoch) return;
  reports.push_back({agent.name, agent.region, std::move(checked->report)});
}

size_t Fleet::write_reports(const std::vector<Report>& reports, size_t begin) {
  size_t end = begin;
  for (size_t resources = 0; end < reports.size(); ++end) {
    resources += static_cast<size_t>(reports[end].body.resources_size() + reports[end].body.events_size());
    if (end > begin && resources > options_.resources_per_transaction) break;
  }
  const WallTime now = clock_.wall();
  Written written;
  const auto done = store_.transact([&](Txn& txn) -> Result<> {
    written = {};
    for (size_t i = begin; i < end; ++i) TRY(write_report(txn, reports[i], now, written));
    return {};
  });
  if (!done) {
    // Unconfirmed, so it comes again.
    kLog.error("status cannot be stored", {{"error", done.error().message}});
    return end;
  }
  count(&FleetCounters::transactions);
  count(&FleetCounters::resources_written, written.resources);
  count(&FleetCounters::resources_erased, written.erased);
  count(&FleetCounters::events_written, written.events);
  for (size_t i = begin; i < end; ++i) confirm(reports[i]);
  for (const auto& agent : written.ahead) poke(agent, "a report speaks of what this hub does not state");
  return end;
}

Result<> Fleet::write_report(Txn& txn, const Report& report, WallTime now, Written& written) const {
  const ReportOrigin origin{report.body.boot_id(), report.body.epoch(), now};
  for (const auto& item : report.body.resources()) {
    const auto stored = TRY(txn.get(objects::key(resources(), item.name())));
    v1::ResourceStatus status;
    ResourceSketch resource;
    if (stored) {
      resource = TRY(sketch(stored->value));
      status = TRY(resource.read_status());
    }
    const Judged judged{resource.region, resource.generation, resource.deleted, status};
    switch (judge(stored ? &judged : nullptr, item, report.region, identity_.epoch)) {
      case Merge::kWrite:
        write_status(status, item, origin);
        TRY(objects::replace_status(txn, resources(), *stored, status));
        ++written.resources;
        break;
      case Merge::kErase:
        if (const auto whole = TRY(objects::get<v1::Resource>(txn, item.name())))
          TRY(hooks_.erase_resource(txn, *whole));
        ++written.erased;
        break;
      case Merge::kAhead:
      case Merge::kRevived:
        written.ahead.insert(report.agent);
        break;
      case Merge::kOld:
      case Merge::kUnknown:
      case Merge::kForeign:
        break;
    }
  }
  for (const auto& event : report.body.events())
    if (TRY(hooks_.record_event(txn, report.agent, event, now))) ++written.events;
  return {};
}

void Fleet::confirm(const Report& report) {
  wire::v1::StatusAck ack;
  ack.set_protocol(sync::kProtocolMax);
  ack.set_sequence(report.body.sequence());
  ack.set_boot_id(report.body.boot_id());
  // Not sent or lost: the report comes again and is confirmed then.
  (void)bus_.publish(subjects::of(subjects::kAck, report.agent), ack.SerializeAsString());
}

void Fleet::watch_presence(MonoTime now) {
  if (now < next_watch_) return;
  next_watch_ = now + kWatchEvery;
  for (const auto& agent : liveness_.expire(now, clock_.wall())) {
    kLog.warn("agent lost", {{"agent", agent}});
    unwritten_.insert(agent);
  }
  const auto directory = directory_.changes();
  if (std::exchange(directory_seen_, directory) == directory) return;
  for (const auto& agent : directory_.all()) {
    if (!agent.revoked) {
      revoked_.erase(agent.name);
    } else if (revoked_.insert(agent.name).second) {
      liveness_.forget(agent.name);
      poke_policy_.forget(agent.name);
      beats_.erase(agent.name);
      unwritten_.insert(agent.name);
    }
  }
}

bool Fleet::write_agents() {
  const WallTime now = clock_.wall();
  const auto done = store_.transact([&](Txn& txn) -> Result<> {
    for (const auto& name : unwritten_) TRY(write_agent(txn, name, now));
    return {};
  });
  if (!done) {
    kLog.error("agents' status cannot be stored", {{"error", done.error().message}});
    return false;
  }
  unwritten_.clear();
  return true;
}

Result<> Fleet::write_agent(Txn& txn, const std::string& name, WallTime now) const {
  auto agent = TRY(objects::get<v1::Agent>(txn, name));
  if (!agent) return {};
  AgentFacts facts{liveness_.sight(name), agent->spec().revoked(), {}};
  if (const auto beat = beats_.find(name); beat != beats_.end()) facts.beat = beat->second;
  describe(facts, now, *agent);
  TRY(objects::put_status(txn, *agent));
  const auto serving = directory_.serving(agent->spec().region());
  if (serving && *serving != name) return {};
  auto region = TRY(objects::get<v1::Region>(txn, agent->spec().region()));
  if (!region) return {};
  describe(*agent, *region);
  TRY(objects::put_status(txn, *region));
  return {};
}

void Fleet::count(std::uint64_t FleetCounters::* counter, std::uint64_t by) {
  std::lock_guard lock(counters_mutex_);
  counters_.*counter += by;
}

FleetCounters Fleet::counters() const {
  std::lock_guard lock(counters_mutex_);
  FleetCounters counters = counters_;
  counters.dropped = mailbox_.dropped();
  return counters;
}

}  // namespace qleet::hub
