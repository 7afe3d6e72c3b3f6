#include "tests/simulation/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "common/model/keeping.h"
#include "common/model/reasons.h"
#include "hub/controllers/resources.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/region.pb.h"
#include "tests/simulation/must.h"

namespace qleet::sim {
namespace {

namespace frontend = hub::frontend;
const frontend::Caller kSomebody{"serviceaccount:somebody"};

std::string key_of(const google::protobuf::Message& object) {
  return hub::keys::object(model::kind_of(object).plural, model::meta(object).name());
}

// Which kinds of trouble a seed has differs: what never comes alone hides what comes of it.
constexpr std::size_t kBackups = 3;

Trouble random_trouble(Dice& dice) {
  Trouble t;
  const auto maybe = [&](unsigned percent, std::uint64_t most) {
    return dice.percent(percent) ? static_cast<unsigned>(1 + dice.below(most)) : 0;
  };
  t.store_crash_permille = maybe(50, 4);
  t.store_twice_permille = maybe(50, 50);
  t.journal_crash_permille = maybe(50, 6);
  t.slow_step_permille = maybe(30, 20);
  t.cloud.fail_permille = maybe(50, 100);
  t.cloud.lost_permille = maybe(50, 100);
  t.cloud.half_permille = maybe(40, 200);
  t.cloud.crash_permille = maybe(40, 8);
  t.cloud.mute_permille = maybe(15, 100);
  t.network.lost_percent = maybe(50, 25);
  t.network.doubled_percent = maybe(50, 15);
  t.network.delayed_percent = maybe(50, 40);
  t.network.longest_delay = Millis(static_cast<Millis::rep>(1 + dice.below(5'000)));
  return t;
}

}  // namespace

Program::Program(World& world) : world_(world), dice_(world.dice), universe_(world.dice) {}

void Program::begin() {
  world_.start_hub();
  apply(universe_.everything());
  if (!world_.why_refused.empty()) throw std::runtime_error("the universe is refused: " + world_.why_refused);
  for (const auto& region : universe_.regions())
    world_.enrol(region.name, {{"tier", region.tier}, {"zone", region.zone}});
  // One each: to write everything as JSON for somebody takes longer than the rest of a history.
  static constexpr const char* kWatched[] = {"resources", "deployments", "applications", "releases",
                                             "regions"};
  const bool skips = world_.options.sabotage == Sabotage::kSkippedChange;
  world_.add_watcher(skips ? "resources" : kWatched[dice_.below(5)]);
  world_.run(Millis(1'000));
  restores_ = dice_.percent(15) || world_.options.sabotage == Sabotage::kRevisionBack ||
              world_.options.sabotage == Sabotage::kForgottenLineage;
  loses_journals_ = dice_.percent(15) || world_.options.sabotage == Sabotage::kForgottenFound;
  copies_agents_ = world_.options.copies || world_.options.sabotage == Sabotage::kBothServe;
  trouble_ = random_trouble(dice_);
  world_.set_trouble(trouble_);
}

void Program::act() {
  if (dice_.percent(70)) {
    operate();
  } else {
    ++faults_;
    misfortune();
  }
}

// --- what people and CI do
// ------------------------------------------------------------------------------------

// Sabotage: what an agent is still to carry out is forgotten.
void Program::forget_a_tombstone() {
  (void)world_.ask("forget", [](const frontend::Context& context) -> Result<> {
    TRY(context.store.transact([&](hub::Txn& txn) -> Result<> {
      hub::controllers::Work work{txn, {context.clock.wall(), hub::system_random()}};
      for (const auto& resource : TRY(hub::objects::list<v1::Resource>(txn)))
        if (resource.spec().deleted())
          TRY(hub::controllers::erase_resource(work, resource.metadata().name()));
      return {};
    }));
    return {};
  });
}

// Sabotage: as if somebody had asked for it.
void Program::let_all_data_go() {
  (void)world_.ask("let data go", [](const frontend::Context& context) -> Result<> {
    TRY(context.store.transact([&](hub::Txn& txn) -> Result<> {
      hub::controllers::Work work{txn, {context.clock.wall(), hub::system_random()}};
      for (const auto& resource : TRY(hub::objects::list<v1::Resource>(txn)))
        if (model::keeps_data(resource.spec()))
          TRY(hub::controllers::let_data_go(work, resource.metadata().name(), "nobody"));
      return {};
    }));
    return {};
  });
}

// Sabotage: of the first release that has one.
void Program::change_a_digest() {
  (void)world_.ask("sabotage: change a digest", [](const frontend::Context& context) -> Result<> {
    TRY(context.store.transact([&](hub::Txn& txn) -> Result<> {
      for (auto& release : TRY(hub::objects::list<v1::Release>(txn))) {
        if (release.spec().images().empty() || !release.spec().images(0).image().contains('@')) continue;
        auto& image = *release.mutable_spec()->mutable_images(0)->mutable_image();
        image.back() = image.back() == '0' ? '1' : '0';
        const hub::Random one = [] { return std::uint64_t{1}; };
        TRY(hub::objects::put(txn, release, {context.clock.wall(), one}));
        return {};
      }
      return {};
    }));
    return {};
  });
}

// Sabotage: of the first deployment that could.
void Program::leave_a_good_release() {
  (void)world_.ask("sabotage: leave a good release", [](const frontend::Context& context) -> Result<> {
    TRY(context.store.transact([&](hub::Txn& txn) -> Result<> {
      for (auto& deployment : TRY(hub::objects::list<v1::Deployment>(txn))) {
        auto& spec = *deployment.mutable_spec();
        if (spec.release() < 2 || deployment.status().release() != spec.release()) continue;
        spec.set_returned_from(spec.release());
        spec.set_release(spec.release() - 1);
        const hub::Random one = [] { return std::uint64_t{1}; };
        TRY(hub::objects::put(txn, deployment, {context.clock.wall(), one}));
        return {};
      }
      return {};
    }));
    return {};
  });
}

void Program::operate() {
  if (world_.options.sabotage == Sabotage::kHastyReturn) leave_a_good_release();
  if (world_.options.sabotage == Sabotage::kForgetfulHub) forget_a_tombstone();
  if (world_.options.sabotage == Sabotage::kCarelessHub) let_all_data_go();
  if (world_.options.sabotage == Sabotage::kFickleHub) change_a_digest();
  const auto turn = dice_.below(100);
  if (turn < 40) return apply(universe_.application(dice_.pick(universe_.applications())));
  if (turn < 50) return erase(dice_.pick(universe_.applications()), dice_.percent(40));
  if (turn < 62) return build();
  if (turn < 70) return approve();
  if (turn < 75) return roll_back();
  if (turn < 83) return apply(universe_.change_profile());
  if (turn < 89) return apply(universe_.change_environment());
  if (turn < 94) return apply(universe_.change_region());
  if (turn < 97) return delete_retained();
  plan();
}

void Program::settle_answer(World::Answer answer, const Checker::Writes& writes) {
  if (answer == World::Answer::kDone) {
    ++operations_;
    world_.checker.acknowledge(writes);
  } else if (answer == World::Answer::kUnknown) {
    world_.checker.uncertain(world_.store(), writes);
  }
}

void Program::apply(const std::string& documents) {
  std::vector<model::Object> objects;
  size_t begin = 0;
  while (begin < documents.size()) {
    auto end = std::min(documents.find('\n', begin), documents.size());
    auto some = model::decode(documents.substr(begin, end - begin));
    if (!some) throw std::runtime_error(some.error().message + ": " + documents);
    for (auto& object : *some) objects.push_back(std::move(object));
    begin = end + 1;
  }
  Checker::Writes writes;
  std::string what = "apply";
  for (const auto& object : objects) {
    writes[key_of(*object)] = Checker::print(*object);
    what += " " + key_of(*object);
  }
  what += "\n" + documents;
  const auto answer = world_.ask(what, [&](const frontend::Context& context) -> Result<> {
    if (world_.options.sabotage == Sabotage::kLostWrite && operations_ == 5) return {};
    TRY(frontend::apply(context, kSomebody, objects));
    return {};
  });
  settle_answer(answer, writes);
  if (answer == World::Answer::kDone) world_.checker.wanted_again(world_.store(), writes);
}

void Program::erase(const std::string& name, bool with_data) {
  const auto& known = *model::find_kind("app");
  if (with_data && world_.hub_runs()) world_.checker.asked_for_data(world_.store(), name);
  const auto answer =
      world_.ask("delete app " + name + (with_data ? " with its data" : ""),
                 [&](const frontend::Context& context) -> Result<> {
                   TRY(frontend::erase(context, kSomebody, known, name, {.delete_data = with_data}));
                   return {};
                 });
  settle_answer(answer, {{hub::keys::object(known.plural, name), std::nullopt}});
}

void Program::build() {
  v1::BuildSpec build;
  build.set_image(Universe::image(dice_.pick(universe_.applications()), dice_.percent(70) ? "web" : "api"));
  // Now and then one that was told of already.
  const auto number = dice_.percent(80) ? ++builds_ : builds_;
  build.set_tag(fmt::format("main-{}", number));
  build.set_digest(fmt::format("sha256:{:064x}", number));
  if (number % 2 == 0) build.set_number(number);
  const auto held = rolled_back();
  const auto answer = world_.ask("build " + build.image() + ":" + build.tag(),
                                 [&](const frontend::Context& context) -> Result<> {
                                   TRY(frontend::notify_build(context, kSomebody, build));
                                   return {};
                                 });
  if (answer != World::Answer::kDone) return;
  ++operations_;
  if (!world_.hub_runs()) return;
  const auto now = rolled_back();
  for (const auto& [name, release] : held) {
    const auto after = now.find(name);
    if (after == now.end() || after->second != release)
      world_.findings.add(Rule::kRolledBack,
                          fmt::format("a build undid the rollback of {} to release {}", name, release));
  }
}

std::map<std::string, std::uint32_t> Program::rolled_back() const {
  std::map<std::string, std::uint32_t> held;
  if (!world_.hub_runs()) return held;
  const auto reader = world_.store().snapshot().value();
  for (const auto& deployment : hub::objects::list<v1::Deployment>(*reader).value())
    if (deployment.spec().rolled_back()) held[deployment.metadata().name()] = deployment.spec().release();
  return held;
}

void Program::approve() {
  v1::ApproveRequest request;
  request.set_application(dice_.pick(universe_.applications()));
  request.set_environment("prod");
  const auto answer =
      world_.ask("approve " + request.application(), [&](const frontend::Context& context) -> Result<> {
        TRY(frontend::approve(context, kSomebody, request));
        return {};
      });
  if (answer == World::Answer::kDone) ++operations_;
}

void Program::roll_back() {
  v1::RollbackRequest request;
  request.set_application(dice_.pick(universe_.applications()));
  if (dice_.percent(50)) request.set_environment(dice_.percent(50) ? "dev" : "prod");
  const auto answer =
      world_.ask("roll back " + request.application(), [&](const frontend::Context& context) -> Result<> {
        TRY(frontend::rollback(context, kSomebody, request));
        return {};
      });
  if (answer == World::Answer::kDone) ++operations_;
}

// Writes nothing.
void Program::plan() {
  const auto before = world_.store().snapshot().value()->revision();
  const auto objects = model::decode(universe_.application(dice_.pick(universe_.applications())));
  const auto answer = world_.ask("plan", [&](const frontend::Context& context) -> Result<> {
    TRY(frontend::plan(context, frontend::plan_apply(kSomebody, *objects, {})));
    return {};
  });
  if (answer == World::Answer::kDone) ++operations_;
  if (world_.store().snapshot().value()->revision() != before)
    world_.findings.add(Rule::kRevision, "a plan wrote something");
}

void Program::delete_retained() {
  if (!world_.hub_runs()) return;
  const auto reader = world_.store().snapshot().value();
  for (const auto& resource : hub::objects::list<v1::Resource>(*reader).value()) {
    const auto& spec = resource.spec();
    if (!model::stays_unused(spec) || !resource.status().has_unused_since() || spec.deleted()) continue;
    if (dice_.percent(50)) continue;
    const auto& name = resource.metadata().name();
    world_.checker.asked_to_delete(name);
    const auto answer =
        world_.ask("delete resource " + name, [&](const frontend::Context& context) -> Result<> {
          TRY(frontend::erase(context, kSomebody, *model::find_kind("resource"), name));
          return {};
        });
    if (answer == World::Answer::kDone) ++operations_;
    if (!world_.hub_runs()) return;
  }
}

void Program::repeat_deletes() {
  for (const auto& [region, machine] : world_.machines) {
    if (!machine->runs()) continue;
    for (const auto& name : machine->agent().session().state().kept)
      (void)world_.ask("delete again " + name, [&](const frontend::Context& context) -> Result<> {
        TRY(frontend::erase(context, kSomebody, *model::find_kind("resource"), name));
        return {};
      });
  }
}

void Program::put_back_data() {
  world_.cloud.put_back([&](const std::string& name) {
    for (const auto& [region, machine] : world_.machines) {
      const auto journal = must(machine->journal.load());
      const auto runtime = journal.runtime.find(name);
      if (runtime == journal.runtime.end()) continue;
      const auto& conditions = runtime->second.report().conditions();
      if (!conditions.empty() && conditions[0].reason() == reasons::kDataLost) return true;
    }
    return false;
  });
}

void Program::delete_everything() {
  apply(universe_.unprotected());
  for (const auto& name : universe_.applications()) erase(name, dice_.percent(50));
}

// --- what goes wrong
// -------------------------------------------------------------------------------------------

void Program::misfortune() {
  switch (dice_.below(15)) {
    case 0:
    case 1:
    case 2:
      return crash_somebody();
    case 3:
    case 4:
    case 5:
      return cut_somebody_off();
    case 6:
      return fill_a_disk();
    case 7:
      world_.trace.note("cloud outage");
      world_.cloud.set_outage(true);
      return world_.at(some_time(40'000), [this] { world_.cloud.set_outage(false); });
    case 8: {
      auto& machine = *dice_.pick(world_.machines).second;
      world_.trace.note("clock jump", machine.name());
      return machine.clock.set_skew(some_time(7'200'000) - Millis(3'600'000));
    }
    case 9:
      if (!restores_) return;
      if (backups_.size() == kBackups) backups_.erase(backups_.begin());
      backups_.push_back(world_.backup());
      return;
    case 10:
      if (restores_ && !backups_.empty()) world_.restore(backups_[dice_.below(backups_.size())]);
      return;
    case 12:
      return harm_a_state();
    case 11:
      if (dice_.percent(20)) world_.impostor(some_time(60'000));
      return;
    default:
      if (dice_.percent(40)) return world_.cloud.push_again();
      (void)world_.cloud.meddle();
  }
}

void Program::crash_somebody() {
  if (dice_.percent(40)) return world_.crash_hub(some_time(45'000));
  world_.crash_agent(*dice_.pick(world_.machines).second, some_time(60'000));
}

// Of an agent: its journal is lost, or a copy of it runs beside it.
void Program::harm_a_state() {
  const auto& [region, machine] = dice_.pick(world_.machines);
  // Versions of reports begin with the clock where there is no journal: what such an agent says may be taken
  // for old as long as its clock is behind what it was (docs/operations/recovery.md).
  if (loses_journals_ && machine->clock.jumped()) return;
  if (loses_journals_ && (!copies_agents_ || dice_.percent(50)))
    return world_.lose_journal(*machine, some_time(30'000));
  if (copies_agents_) world_.copy_agent(region);
}

// Both have been heard for long enough: the hub has chosen one, and says so. Then somebody ends either.
void Program::settle_copies() {
  if (world_.copies.empty()) return;
  world_.run(std::chrono::minutes(4));
  if (world_.findings.any()) return;
  const auto reader = world_.store().snapshot().value();
  std::vector<std::string> regions;
  for (const auto& [region, copy] : world_.copies) {
    regions.push_back(region);
    const auto& first = *world_.machines.at(region);
    const auto agent = must(hub::objects::get<v1::Agent>(*reader, first.name()));
    const bool told = agent && std::ranges::any_of(agent->status().conditions(), [](const auto& condition) {
                        return condition.reason() == reasons::kCopiesRunning;
                      });
    const bool one = first.agent().session().superseded() != copy->agent().session().superseded();
    if (!one || !told)
      world_.findings.add(Rule::kCopies, fmt::format("two processes of {} run, {}", first.name(),
                                                     one ? "and its status does not say so"
                                                         : "and not exactly one of them serves"));
  }
  for (const auto& region : regions) world_.end_copy(region, dice_.percent(50));
  // What one did unseen by the other shows with the next look at everything.
  world_.run(std::chrono::minutes(11));
}

void Program::cut_somebody_off() {
  const std::string region = dice_.pick(world_.machines).first;
  const auto kind = dice_.below(4);
  world_.cut(region, static_cast<World::Cut>(kind));
  world_.at(some_time(60'000), [this, region] { world_.mend(region); });
}

void Program::fill_a_disk() {
  if (dice_.percent(50)) {
    world_.trace.note("the hub's disk is full");
    world_.store_full = true;
    return world_.at(some_time(20'000), [this] { world_.store_full = false; });
  }
  const std::string agent = dice_.pick(world_.machines).second->name();
  world_.trace.note("a disk is full", agent);
  world_.journal_full[agent] = true;
  world_.at(some_time(20'000), [this, agent] { world_.journal_full[agent] = false; });
}

void Program::make_peace() {
  world_.trace.note("peace");
  world_.set_trouble({});
  world_.cloud.set_outage(false);
  world_.cloud.heal();
  world_.store_full = false;
  world_.journal_full.clear();
  for (auto& [region, machine] : world_.machines) {
    machine->clock.set_skew(Millis(0));
    world_.mend(region);
    world_.start_agent(*machine);
  }
  for (auto& [region, copy] : world_.copies) world_.start_agent(*copy);
  world_.start_hub();
  settle_copies();
  apply(universe_.bounded());
}

}  // namespace qleet::sim
