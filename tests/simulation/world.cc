#include "tests/simulation/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "hub/store/lmdb_store.h"
#include "tests/simulation/must.h"

namespace qleet::sim {
namespace {

// More pieces of work than this at one moment are no work any more.
constexpr unsigned kMostAtOnce = 100'000;

}  // namespace

World::World(const WorldOptions& given)
    : options(given),
      dice(given.seed),
      trace(clock, given.print),
      broker(clock),
      network(broker, dice, trace),
      cloud(clock, dice, trace, findings),
      checker(clock, trace, cloud, findings) {
  cloud.set_sabotage(options.sabotage);
  cloud.may_delete = [this](const Thing& thing, std::uint32_t generation) {
    return checker.may_delete(thing, generation);
  };
  cloud.wanted = [this](const std::string& provider, const std::string& name) {
    return checker.wants(provider, name);
  };
  store_ = store_over(std::make_shared<testing::StoreContent>(), 0, {.epoch = "e1", .lineage = {}});
  checker.enter(*store_);
}

World::~World() {
  for (auto& watcher : watchers) watcher->cut();
  hub_.reset();
  machines.clear();
  copies.clear();
}

std::unique_ptr<SimStore> World::store_over(std::shared_ptr<const testing::StoreContent> content,
                                            hub::Revision revision, hub::StoreIdentity identity) {
  auto inner = std::make_unique<hub::OverlayStore>(
      std::make_unique<testing::StoreCopyReader>(std::move(content), revision), std::move(identity));
  return std::make_unique<SimStore>(std::move(inner), SimStore::Seams{[this] { return store_fate(); },
                                                                      [this](hub::Revision committed) {
                                                                        if (!impostor_)
                                                                          checker.committed(*store_,
                                                                                            committed);
                                                                      }});
}

// --- trouble -----------------------------------------------------------------------------------------------

void World::set_trouble(const Trouble& trouble) {
  trouble_ = trouble;
  cloud.set_trouble(trouble.cloud);
  network.set_trouble(trouble.network);
}

SimStore::Fate World::store_fate() {
  if (store_full) return SimStore::Fate::kFull;
  if (trouble_.store_crash_permille > 0 && dice.permille(trouble_.store_crash_permille))
    return dice.percent(50) ? SimStore::Fate::kCrashBefore : SimStore::Fate::kCrashAfter;
  if (trouble_.store_twice_permille > 0 && dice.permille(trouble_.store_twice_permille))
    return SimStore::Fate::kTwice;
  return SimStore::Fate::kFine;
}

SimJournal::Fate World::journal_fate(const std::string& agent) {
  if (journal_full[agent]) return SimJournal::Fate::kFull;
  if (trouble_.journal_crash_permille > 0 && dice.permille(trouble_.journal_crash_permille))
    return dice.percent(50) ? SimJournal::Fate::kCrashBefore : SimJournal::Fate::kCrashAfter;
  return SimJournal::Fate::kFine;
}

Millis World::step_duration() {
  if (trouble_.slow_step_permille > 0 && dice.permille(trouble_.slow_step_permille))
    return Millis(static_cast<Millis::rep>(dice.below(120'000)));
  return Millis(static_cast<Millis::rep>(1 + dice.below(40)));
}

// --- time --------------------------------------------------------------------------------------------------

void World::at(Millis in, std::function<void()> action) {
  actions_.emplace(clock.mono() + in, std::move(action));
}

bool World::step_hub(std::uint64_t turn) {
  if (!hub_) return false;
  try {
    return hub_->step(turn);
  } catch (const HubCrash&) {
    crash_hub(Millis(static_cast<Millis::rep>(dice.below(20'000))));
    return true;
  }
}

bool World::step_machine(Machine& machine) {
  if (!machine.runs()) return false;
  try {
    return machine.step();
  } catch (const AgentCrash&) {
    crash_agent(machine, Millis(static_cast<Millis::rep>(dice.below(20'000))));
    return true;
  }
}

bool World::step() {
  const auto turn = dice.next();
  const auto agents = machines.size() + copies.size();
  const auto actors = agents + 2;
  const auto machine = [&](std::uint64_t index) -> Machine& {
    const bool first = index < machines.size();
    const auto at = static_cast<std::ptrdiff_t>(first ? index : index - machines.size());
    return *std::next(first ? machines.begin() : copies.begin(), at)->second;
  };
  for (std::uint64_t i = 0; i < actors; ++i) {
    const auto actor = (turn + i) % actors;
    if (actor == 0) {
      if (broker.step()) return true;
    } else if (actor == 1) {
      if (step_hub(turn >> 32)) return true;
    } else if (step_machine(machine(actor - 2))) {
      return true;
    }
  }
  return false;
}

void World::settle() {
  for (unsigned n = 0; step(); ++n) {
    if (n < kMostAtOnce) continue;
    findings.add(Rule::kRest, "it does not come to rest at one moment");
    return;
  }
}

MonoTime World::next_due() const {
  MonoTime next = MonoTime::max();
  if (!actions_.empty()) next = actions_.begin()->first;
  if (const auto queued = broker.next_due()) next = std::min(next, *queued);
  if (hub_) next = std::min(next, hub_->next_due());
  for (const auto& [region, machine] : machines)
    if (machine->runs()) next = std::min(next, machine->next_due());
  for (const auto& [region, copy] : copies)
    if (copy->runs()) next = std::min(next, copy->next_due());
  return next;
}

void World::run(Millis time) {
  const MonoTime end = clock.mono() + time;
  while (!findings.any()) {
    settle();
    const MonoTime next = std::max(next_due(), clock.mono() + Millis(1));
    if (next > end) break;
    clock.advance(next - clock.mono());
    while (!actions_.empty() && actions_.begin()->first <= clock.mono()) {
      const auto action = std::move(actions_.begin()->second);
      actions_.erase(actions_.begin());
      action();
    }
  }
  if (end > clock.mono()) clock.advance(end - clock.mono());
}

bool World::run_until(const std::function<bool()>& condition, Millis every, Millis limit) {
  const MonoTime end = clock.mono() + limit;
  while (!condition()) {
    if (clock.mono() >= end || findings.any()) return false;
    run(every);
  }
  return true;
}

bool World::idle() const {
  return hub_ && hub_->idle() && broker.queued() == 0 &&
         std::ranges::all_of(machines, [](const auto& entry) { return entry.second->idle(); });
}

// --- the hub -----------------------------------------------------------------------------------------------

World::Answer World::ask(std::string_view what,
                         const std::function<Result<>(const hub::frontend::Context&)>& operation) {
  if (!hub_) {
    trace.note("hub down for", what);
    return Answer::kDown;
  }
  try {
    const auto done = operation(hub_->context());
    why_refused = done ? "" : done.error().message;
    trace.note(done ? "done" : "refused", what, why_refused);
    return done ? Answer::kDone : Answer::kRefused;
  } catch (const HubCrash&) {
    trace.note("hub ended in", what);
    crash_hub(Millis(static_cast<Millis::rep>(dice.below(20'000))));
    return Answer::kUnknown;
  }
}

void World::crash_hub(Millis back_in) {
  if (!hub_) return;
  ++hub_crashes;
  trace.note("hub crash");
  for (auto& watcher : watchers) watcher->cut();
  hub_.reset();
  if (std::exchange(starting_hub_, true)) return;
  at(back_in, [this] {
    starting_hub_ = false;
    start_hub();
  });
}

void World::start_hub() {
  if (hub_) return;
  trace.note("hub start");
  if (!impostor_) checker.check_writes(*store_);
  try {
    hub_ = std::make_unique<HubProcess>(*store_, broker, clock,
                                        HubOptions{.seed = options.seed * 1000 + ++hub_lives_,
                                                   .one_boot = options.sabotage != Sabotage::kBothServe,
                                                   .freshness = options.sabotage != Sabotage::kNoFreshness});
    hub_began_ = clock.mono();
  } catch (const HubCrash&) {
    if (!std::exchange(starting_hub_, true))
      at(Millis(1'000), [this] {
        starting_hub_ = false;
        start_hub();
      });
  }
}

Backup World::backup() const {
  const auto reader = must(store_->snapshot());
  return {testing::copy_of(*reader), reader->revision(), checker.expected(), store_->identity()};
}

void World::restore(const Backup& backup) {
  trace.note("restore", backup.revision);
  for (auto& watcher : watchers) watcher->forget();
  hub_.reset();
  auto identity = backup.identity;
  identity.lineage.insert(identity.lineage.begin(), identity.epoch);
  if (options.sabotage == Sabotage::kForgottenLineage) identity.lineage.clear();
  identity.epoch = fmt::format("e{}", ++lives_);
  // Drawn by the number of the life: what the product leaves to chance alone, a million seeds would see
  // collide.
  const auto revision =
      hub::revision_after_restore(backup.revision, [this] { return hub::Revision{lives_}; });
  const bool back = options.sabotage == Sabotage::kRevisionBack;
  store_ = store_over(backup.content, back ? backup.revision : revision, std::move(identity));
  checker.enter(*store_);
  checker.set_expected(backup.expected);
  start_hub();
}

void World::impostor(Millis time) {
  if (impostor_ || starting_hub_) return;
  trace.note("impostor");
  for (auto& watcher : watchers) watcher->cut();
  hub_.reset();
  impostor_ = true;
  auto real = std::exchange(
      store_, store_over(std::make_shared<testing::StoreContent>(), 0, {.epoch = "another", .lineage = {}}));
  start_hub();
  const auto regions = std::vector<std::string>{"r1", "r2", "r3"};
  for (const auto& region : regions)
    if (machines.contains(region)) enrol(region, {});
  run(time);
  hub_.reset();
  impostor_ = false;
  store_ = std::move(real);
  start_hub();
}

// --- agents ------------------------------------------------------------------------------------------------

void World::enrol(const std::string& region, const std::map<std::string, std::string>& labels) {
  const std::string agent = "agent-" + region;
  (void)ask("enrol", [&](const hub::frontend::Context& context) -> Result<> {
    v1::JoinTokenRequest request;
    request.set_region(region);
    request.mutable_labels()->insert(labels.begin(), labels.end());
    const auto token = TRY(hub::frontend::create_join_token(context, {"operator"}, request));
    v1::EnrolRequest enrol;
    enrol.set_token(token.token());
    enrol.set_agent(agent);
    enrol.set_public_key("U" + region);
    TRY(hub::frontend::redeem_join_token(context, enrol));
    return {};
  });
  if (machines.contains(region)) return;
  start_agent(*machines.emplace(region, new_machine(region, store_->identity().epoch)).first->second);
}

std::unique_ptr<Machine> World::new_machine(const std::string& region, const std::string& epoch) {
  const std::string agent = "agent-" + region;
  auto machine =
      std::make_unique<Machine>(MachineOptions{.agent = agent, .region = region, .enrolled_epoch = epoch},
                                clock, broker, cloud, [this] { return step_duration(); });
  machine->journal.forgets_kept = options.sabotage == Sabotage::kForgottenSecret;
  machine->journal.forgets_found = options.sabotage == Sabotage::kForgottenFound;
  machine->journal.fate = [this, agent] { return journal_fate(agent); };
  machine->journal.written = [this](const agent::JournalChanges& changes) { cloud.journal_written(changes); };
  return machine;
}

void World::lose_journal(Machine& machine, Millis back_in) {
  if (copies.contains(machine.region())) return;
  crash_agent(machine, back_in);
  trace.note("journal lost", machine.name());
  machine.journal.lose();
  cloud.journal_lost(machine.name());
  forgetful.insert(machine.region());
}

void World::copy_agent(const std::string& region) {
  if (copies.contains(region)) return;
  trace.note("agent copied", region);
  auto copy = new_machine(region, machines.at(region)->enrolled_epoch());
  copy->journal.copy(machines.at(region)->journal);
  forgetful.insert(region);
  cloud.set_copied(copy->name(), true);
  start_agent(*copies.emplace(region, std::move(copy)).first->second);
}

void World::end_copy(const std::string& region, bool the_first) {
  const auto copy = copies.find(region);
  if (copy == copies.end()) return;
  auto& stays = machines.at(region);
  if (the_first) std::swap(stays, copy->second);
  trace.note("copy ended", region, the_first);
  Machine& ends = *copy->second;
  ends.ended = true;
  crash_agent(ends, Millis(0));
  ended_.push_back(std::move(copy->second));
  copies.erase(copy);
  cloud.set_copied(stays->name(), false);
  cloud.journal_goes_on(stays->name(), must(stays->journal.load()));
}

void World::crash_agent(Machine& machine, Millis back_in) {
  if (!machine.runs()) return;
  ++agent_crashes;
  trace.note("agent crash", machine.name());
  alive_[machine.region()] = clock.mono();
  machine.crash([this] { return dice.percent(50); });
  if (std::exchange(starting_[&machine], true)) return;
  at(back_in, [this, &machine] {
    starting_[&machine] = false;
    start_agent(machine);
  });
}

void World::start_agent(Machine& machine) {
  if (machine.runs() || machine.ended) return;
  trace.note("agent start", machine.name());
  if (machine.start(dice.next())) return;
  if (!std::exchange(starting_[&machine], true))
    at(Millis(1'000), [this, &machine] {
      starting_[&machine] = false;
      start_agent(machine);
    });
}

void World::cut(const std::string& region, Cut how) {
  const auto& agent = machines.at(region)->name();
  trace.note("cut", agent, static_cast<unsigned>(how));
  if (how != Cut::kFromHub) silent_.try_emplace(region, clock.mono());
  if (how == Cut::kNoticed) broker.set_connected(agent, false);
  if (how != Cut::kFromHub) network.cut(agent, "hub");
  if (how != Cut::kToHub) network.cut("hub", agent);
}

void World::mend(const std::string& region) {
  const auto& agent = machines.at(region)->name();
  trace.note("mend", agent);
  silent_.erase(region);
  network.mend(agent, "hub");
  network.mend("hub", agent);
  broker.set_connected(agent, true);
}

std::map<std::string, MonoTime> World::heard() const {
  std::map<std::string, MonoTime> heard;
  for (const auto& [region, machine] : machines) {
    const auto ended = alive_.find(region);
    const auto copy = copies.find(region);
    const bool runs = machine->runs() || (copy != copies.end() && copy->second->runs());
    MonoTime last = runs ? clock.mono() : ended == alive_.end() ? MonoTime{} : ended->second;
    if (const auto cut = silent_.find(region); cut != silent_.end()) last = std::min(last, cut->second);
    heard[region] = std::max(last, hub_began_);
  }
  return heard;
}

void World::add_watcher(const std::string& plural) {
  watchers.push_back(std::make_unique<Watcher>(plural, findings, options.sabotage));
}

}  // namespace qleet::sim
