// The wire alone: a hub's dispatch and fleet over LMDB, agents that make everything true at once, and a real
// nats-server between them. "index": the hub's start over what it holds; "connect": until every agent has
// connected, synced, and its reports are stored; p50, p99: from the commit of one change until its report is
// stored; "one each": one commit that changes one resource of every agent, until the last report is stored.
//
//   nats-server -a 127.0.0.1 -p 4333 &
//   bench_link nats://127.0.0.1:4333 [agents ...]     default: 10 100
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "agent/link/session.h"
#include "common/bus/nats_bus.h"
#include "common/log/log.h"
#include "common/loop/loop.h"
#include "hub/dispatch/dispatch.h"
#include "hub/fleet/fleet.h"
#include "hub/store/keys.h"
#include "hub/store/lmdb_store.h"
#include "hub/store/objects.h"

namespace qleet {
namespace {

using Steady = std::chrono::steady_clock;

double ms_since(Steady::time_point start) {
  return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

std::unique_ptr<NatsBus> connect(const std::string& url, const std::string& name) {
  NatsOptions options = small_nats_options();
  options.urls = {url};
  options.name = name;
  auto bus = NatsBus::start(options).value();
  if (!bus->wait_connected(Millis(10'000))) {
    fmt::print(stderr, "{} cannot be reached\n", url);
    std::exit(1);
  }
  return bus;
}

// Takes everything, and says at once that it is so.
class InstantMachine final : public agent::Desired, public agent::Reports {
 public:
  Result<agent::Holding> holding() override { return agent::Holding{}; }
  Result<> commit(const agent::DesiredChange& change) override {
    for (const auto& resource : change.put) {
      auto& report = reports_[resource.name()];
      report.set_name(resource.name());
      report.set_generation(resource.generation());
      report.set_hash(resource.hash());
      report.set_state("Ready");
      report.set_version(report.version() + 1);
      if (changed_) changed_(resource.name());
    }
    return {};
  }
  void on_change(std::function<void(const std::string&)> changed) override { changed_ = std::move(changed); }
  std::vector<std::string> unconfirmed() override { return {}; }
  std::optional<wire::v1::ResourceReport> report(const std::string& name) override { return reports_[name]; }
  Result<> confirm(const std::vector<agent::ReportVersion>&) override { return {}; }
  Result<> unconfirm_all() override { return {}; }
  std::vector<wire::v1::EventReport> events(size_t) override { return {}; }
  Result<> confirm_events(const std::vector<std::string>&) override { return {}; }

 private:
  std::function<void(const std::string&)> changed_;
  std::map<std::string, wire::v1::ResourceReport> reports_;
};

struct BenchAgent {
  BenchAgent(const std::string& url, const std::string& name, const std::string& epoch, const Clock& clock)
      : random(std::hash<std::string>{}(name)),
        bus(connect(url, name)),
        session(options(name, epoch), {*bus, clock, random, machine, machine, nullptr}) {
    (void)session.start().value();
  }
  static agent::SessionOptions options(const std::string& name, const std::string& epoch) {
    agent::SessionOptions out;
    out.agent = name;
    out.boot_id = "bench";
    out.enrolled_epoch = epoch;
    return out;
  }

  SeededRandom random;
  InstantMachine machine;
  std::unique_ptr<NatsBus> bus;
  agent::Session session;
  MonoTime due{};
  std::atomic<bool> woken = true;
};

// All agents on one thread, each stepped only when it has something to do.
class Crowd final : public Stepper {
 public:
  Crowd(const std::string& url, size_t count, const std::string& epoch, const Clock& clock) : clock_(clock) {
    for (size_t i = 0; i < count; ++i) {
      agents_.push_back(std::make_unique<BenchAgent>(url, fmt::format("r{}", i), epoch, clock));
      agents_.back()->session.wake().set([this, agent = agents_.back().get()] {
        agent->woken = true;
        wake();
      });
    }
  }
  MonoTime step() override {
    MonoTime due = MonoTime::max();
    for (const auto& agent : agents_) {
      if (agent->woken.exchange(false) || clock_.mono() >= agent->due) agent->due = agent->session.step();
      due = std::min(due, agent->due);
    }
    return due;
  }
  Wake wake;

 private:
  const Clock& clock_;
  std::vector<std::unique_ptr<BenchAgent>> agents_;
};

class Hub {
 public:
  Hub(const std::filesystem::path& folder, const std::string& url, size_t regions)
      : store_(hub::LmdbStore::open(folder).value()), bus_(connect(url, "hub")) {
    (void)store_
        ->transact([&](hub::Txn& txn) -> Result<> {
          for (size_t i = 0; i < regions; ++i) {
            v1::Agent agent;
            agent.mutable_metadata()->set_name(fmt::format("r{}", i));
            agent.mutable_spec()->set_region(agent.metadata().name());
            TRY(hub::objects::put(txn, agent, stamp()));
          }
          return {};
        })
        .value();
  }
  void start() {
    dispatch_ = std::make_unique<hub::Dispatch>(*store_, *bus_, clock_, hub::DispatchOptions{});
    fleet_ = std::make_unique<hub::Fleet>(
        *store_, *bus_, clock_, dispatch_->agents(), dispatch_->index(),
        hub::FleetHooks{[](hub::Txn&, const v1::Resource&) -> Result<> { return {}; }, nullptr},
        hub::FleetOptions{});
    const auto begin = Steady::now();
    (void)dispatch_->start().value();
    started_ms = ms_since(begin);
    (void)fleet_->start().value();
    loops_.push_back(std::make_unique<LoopThread>(*dispatch_, dispatch_->wake(), clock_));
    loops_.push_back(std::make_unique<LoopThread>(*fleet_, fleet_->wake(), clock_));
  }
  // One resource of a region, with about 1 KB of content.
  void put(hub::Txn& txn, size_t region, size_t number, int content) {
    v1::Resource resource;
    const std::string name = fmt::format("r{}.dev.shop.volume.{}", region, number);
    resource = hub::objects::get<v1::Resource>(txn, name).value().value_or(v1::Resource());
    resource.mutable_metadata()->set_name(name);
    auto& spec = *resource.mutable_spec();
    spec.set_region(fmt::format("r{}", region));
    spec.set_hash(fmt::format("h{}", content));
    (*spec.mutable_template_()->mutable_fields())["x"].set_string_value(std::string(1000, 'x'));
    (void)hub::objects::put(txn, resource, stamp()).value();
    if (const auto at = txn.get(hub::keys::region_at(name)).value())
      txn.erase(fmt::format("x/region-pos/{}/{}/{}", spec.region(), at->value, name));
    txn.put(hub::keys::region_at(name), hub::keys::hex16(txn.revision()));
    txn.put(hub::keys::region_pos(spec.region(), txn.revision(), name), "");
  }
  void put_one(size_t region, size_t number, int content) {
    (void)store_
        ->transact([&](hub::Txn& txn) -> Result<> { return put(txn, region, number, content), Result<>{}; })
        .value();
  }
  bool reported(size_t region, size_t number) {
    const auto resource =
        hub::objects::get<v1::Resource>(*store_->snapshot().value(),
                                        fmt::format("r{}.dev.shop.volume.{}", region, number))
            .value();
    return resource && resource->status().observed_generation() == resource->metadata().generation();
  }
  hub::Store& store() { return *store_; }
  hub::FleetCounters counters() { return fleet_->counters(); }
  const Clock& clock() const { return clock_; }
  double started_ms = 0;

 private:
  hub::objects::Stamp stamp() { return {clock_.wall(), uids_}; }

  SystemClock clock_;
  hub::Random uids_ = hub::system_random();
  std::unique_ptr<hub::LmdbStore> store_;
  std::unique_ptr<NatsBus> bus_;
  std::unique_ptr<hub::Dispatch> dispatch_;
  std::unique_ptr<hub::Fleet> fleet_;
  std::vector<std::unique_ptr<LoopThread>> loops_;
};

template <class Condition>
void wait(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(std::chrono::microseconds(100));
}

void run(const std::string& url, size_t agents) {
  constexpr size_t kEach = 20;
  constexpr int kShots = 200;
  std::string folder = (std::filesystem::temp_directory_path() / "qleet-bench-XXXXXX").string();
  if (!::mkdtemp(folder.data())) return;
  {
    Hub hub(folder, url, agents);
    for (size_t region = 0; region < agents; ++region)
      (void)hub.store()
          .transact([&](hub::Txn& txn) -> Result<> {
            for (size_t i = 0; i < kEach; ++i) hub.put(txn, region, i, 0);
            return {};
          })
          .value();
    hub.start();

    auto begin = Steady::now();
    Crowd crowd(url, agents, hub.store().identity().epoch, hub.clock());
    LoopThread loop(crowd, crowd.wake, hub.clock());
    wait([&] { return hub.counters().resources_written >= agents * kEach; });
    const double catch_up = ms_since(begin);

    std::vector<double> latencies;
    for (int i = 0; i < kShots; ++i) {
      const size_t region = static_cast<size_t>(i) * 7919 % agents;
      begin = Steady::now();
      hub.put_one(region, 0, i + 1);
      wait([&] { return hub.reported(region, 0); });
      latencies.push_back(ms_since(begin));
    }
    std::ranges::sort(latencies);

    const auto written = hub.counters().resources_written;
    begin = Steady::now();
    (void)hub.store()
        .transact([&](hub::Txn& txn) -> Result<> {
          for (size_t region = 0; region < agents; ++region) hub.put(txn, region, 1, 1);
          return {};
        })
        .value();
    wait([&] { return hub.counters().resources_written >= written + agents; });
    const double all = ms_since(begin);
    fmt::print("{:>7} {:>10} {:>12.0f} {:>14.0f} {:>10.2f} {:>10.2f} {:>14.0f}\n", agents, agents * kEach,
               hub.started_ms, catch_up, latencies[kShots / 2], latencies[kShots * 99 / 100], all);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace qleet

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_link nats://127.0.0.1:<port> [agents ...]\n");
    return 2;
  }
  qleet::log::set_level(qleet::log::Level::kError);
  std::vector<size_t> sizes;
  for (int i = 2; i < argc; ++i) sizes.push_back(std::strtoull(argv[i], nullptr, 10));
  if (sizes.empty()) sizes = {10, 100};
  fmt::print("{:>7} {:>10} {:>12} {:>14} {:>10} {:>10} {:>14}\n", "agents", "resources", "index, ms",
             "connect, ms", "p50, ms", "p99, ms", "one each, ms");
  for (const size_t agents : sizes) qleet::run(argv[1], agents);
  return 0;
}
