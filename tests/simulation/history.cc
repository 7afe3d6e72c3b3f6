#include "tests/simulation/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "hub/controllers/deployment_pace.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "qleet/v1/application.pb.h"
#include "tests/simulation/end_checks.h"
#include "tests/simulation/program.h"

namespace qleet::sim {
namespace {

constexpr Millis kHeartbeat = sync::kHeartbeatEvery;
// After 3 beats and a quarter; and what was on its way when it fell silent.
constexpr Millis kDeadAfter = kHeartbeat * 3 + kHeartbeat / 4 + Millis(8'000);
constexpr Millis kMostUntilRest = std::chrono::hours(2);

class History {
 public:
  explicit History(const WorldOptions& options) : world_(options), program_(world_) {}

  Outcome play() {
    try {
      program_.begin();
      storm();
      if (!wrong()) program_.make_peace();
      if (!wrong()) rest();
      if (!wrong()) stay_at_rest();
      if (!wrong()) end();
    } catch (const std::exception& e) {
      // A program that fails is a finding as well, whosever it is.
      world_.findings.add(Rule::kRest, fmt::format("exception: {}", e.what()));
    }
    Outcome outcome;
    outcome.findings = world_.findings.all();
    world_.trace.note("end", outcome.findings.size());
    outcome.trace_hash = world_.trace.hash();
    outcome.operations = program_.operations();
    outcome.faults = program_.faults() + world_.hub_crashes + world_.agent_crashes;
    outcome.simulated = world_.clock.mono().time_since_epoch();
    return outcome;
  }

 private:
  bool wrong() const { return world_.findings.any(); }

  void storm() {
    const auto steps = 25 + world_.dice.below(25);
    for (std::uint64_t i = 0; i < steps && !wrong(); ++i) {
      program_.act();
      const bool long_wait = world_.dice.percent(15);
      world_.run(Millis(static_cast<Millis::rep>(world_.dice.below(long_wait ? 60'000 : 3'000))));
      look();
    }
  }

  // As people do: watch, and look at what is there.
  void look() {
    if (!world_.hub_runs()) return;
    if (world_.dice.percent(30)) read_watches();
    world_.checker.check_shown(world_.store(), world_.hub().shower(), world_.heard(), kDeadAfter);
  }
  void read_watches() {
    for (auto& watcher : world_.watchers)
      watcher->read(world_.store(), world_.clock, world_.hub().shower(), world_.checker);
  }

  // Sabotage.
  void hear_anew() {
    (void)world_.store().transact(
        [&](hub::Txn& txn) { return hub::controllers::note_heard_since(txn, world_.clock.wall()); });
  }

  void rest() {
    std::string left;
    const bool rests = world_.run_until(
        [&] {
          program_.repeat_deletes();
          program_.put_back_data();
          if (world_.options.sabotage == Sabotage::kPatientHub) hear_anew();
          left = difference(world_);
          return left.empty();
        },
        Millis(5'000), kMostUntilRest);
    if (!rests && !wrong()) world_.findings.add(Rule::kDesired, left);
    if (wrong()) return;
    read_watches();
    world_.checker.check_writes(world_.store());
    check_contents(world_);
    check_store(world_);
  }

  // Nothing that is as wanted is touched, whoever is started anew; and nothing is written where nothing
  // happens.
  void stay_at_rest() {
    const auto acts = world_.cloud.acts();
    const auto made = generations();
    world_.crash_hub(Millis(500));
    for (auto& [region, machine] : world_.machines) world_.crash_agent(*machine, Millis(800));
    world_.run(Millis(60'000));
    // A rollout that waits for a lost secret is looked at anew, and may go on.
    if (world_.locked) return;
    if (world_.cloud.acts() != acts)
      world_.findings.add(Rule::kRestart, "a restart of hub and agents touched what was as wanted");
    if (generations() != made)
      world_.findings.add(Rule::kRestart, "a restart of the hub gave resources new generations");
    if (world_.options.sabotage == Sabotage::kRestless)
      world_.at(Millis(5'000), [this] {
        (void)world_.store().transact([](hub::Txn& txn) -> Result<> {
          txn.put("m/restless", "1");
          return {};
        });
      });
    const auto revision = world_.store().snapshot().value()->revision();
    world_.run(Millis(30'000));
    if (world_.store().snapshot().value()->revision() != revision)
      world_.findings.add(Rule::kRest, "the hub goes on writing although nothing happens");
    if (const auto left = difference(world_); !left.empty())
      world_.findings.add(Rule::kDesired, "after a restart: " + left);
  }
  std::map<std::string, std::uint32_t> generations() {
    std::map<std::string, std::uint32_t> all;
    const auto reader = world_.store().snapshot().value();
    for (const auto& resource : hub::objects::list<v1::Resource>(*reader).value())
      all[resource.metadata().name()] = resource.metadata().generation();
    return all;
  }

  void end() {
    program_.delete_everything();
    std::string left;
    const bool gone = world_.run_until(
        [&] {
          program_.delete_retained();
          program_.repeat_deletes();
          left = leftovers(world_);
          return left.empty();
        },
        Millis(5'000), kMostUntilRest);
    if (!gone && !wrong()) world_.findings.add(Rule::kLeak, "in the end " + left);
    if (wrong()) return;
    read_watches();
    check_store(world_);
  }

  World world_;
  Program program_;
};

}  // namespace

Outcome play(const WorldOptions& options) { return History(options).play(); }

}  // namespace qleet::sim
