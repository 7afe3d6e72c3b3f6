// The engine as an agent runs it: on a thread of its own, over a journal on a disk, steps on a pool; and the
// same in a child process that is killed.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "agent/engine/engine.h"
#include "agent/engine/executor.h"
#include "agent/engine/gateway.h"
#include "agent/journal/lmdb_journal.h"
#include "common/log/log.h"
#include "providers/noop/noop_provider.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/agent/engine_fixture.h"

namespace qleet::agent {
namespace {

bool within(std::chrono::seconds limit, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + test::patient(limit);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(Millis(2));
  }
  return true;
}

// Everything of an agent but the session.
struct Agent {
  explicit Agent(const test::TempDir& folder, const std::string& world_file = "")
      : sealer(crypto::Sealer::open_or_create(folder / "key", random).value()),
        journal(LmdbJournal::open({.folder = folder / "journal"}, sealer).value()),
        world(world_file.empty() ? std::make_shared<noop::World>()
                                 : noop::World::in_file(world_file).value()),
        engine(Engine::open({.agent = "eu-1"},
                            {.journal = *journal,
                             .clock = clock,
                             .random = random,
                             .executor = executor,
                             .wake = wake,
                             .providers = {{"noop", std::make_shared<noop::NoopProvider>(clock, world)}}})
                   .value()),
        gateway(*engine, EngineGateway::Caller::kOtherThread),
        thread(std::in_place, *engine, wake, clock) {}

  bool all_ready(size_t count) {
    const auto holding = gateway.holding().value();
    if (holding.resources.size() != count) return false;
    for (const auto& held : holding.resources) {
      const auto report = engine->reports().report(held.name);
      if (!report || report->state() != "Ready" || report->generation() != held.generation) return false;
    }
    return true;
  }

  crypto::SystemRandom random;
  SystemClock clock;
  Wake wake;
  crypto::Sealer sealer;
  std::unique_ptr<LmdbJournal> journal;
  std::shared_ptr<noop::World> world;
  ThreadExecutor executor{8};
  std::unique_ptr<Engine> engine;
  EngineGateway gateway;
  std::optional<LoopThread> thread;
};

DesiredChange chain(int length, std::uint64_t position) {
  DesiredChange change{.epoch = "e1", .position = position, .put = {}, .disown = {}, .forget = {}};
  for (int i = 0; i < length; ++i) {
    Spec spec{.name = "n" + std::to_string(i),
              .template_ = {{"v", std::to_string(position)}},
              .outputs = {{"pw", "${generated.pw}"}},
              .generation = static_cast<unsigned>(position)};
    if (i % 5 != 0) spec.needs["up"] = "n" + std::to_string(i - 1);
    change.put.push_back(resource(spec));
  }
  return change;
}

TEST(EngineThreadsTest, MakesAHundredInChainsOfFive) {
  test::TempDir folder;
  Agent agent(folder);
  std::atomic<int> told{0};
  agent.engine->reports().on_change([&](const std::string&) { ++told; });
  ASSERT_TRUE(agent.gateway.commit(chain(100, 1)));
  EXPECT_TRUE(within(std::chrono::seconds(20), [&] { return agent.all_ready(100); }));
  EXPECT_GE(told, 100);
  EXPECT_EQ(agent.world->things().size(), 100u);

  std::string log;
  ASSERT_TRUE(agent.gateway.read({.resource = "n0"}, [&](const LogLine& line) {
    log += line.data + "\n";
    return true;
  }));
  EXPECT_EQ(log, "changes 1\n");
  EXPECT_EQ(agent.gateway.read({.resource = "nobody"}, [](const LogLine&) { return true; }).error().code,
            Code::kNotFound);
}

TEST(EngineThreadsTest, DriftIsRepairedAtOnce) {
  test::TempDir folder;
  Agent agent(folder);
  ASSERT_TRUE(agent.gateway.commit(chain(1, 1)));
  ASSERT_TRUE(within(std::chrono::seconds(10), [&] { return agent.all_ready(1); }));
  ASSERT_TRUE(agent.world->vanish("eu-1", "n0"));
  EXPECT_TRUE(within(std::chrono::seconds(5), [&] { return agent.world->find("eu-1", "n0").has_value(); }));
}

TEST(EngineThreadsTest, AStoppedEngineLeavesEverythingRunning) {
  test::TempDir folder;
  std::string before;
  {
    Agent agent(folder, folder / "world");
    ASSERT_TRUE(agent.gateway.commit(chain(10, 1)));
    ASSERT_TRUE(within(std::chrono::seconds(10), [&] { return agent.all_ready(10); }));
    agent.thread.reset();
  }
  Agent agent(folder, folder / "world");
  EXPECT_EQ(agent.world->things().size(), 10u);
  EXPECT_TRUE(within(std::chrono::seconds(10), [&] { return agent.all_ready(10); }));
  for (const auto& thing : agent.world->things()) EXPECT_EQ(thing.changes, 1u) << thing.name;
}

// Killed in the midst of its work again and again: the next one finishes, and makes nothing twice.
TEST(EngineThreadsTest, KillNineAtAnyPointEndsAsWanted) {
  test::TempDir folder;
  log::set_level(log::Level::kError);
  for (int round = 0; round < 6; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Agent agent(folder, folder / "world");
      if (round == 0 && !agent.gateway.commit(chain(60, 1))) ::_exit(1);
      std::this_thread::sleep_for(std::chrono::seconds(30));
      ::_exit(0);
    }
    // Not before the wish is durable, then after a different time in each round.
    if (round == 0) {
      ASSERT_TRUE(
          within(std::chrono::seconds(10), [&] { return std::filesystem::exists(folder / "world"); }));
    }
    std::this_thread::sleep_for(Millis(5 + 17 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  Agent agent(folder, folder / "world");
  EXPECT_TRUE(within(std::chrono::seconds(20), [&] { return agent.all_ready(60); }));
  const auto things = agent.world->things();
  EXPECT_EQ(things.size(), 60u);
  for (const auto& thing : things) EXPECT_EQ(thing.changes, 1u) << thing.name << " was made twice";
}

TEST(ThreadExecutorTest, RunsInParallelUpToItsLimitAndWaitsForTheEnd) {
  std::atomic<int> running{0}, most{0}, ran{0};
  {
    ThreadExecutor executor(3);
    for (int i = 0; i < 12; ++i)
      executor.run([&] {
        const int now = ++running;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        // Until another one runs beside it: proves that they do.
        within(std::chrono::seconds(5), [&] { return most.load() >= 3; });
        --running;
        ++ran;
      });
    EXPECT_TRUE(within(std::chrono::seconds(10), [&] { return ran == 12; }));
  }
  EXPECT_EQ(most, 3);
  EXPECT_EQ(running, 0);
}

}  // namespace
}  // namespace qleet::agent
