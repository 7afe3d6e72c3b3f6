// The agent's engine alone, over a journal on a disk and the no-op provider: what the engine itself costs.
//
//   bench_engine [resources ...]     default: 100 1000 10000
#include <fmt/format.h>
#include <malloc.h>
#include <stdlib.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/engine/engine.h"
#include "agent/engine/executor.h"
#include "agent/engine/gateway.h"
#include "agent/journal/lmdb_journal.h"
#include "common/log/log.h"
#include "providers/noop/noop_provider.h"

namespace qleet::agent {
namespace {

using Steady = std::chrono::steady_clock;

double ms_since(Steady::time_point start) {
  return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

double heap_megabytes() { return static_cast<double>(::mallinfo2().uordblks) / 1e6; }

struct Agent {
  Agent(const std::filesystem::path& folder, std::shared_ptr<noop::World> world)
      : sealer(crypto::Sealer::open_or_create(folder / "key", random).value()),
        journal(LmdbJournal::open({.folder = folder / "journal"}, sealer).value()),
        engine(Engine::open({.agent = "bench"},
                            {.journal = *journal,
                             .clock = clock,
                             .random = random,
                             .executor = executor,
                             .wake = wake,
                             .providers = {{"noop", std::make_shared<noop::NoopProvider>(clock, world)}}})
                   .value()),
        gateway(*engine, EngineGateway::Caller::kOtherThread),
        thread(std::in_place, *engine, wake, clock) {}

  // Until every resource shows `state` of `generation`.
  void wait(const std::vector<std::string>& names, unsigned generation) {
    size_t reached = 0;
    while (reached < names.size()) {
      const auto report = engine->reports().report(names[reached]);
      if (report && report->state() == "Ready" && report->generation() == generation)
        ++reached;
      else
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }

  // Until nothing is under way.
  void rest() {
    for (bool idle = false; !idle;) {
      auto asked = std::make_shared<std::promise<bool>>();
      engine->call([this, asked] { asked->set_value(engine->idle()); });
      idle = asked->get_future().get();
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  }

  crypto::SystemRandom random;
  SystemClock clock;
  Wake wake;
  crypto::Sealer sealer;
  std::unique_ptr<LmdbJournal> journal;
  ThreadExecutor executor{16};
  std::unique_ptr<Engine> engine;
  EngineGateway gateway;
  std::optional<LoopThread> thread;
};

// All depend on the first one, each fifth begins a chain of five.
DesiredChange wanted(size_t count, unsigned generation) {
  DesiredChange change{.epoch = "e", .position = generation, .put = {}, .disown = {}, .forget = {}};
  for (size_t i = 0; i < count; ++i) {
    wire::v1::DesiredResource r;
    r.set_name(fmt::format("eu-1.dev.shop.thing.n{}", i));
    r.set_generation(generation);
    r.set_provider("noop");
    auto& fields = *r.mutable_template_()->mutable_fields();
    fields["version"].set_number_value(generation);
    fields["password"].set_string_value("${generated.password}");
    (*r.mutable_outputs()->mutable_fields())["host"].set_string_value("${self.name}");
    if (i > 0) (*r.mutable_dependencies())["host"] = "eu-1.dev.shop.thing.n0";
    if (i % 5 != 0) (*r.mutable_dependencies())["up"] = fmt::format("eu-1.dev.shop.thing.n{}", i - 1);
    r.set_hash(std::to_string(generation));
    change.put.push_back(std::move(r));
  }
  return change;
}

void measure(size_t count) {
  std::string folder = std::filesystem::temp_directory_path() / "qleet-bench-XXXXXX";
  if (!::mkdtemp(folder.data())) std::abort();
  auto world = std::make_shared<noop::World>();
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(fmt::format("eu-1.dev.shop.thing.n{}", i));
  const double heap_before = heap_megabytes();
  double made = 0, changed = 0, one = 0, held = 0, restart = 0;
  {
    Agent agent(folder, world);
    auto start = Steady::now();
    (void)agent.gateway.commit(wanted(count, 1));
    agent.wait(names, 1);
    made = ms_since(start);
    start = Steady::now();
    (void)agent.gateway.commit(wanted(count, 2));
    agent.wait(names, 2);
    changed = ms_since(start);
    constexpr unsigned kSingles = 20;
    for (unsigned i = 0; i < kSingles; ++i) {
      auto all = wanted(count, 3 + i);
      DesiredChange single{
          .epoch = "e", .position = 3 + i, .put = {all.put.back()}, .disown = {}, .forget = {}};
      start = Steady::now();
      (void)agent.gateway.commit(single);
      agent.wait({names.back()}, 3 + i);
      one += ms_since(start) / kSingles;
    }
    held = heap_megabytes() - heap_before;
  }
  {
    const auto start = Steady::now();
    Agent agent(folder, world);
    agent.rest();
    restart = ms_since(start);
  }
  fmt::print("{:>9} {:>12.0f} {:>12.0f} {:>14.1f} {:>12.0f} {:>10.1f}\n", count, made, changed, one, restart,
             held);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace qleet::agent

int main(int argc, char** argv) {
  qleet::log::set_level(qleet::log::Level::kError);
  std::vector<size_t> counts;
  for (int i = 1; i < argc; ++i) counts.push_back(std::strtoull(argv[i], nullptr, 10));
  if (counts.empty()) counts = {100, 1'000, 10'000};
  fmt::print("{:>9} {:>12} {:>12} {:>14} {:>12} {:>10}\n", "resources", "make all ms", "change all",
             "change one ms", "restart ms", "heap MB");
  for (const size_t count : counts) qleet::agent::measure(count);
}
