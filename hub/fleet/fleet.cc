#include "hub/fleet/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/clock/duration.h"
#include "common/log/log.h"
#include "common/model/reasons.h"
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
  if (!hooks.record_event)
    hooks.record_event = [random = hooks.random](Txn& txn, const std::string& agent,
                                                 const wire::v1::EventReport& event, WallTime now) {
      return write_event(txn, agent, event, now, random);
    };
  return hooks;
}

}  // namespace

Fleet::Fleet(Store& store, Bus& bus, const Clock& clock, const AgentDirectory& directory, DesiredIndex& index,
             FleetHooks hooks, FleetOptions options)
    : store_(store),
      bus_(bus),
      clock_(clock),
      directory_(directory),
      index_(index),
      hooks_(with_defaults(std::move(hooks))),
      options_(options),
      identity_(store.identity()),
      intake_(options_.intake),
      liveness_(options_.heartbeat * options_.missed_until_lost + options_.heartbeat / 4),
      poke_policy_(options_.poke) {}

Fleet::~Fleet() = default;

Result<> Fleet::start() {
  const auto reader = TRY(store_.snapshot());
  for (const auto& agent : TRY(objects::list_readable<v1::Agent>(*reader))) {
    const std::string& name = agent.metadata().name();
    if (agent.spec().revoked()) revoked_.insert(name);
    const std::string& state = agent.status().state();
    if (state == "Connected" || state == "Lost")
      liveness_.restore(name, state == "Connected", clock_.mono(), clock_.wall());
    if (options_.boots && state == "Connected")
      options_.boots->restore(name, agent.status().boot_id(), clock_.mono());
  }
  const auto agent_of = [this](const Message& message) {
    std::string agent(subjects::agent_of(message.subject));
    if (options_.flood) options_.flood->count(agent, message.data.size());
    return agent;
  };
  status_subscription_ =
      TRY(bus_.subscribe(subjects::of(subjects::kStatus, "*"), [this, agent_of](Message message) {
        if (!intake_.put_report(agent_of(message), std::move(message.data))) return;
        urgent_ = true;
        wake_();
      }));
  heartbeat_subscription_ =
      TRY(bus_.subscribe(subjects::of(subjects::kHeartbeat, "*"), [this, agent_of](Message message) {
        intake_.put_heartbeat(agent_of(message), std::move(message.data));
        if (!gathering_.exchange(true)) wake_();  // the step to come takes it along
      }));
  floods_counted_ = clock_.mono();
  return {};
}

void Fleet::left(const std::string& agent) {
  intake_.put_left(agent);
  urgent_ = true;
  wake_();
}

void Fleet::box_key_changed(const std::string& agent, const std::string& box_key) {
  {
    const MutexLock lock(box_keys_mutex_);
    box_keys_[agent] = box_key;
  }
  urgent_ = true;
  wake_();
}

void Fleet::schemas_told(const std::string& agent, ProviderSchemas schemas) {
  {
    const MutexLock lock(told_schemas_mutex_);
    told_schemas_[agent] = std::move(schemas);
  }
  if (!gathering_.exchange(true)) wake_();
}

MonoTime Fleet::step() {
  const MonoTime ready = looked_at_ + options_.gather_heartbeats;
  if (!urgent_.exchange(false) && clock_.mono() < std::min(ready, next_watch_)) return ready;
  looked_at_ = clock_.mono();
  gathering_ = false;
  std::vector<Report> reports;
  const auto taken = intake_.take();
  for (const auto& [name, data] : taken.heartbeats)
    if (const auto agent = speaker(name)) take_heartbeat(*agent, data);
  for (const auto& [name, data] : taken.reports)
    if (const auto agent = speaker(name)) take_status(*agent, data, reports);
  for (const auto& name : taken.left) {
    if (!speaker(name)) continue;
    liveness_.left(name, clock_.mono(), options_.grace);
    next_watch_ = std::min(next_watch_, clock_.mono() + options_.grace);
  }
  for (size_t i = 0; i < reports.size();) i = write_reports(reports, i);

  write_box_keys();
  take_schemas();

  const MonoTime now = clock_.mono();
  watch_presence(now);
  if (now >= write_agents_at_ && !write_agents(now)) write_agents_at_ = now + kStoreRetry;
  return std::min(next_watch_, std::max({now, unwritten_.next(), write_agents_at_}));
}

std::optional<EnrolledAgent> Fleet::speaker(const std::string& name) {
  auto agent = directory_.find(name);
  if (agent && !directory_.refusal(name) && !misconduct_.suspended(name)) return agent;
  count(&FleetCounters::ignored);
  return std::nullopt;
}

bool Fleet::serves(const std::string& agent, const std::string& boot) {
  if (!options_.boots || options_.boots->heard(agent, boot, false, clock_.mono())) return true;
  count(&FleetCounters::ignored);
  return false;
}

void Fleet::watch_copies(MonoTime now) {
  if (!options_.boots) return;
  for (const auto& agent : options_.boots->take_news(now)) {
    show(agent, now);
    const auto copies = options_.boots->copies(agent, now);
    if (!copies) continue;
    copies_[agent] = fmt::format(
        "two processes have the state of this agent: boot {} serves, boot {} is cut off; end the one that "
        "shall "
        "not be, and enrol it as an agent of its own if it shall go on",
        copies->serving, copies->other);
    kLog.warn("two processes have one agent's state",
              {{"agent", agent}, {"serving", copies->serving}, {"other", copies->other}});
  }
}

bool Fleet::within_allowance(const EnrolledAgent& agent, size_t bytes) {
  const auto region = index_.ask(agent.region);
  // How much that would be is known in a moment.
  if (!region) return true;
  const auto resources = static_cast<double>(region->resources);
  const auto& more = options_.reports_per_resource;
  return allowances_.take(agent.name, static_cast<double>(bytes),
                          {.burst = options_.reports.burst + resources * more.burst,
                           .per_second = options_.reports.per_second + resources * more.per_second},
                          clock_.mono());
}

void Fleet::show(const std::string& agent, MonoTime not_before) { unwritten_.set_earlier(agent, not_before); }

void Fleet::show_facts(const std::string& agent) {
  const auto written = written_.find(agent);
  show(agent, written == written_.end() ? clock_.mono() : written->second + options_.facts_every);
}

void Fleet::poke(const std::string& agent, std::string_view why) {
  if (bus_.publish(subjects::of(subjects::kPoke, agent), poke_message(identity_, why)))
    count(&FleetCounters::pokes);
}

void Fleet::heard(const std::string& agent) {
  if (!liveness_.heard(agent, clock_.mono(), clock_.wall())) return;
  show(agent, clock_.mono());
  kLog.info("agent connected", {{"agent", agent}});
}

void Fleet::take_heartbeat(const EnrolledAgent& agent, const std::string& data) {
  auto beat = check_heartbeat(data, options_.limits);
  if (!beat) {
    misconduct_.count(agent.name, Misconduct::What::kUnreadable);
    return count(&FleetCounters::garbage);
  }
  if (!serves(agent.name, beat->boot_id())) {
    // It asks, and is told that it does not.
    if (options_.boots->copies(agent.name, clock_.mono()))
      poke(agent.name, "another process of this agent serves");
    return;
  }
  count(&FleetCounters::heartbeats);
  heard(agent.name);
  // One that cannot be spoken with is shown as that; it would understand nothing else.
  if (sync::negotiate(beat->protocol_min(), beat->protocol()) != 0) compare(agent, *beat);
  auto& known = beats_[agent.name];
  if (!same_facts(known, *beat)) show_facts(agent.name);
  known = *std::move(beat);
}

void Fleet::compare(const EnrolledAgent& agent, const wire::v1::Heartbeat& beat) {
  const auto region = index_.ask(agent.region);
  if (!region) uncompared_.insert(agent.name);
  const auto why =
      poke_policy_.decide(agent.name, beat, region ? &*region : nullptr, identity_, clock_.mono());
  if (!why.empty()) poke(agent.name, why);
}

void Fleet::take_status(const EnrolledAgent& agent, const std::string& data, std::vector<Report>& reports) {
  // Before it is read: reading costs too.
  constexpr size_t kEach = 512;
  if (!within_allowance(agent, data.size() + kEach)) {
    misconduct_.count(agent.name, Misconduct::What::kOverAllowance);
    return count(&FleetCounters::over);
  }
  auto checked = check_report(data, agent.region, options_.limits);
  if (!checked) {
    misconduct_.count(agent.name, Misconduct::What::kUnreadable);
    return count(&FleetCounters::garbage);
  }
  if (!serves(agent.name, checked->report.boot_id())) return;
  constexpr size_t kEachEvent = 4096;
  if (checked->report.events_size() > 0)
    (void)within_allowance(agent, static_cast<size_t>(checked->report.events_size()) * kEachEvent);
  count(&FleetCounters::reports);
  if (checked->dropped > 0) {
    count(&FleetCounters::garbage, checked->dropped);
    misconduct_.count(agent.name, Misconduct::What::kPartsRefused, checked->dropped);
  }
  heard(agent.name);
  // Of another life of the store: not confirmed, the agent sends it again once it is in this one.
  if (checked->report.epoch() != identity_.epoch) return;
  reports.push_back({agent.name, agent.region, agent.key_mark, std::move(checked->report)});
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
    note_store(done.error().message);
    return end;
  }
  note_store({});
  count(&FleetCounters::transactions);
  count(&FleetCounters::resources_written, written.resources);
  count(&FleetCounters::resources_erased, written.erased);
  count(&FleetCounters::events_written, written.events);
  for (size_t i = begin; i < end; ++i) confirm(reports[i]);
  for (const auto& agent : written.ahead) poke(agent, "a report speaks of what this hub does not state");
  return end;
}

Result<> Fleet::write_report(Txn& txn, const Report& report, WallTime now, Written& written) const {
  const ReportOrigin origin{report.body.boot_id(), report.body.epoch(), now, report.reporter};
  for (const auto& item : report.body.resources()) {
    const auto stored = TRY(txn.get(objects::key(resources(), item.name())));
    v1::ResourceStatus status;
    ResourceSketch resource;
    if (stored) {
      resource = TRY(sketch(stored->value));
      status = TRY(resource.read_status());
    }
    const Judged judged{resource.region, resource.generation, resource.deleted, status};
    switch (judge(stored ? &judged : nullptr, item, {report.region, identity_.epoch, report.reporter})) {
      case Merge::kWrite:
        write_status(status, item, origin);
        explain_old_agent(status, resource.type);
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

// What the store does not take now is tried again with the next step.
void Fleet::write_box_keys() {
  std::map<std::string, std::string> keys;
  {
    const MutexLock lock(box_keys_mutex_);
    keys.swap(box_keys_);
  }
  if (keys.empty() || !hooks_.take_box_key) return;
  for (const auto& [agent, key] : keys) {
    const auto done = store_.transact([&](Txn& txn) { return hooks_.take_box_key(txn, agent, key); });
    if (done) continue;
    kLog.error("the key of an agent for secrets is not stored",
               {{"agent", agent}, {"error", done.error().message}});
    if (done.error().code == Code::kInvalid) continue;
    const MutexLock lock(box_keys_mutex_);
    box_keys_.emplace(agent, key);
  }
}

void Fleet::take_schemas() {
  std::map<std::string, ProviderSchemas> told;
  {
    const MutexLock lock(told_schemas_mutex_);
    told.swap(told_schemas_);
  }
  for (auto& [agent, schemas] : told) {
    if (!speaker(agent)) continue;
    if (const size_t dropped = drop_bad(schemas); dropped > 0) {
      count(&FleetCounters::garbage, dropped);
      misconduct_.count(agent, Misconduct::What::kPartsRefused, dropped);
    }
    const size_t hash = hash_of(schemas);
    const auto known = known_schemas_.find(agent);
    if (known != known_schemas_.end() && known->second == hash) continue;
    known_schemas_[agent] = hash;
    new_schemas_[agent] = std::move(schemas);
    show_facts(agent);
  }
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
  watch_floods(now);
  watch_copies(now);
  for (const auto& name : std::exchange(uncompared_, {})) {
    const auto beat = beats_.find(name);
    const auto agent = directory_.find(name);
    if (agent && beat != beats_.end() && !directory_.refusal(name)) compare(*agent, beat->second);
  }
  for (const auto& agent : liveness_.expire(now, clock_.wall())) {
    kLog.warn("agent lost", {{"agent", agent}});
    show(agent, now);
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
      written_.erase(agent.name);
      known_schemas_.erase(agent.name);
      new_schemas_.erase(agent.name);
      allowances_.forget(agent.name);
      misconduct_.forget(agent.name);
      if (options_.boots) options_.boots->forget(agent.name);
      show(agent.name, now);
    }
  }
}

void Fleet::watch_floods(MonoTime now) {
  for (const auto& agent : misconduct_.released(now)) {
    kLog.info("agent may come back", {{"agent", agent}});
    hooks_.suspend(agent, false);
    show(agent, now);
  }
  const auto since = now - floods_counted_;
  if (!options_.flood || !hooks_.suspend || since < kWatchEvery) return;
  floods_counted_ = now;
  const double seconds = std::chrono::duration<double>(since).count();
  const auto limit = static_cast<std::uint64_t>(static_cast<double>(options_.flood_per_second) * seconds);
  for (const auto& flood : options_.flood->above(limit)) {
    const auto agent = directory_.find(flood.agent);
    if (!agent || agent->revoked) continue;
    const auto wait =
        misconduct_.suspend(flood.agent, options_.suspend_for, options_.longest_suspension, now);
    if (!wait) continue;
    kLog.warn("agent floods, it is cut off", {{"agent", flood.agent},
                                              {"messages", std::to_string(flood.messages)},
                                              {"bytes", std::to_string(flood.bytes)},
                                              {"seconds", std::to_string(wait->count() / 1000)}});
    count(&FleetCounters::suspended);
    hooks_.suspend(flood.agent, true);
    floods_[flood.agent] = fmt::format(
        "sent {} messages of {} KiB in {:.0f} s: cut off for {}; if this is no fault of its version, revoke "
        "it",
        flood.messages, flood.bytes / 1024, seconds, human_duration(*wait));
    show(flood.agent, now);
  }
}

bool Fleet::write_agents(MonoTime mono) {
  const auto due = unwritten_.take_due(mono);
  const auto remarks = misconduct_.remarks(mono);
  if (due.empty() && remarks.empty()) return true;
  const WallTime now = clock_.wall();
  const auto done = store_.transact([&](Txn& txn) -> Result<> {
    for (const auto& name : due) TRY(write_agent(txn, name, now));
    if (!hooks_.note) return {};
    for (const auto& remark : remarks)
      TRY(hooks_.note(txn, remark.agent, reasons::kMessagesDropped, remark.message));
    for (const auto& name : due)
      if (const auto flood = floods_.find(name); flood != floods_.end())
        TRY(hooks_.note(txn, name, reasons::kSuspended, flood->second));
    for (const auto& name : due)
      if (const auto copies = copies_.find(name); copies != copies_.end())
        TRY(hooks_.note(txn, name, reasons::kCopiesRunning, copies->second));
    return {};
  });
  if (!done) {
    note_store(done.error().message);
    for (const auto& name : due) show(name, mono);
    return false;
  }
  note_store({});
  misconduct_.told(remarks, mono);
  for (const auto& remark : remarks)
    kLog.warn("agent misbehaves", {{"agent", remark.agent}, {"what", remark.message}});
  for (const auto& name : due) {
    written_[name] = mono;
    floods_.erase(name);
    copies_.erase(name);
    new_schemas_.erase(name);
  }
  return true;
}

Result<> Fleet::write_agent(Txn& txn, const std::string& name, WallTime now) const {
  auto agent = TRY(objects::get<v1::Agent>(txn, name));
  if (!agent) return {};
  AgentFacts facts{
      liveness_.sight(name), agent->spec().revoked(), misconduct_.suspended(name).has_value(), {}, {}, {}};
  if (options_.boots) facts.copies = options_.boots->copies(name, clock_.mono());
  if (const auto beat = beats_.find(name); beat != beats_.end()) facts.beat = beat->second;
  if (const auto told = new_schemas_.find(name); told != new_schemas_.end()) facts.schemas = &told->second;
  describe(facts, now, *agent);
  // What it says of its region follows from what is known of it.
  if (TRY(objects::put_status(txn, *agent)) == objects::Written::kNothing) return {};
  const auto serving = directory_.serving(agent->spec().region());
  if (serving && *serving != name) return {};
  auto region = TRY(objects::get<v1::Region>(txn, agent->spec().region()));
  if (!region) return {};
  describe(*agent, *region);
  TRY(objects::put_status(txn, *region));
  return {};
}

// One line for as long as it does not work, however often it is tried.
void Fleet::note_store(const std::string& error) {
  if (error.empty() == store_error_.empty()) return;
  if (!error.empty()) kLog.error("status cannot be stored; it is asked for again", {{"error", error}});
  store_error_ = error;
}

void Fleet::count(std::uint64_t FleetCounters::* counter, std::uint64_t by) {
  const MutexLock lock(counters_mutex_);
  counters_.*counter += by;
}

FleetCounters Fleet::counters() const {
  const MutexLock lock(counters_mutex_);
  FleetCounters counters = counters_;
  counters.dropped = intake_.dropped();
  return counters;
}

}  // namespace qleet::hub
