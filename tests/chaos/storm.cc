#include "tests/chaos/storm.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>

#include "tests/chaos/actors.h"
#include "tests/chaos/api.h"
#include "tests/chaos/checks.h"
#include "tests/chaos/faults.h"
#include "tests/chaos/podman_world.h"
#include "tests/chaos/region_world.h"
#include "tests/chaos/sampler.h"
#include "tests/chaos/settled.h"
#include "tests/support/mini_fleet.h"
#include "tests/support/small_disk.h"

namespace qleet::chaos {
namespace {

const std::vector<std::string> kWatched = {"applications", "deployments", "environments",
                                           "regions",      "releases",    "resources"};

constexpr const char* kFaketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

class Storm {
 public:
  Storm(const Program& program, const StormOptions& options)
      : program_(program),
        options_(options),
        fleet_(fleet_options(program, options)),
        api_(fleet_.url(), fleet_.hub_state()) {
    outcome_.folder = fleet_.folder();
    outcome_.record.program = program;
    const Wish wish = first_wish(program.options);
    for (const auto& agent : program.options.agents) add_agent(agent, wish.regions.at(agent));
  }

  Outcome run() {
    begin_watching();
    blow();
    settle();
    end_watching();
    for (const auto& agent : program_.options.agents)
      outcome_.record.deeds[agent] = noop_deeds(fleet_.folder() / (agent + ".world"));
    if (program_.options.containers)
      outcome_.record.starts = podman_starts(fleet_, program_.options.agents.back());
    for (auto& violation : check(outcome_.record)) outcome_.violations.push_back(std::move(violation));
    fleet_.stop();
    if (const auto reports = fleet_.sanitizer_reports(); !reports.empty())
      outcome_.violations.push_back(reports);
    if (options_.keep || !outcome_.violations.empty()) {
      fleet_.keep();
      std::ofstream(fleet_.folder() / "record.txt") << text(outcome_.record);
    }
    return std::move(outcome_);
  }

 private:
  test::FleetOptions fleet_options(const Program& program, const StormOptions& options) {
    if (program.options.clocks && !std::filesystem::exists(kFaketime))
      throw std::runtime_error(std::string(kFaketime) + " is missing: Debian's libfaketime has it");
    test::FleetOptions fleet{.profiles = options.profiles,
                             .faketime = program.options.clocks ? kFaketime : "",
                             .bin = options.bin};
    if (program.options.disk)
      fleet.prepare = [this](const std::filesystem::path& folder) {
        disk_ = std::make_unique<test::SmallDisk>(folder / "hub", "48m");
        if (!disk_->mounted()) throw std::runtime_error("no disk for the hub: " + disk_->reason());
      };
    return fleet;
  }

  // With a gate between it and the nats-server.
  void add_agent(const std::string& name, const std::string& tier) {
    const bool real = tier == kReal;
    fleet_.enrol({.name = name, .labels = {"tier=" + tier}, .containers = real, .both = real});
    auto& gate = gates_[name];
    gate = std::make_unique<test::NatsGate>(fleet_.hub_state(), program_.options.seed + gates_.size());
    const auto identity = fleet_.agent_state(name) / "identity/identity.json";
    std::string text;
    {
      std::ifstream in(identity, std::ios::binary);
      text.assign(std::istreambuf_iterator<char>(in), {});
    }
    const auto at = text.find("tls://127.0.0.1:");
    if (at == std::string::npos) throw std::runtime_error("no nats-server in " + identity.string());
    text.replace(at, text.find('"', at) - at, fmt::format("tls://127.0.0.1:{}", gate->port()));
    std::ofstream(identity, std::ios::trunc | std::ios::binary) << text;
    fleet_.start_agent(name);
    const auto connected = [&] {
      return test::Json::parse(api_.send("GET", "/v1/agents/" + name).body)["status.state"].str() ==
             "Connected";
    };
    if (!test::until(connected, std::chrono::seconds(60)))
      throw std::runtime_error("agent " + name + " is not connected: " + fleet_.logs());
    if (real) import_web_image(fleet_, name);
  }

  void begin_watching() {
    std::vector<test::Json> none;
    if (!api_.list("applications", none, &outcome_.record.begun_at_revision))
      throw std::runtime_error("the hub does not answer");
    for (const auto& kind : kWatched)
      watchers_[kind] = std::make_unique<Watcher>(api_, kind, outcome_.record.begun_at_revision);
  }

  void blow() {
    const StormClock clock;
    Sampler sampler(api_, clock);
    Actors actors(api_, program_, clock);
    Faults faults(fleet_, disk_.get(), program_, gates_, outcome_.record, outcome_.violations);
    for (const auto& fault : program_.faults) {
      faults.run_until(fault.at, clock);
      faults.begin(fault, clock);
      ++outcome_.faults[kind_of(fault)];
    }
    faults.end_all(clock);
    // All is well again: whoever still waits gets an answer.
    (void)test::until([&] { return actors.done(); }, std::chrono::milliseconds(options_.settle_millis));
    faults.look(clock);
    outcome_.record.answers = actors.stop();
    outcome_.record.samples = sampler.stop();
  }

  void settle() {
    const StormClock clock;
    const Settled settled(fleet_, api_, program_);
    auto& left = outcome_.record.unsettled;
    (void)test::until(
        [&] {
          left = settled.missing();
          return left.empty();
        },
        std::chrono::milliseconds(options_.settle_millis));
    outcome_.settled_after = clock.millis();
    if (!left.empty()) return;
    // And it stays so.
    test::nap(std::chrono::milliseconds(700));
    left = settled.missing();
  }

  // What watches told must add up to what a list says.
  std::map<std::string, long> listed(const std::string& kind) {
    std::vector<test::Json> items;
    std::map<std::string, long> out;
    if (!api_.list(kind, items)) outcome_.violations.push_back("no list of " + kind + " in the end");
    for (const auto& item : items) {
      const Seen now = seen("", item);
      if (now.revision > outcome_.record.begun_at_revision) out[now.name] = now.revision;
    }
    return out;
  }

  void end_watching() {
    for (const auto& kind : kWatched) {
      Watcher& first = *watchers_.at(kind);
      Watcher again(api_, kind, outcome_.record.begun_at_revision);
      const auto all = listed(kind);
      const auto there = [&] { return first.known() == all && again.known() == all; };
      if (!test::until(there, std::chrono::seconds(15)))
        outcome_.violations.push_back(fmt::format("watches of {} do not add up to what a list says", kind));
      outcome_.record.watched[kind] = first.stop();
      outcome_.record.watched_again[kind] = again.stop();
      for (const auto* watcher : {&first, &again})
        if (const auto failure = watcher->failure(); !failure.empty()) outcome_.violations.push_back(failure);
    }
  }

  const Program& program_;
  const StormOptions& options_;
  Outcome outcome_;
  std::unique_ptr<test::SmallDisk> disk_;
  test::MiniFleet fleet_;
  Api api_;
  Gates gates_;  // agents end before them
  std::map<std::string, std::unique_ptr<Watcher>> watchers_;
};

}  // namespace

Outcome run_storm(const Program& program, const StormOptions& options) {
  return Storm(program, options).run();
}

}  // namespace qleet::chaos
