// Workloads on a real podman: replicas, probes, replacement without a failed request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/model/reasons.h"
#include "providers/container/names.h"
#include "providers/container/provider.h"
#include "tests/support/driven_provider.h"
#include "tests/support/engine_host.h"
#include "tests/support/eventually.h"

namespace qleet {
namespace {

using State = Observation::State;
using test::eventually;
using test::reach;
using test::resource;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Leads requests as a route does: to what the board says, round robin.
class Client {
 public:
  Client(EndpointBoard& board, std::string workload)
      : board_(board), workload_(std::move(workload)), handle_(board_.follow(workload_, "client", [] {})) {
    thread_ = std::thread([this] { run(); });
  }
  ~Client() {
    stop_ = true;
    thread_.join();
  }
  unsigned asked() const { return asked_; }
  unsigned failed() const { return failed_; }

 private:
  void run() {
    http::Client client;
    for (unsigned i = 0; !stop_; ++i) {
      const auto set = board_.get(workload_);
      if (set) board_.applied(workload_, "client", set->version);
      if (!set || set->ready.empty()) {
        if (asked_ > 0) ++failed_;
        std::this_thread::sleep_for(Millis(5));
        continue;
      }
      const auto& endpoint = set->ready[i % set->ready.size()];
      http::Request request;
      request.url = "http://" + endpoint.ip + ":" + std::to_string(endpoint.ports.begin()->second) + "/";
      request.headers.emplace_back("Connection", "close");
      request.timeout = Millis(2'000);
      const auto response = client.request(request);
      ++asked_;
      if (!response || !response->ok()) ++failed_;
    }
  }

  EndpointBoard& board_;
  std::string workload_;
  std::shared_ptr<void> handle_;
  std::atomic<bool> stop_{false};
  std::atomic<unsigned> asked_{0};
  std::atomic<unsigned> failed_{0};
  std::thread thread_;
};

class WorkloadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    bool skip = false;
    engine_ = test::start_engine_host(why, skip);
    if (skip) GTEST_SKIP() << why;
    ASSERT_TRUE(engine_) << why;
    make_provider();
    ASSERT_EQ(reach(*provider_, host_).state, State::kReady);
  }

  void make_provider() {
    watch_.reset();
    provider_ =
        container::make_provider({.socket = engine_->socket(), .state = engine_->state()}, board_, clock_);
    watch_ = provider_->watch([](const std::string&) {});
  }

  ProviderResource web(const std::string& version, unsigned replicas, const std::string& more = "") {
    return resource(
        "workload", "web",
        R"({"kind":"workload","stopGrace":"2s","replicas":)" + std::to_string(replicas) +
            R"(,"score":{"containers":{"web":{"image":")" + engine_->image() +
            R"(","variables":{"VERSION":")" + version +
            R"(","START_DELAY_MS":"200"},"readinessProbe":{"httpGet":{"path":"/healthz","port":8080}})" +
            more + R"(}},"service":{"ports":{"http":{"port":80,"targetPort":8080}}}}})",
        "hash-" + version + more);
  }

  std::vector<std::string> endpoints() {
    std::vector<std::string> out;
    const auto set = board_.get(web("", 1).name);
    if (!set) return out;
    for (const auto& endpoint : set->ready) {
      out.push_back("http://" + endpoint.ip + ":" + std::to_string(endpoint.ports.at(80)));
    }
    return out;
  }

  SystemClock clock_;
  EndpointBoard board_;
  std::unique_ptr<test::EngineHost> engine_;
  std::unique_ptr<Provider> provider_;
  std::shared_ptr<void> watch_;
  ProviderResource host_ = resource("container-host", "default", "{}");
};

TEST_F(WorkloadTest, IsReplacedWithoutAFailedRequestThenScaledThenGone) {
  auto seen = reach(*provider_, web("v1", 2));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  ASSERT_EQ(endpoints().size(), 2U);
  EXPECT_EQ(test::get(endpoints()[0]), "v1");
  {
    Client client(board_, web("v1", 2).name);
    ASSERT_TRUE(eventually([&] { return client.asked() > 20; }));
    seen = reach(*provider_, web("v2", 2));
    ASSERT_EQ(seen.state, State::kReady) << seen.message;
    seen = reach(*provider_, web("v3", 2));
    ASSERT_EQ(seen.state, State::kReady) << seen.message;
    const unsigned asked = client.asked();
    ASSERT_TRUE(eventually([&] { return client.asked() > asked + 20; }));
    EXPECT_EQ(client.failed(), 0U) << "of " << client.asked();
    for (const auto& endpoint : endpoints()) EXPECT_EQ(test::get(endpoint), "v3");
  }
  seen = reach(*provider_, web("v3", 3));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(endpoints().size(), 3U);
  seen = reach(*provider_, web("v3", 1));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(endpoints().size(), 1U);
  EXPECT_EQ(engine_->client().list({{container::labels::kKind, "workload"}})->size(), 1U);

  EXPECT_TRUE(test::remove_all(*provider_, web("v3", 1)));
  EXPECT_TRUE(test::remove_all(*provider_, host_));
  EXPECT_THAT(engine_->leftovers(), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(engine_->state() / "mounts"));
}

// What a volume's source becomes is an output, text that a developer may have chosen: a name proves nothing.
TEST_F(WorkloadTest, MountsNoVolumeOfAnotherApplication) {
  auto theirs = resource("volume", "data", R"({"kind":"volume","size":"1Gi"})");
  theirs.application = "cart";
  theirs.name = "local-1.dev.cart.volume.data";
  const auto made = reach(*provider_, theirs);
  ASSERT_EQ(made.state, State::kReady) << made.message;
  const auto wanted = [&](const std::string& volume) {
    return web("v1", 1, R"(,"volumes":[{"source":")" + volume + R"(","target":"/d"}])");
  };
  const auto refused = wanted(made.self.at("name"));
  ASSERT_TRUE(provider_->observe(refused));
  const auto applied = provider_->apply(refused, {});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, Code::kInvalid);
  EXPECT_THAT(applied.error().message, HasSubstr("was not made for this application"));

  const auto ours = resource("volume", "data", R"({"kind":"volume","size":"1Gi"})");
  const auto own = reach(*provider_, ours);
  ASSERT_EQ(own.state, State::kReady) << own.message;
  const auto taken = wanted(own.self.at("name"));
  const auto seen = reach(*provider_, taken);
  EXPECT_EQ(seen.state, State::kReady) << seen.message;
  for (const auto& gone : {taken, ours, theirs}) EXPECT_TRUE(test::remove_all(*provider_, gone));
  EXPECT_TRUE(test::remove_all(*provider_, host_));
}

TEST_F(WorkloadTest, ABadVersionTakesNothingDownAndAGoodOneGoesOn) {
  const auto first = reach(*provider_, web("v1", 1));
  ASSERT_EQ(first.state, State::kReady) << first.message;
  Client client(board_, web("v1", 1).name);
  auto bad = web("v2", 1, R"(,"args":["exit","4"])");
  auto seen = reach(*provider_, bad, State::kReady, Millis(4'000));
  EXPECT_NE(seen.state, State::kReady);
  EXPECT_TRUE(eventually([&] {
    seen = provider_->observe(bad).value_or(Observation{});
    return seen.reason == reasons::kExited;
  })) << seen.message;
  EXPECT_THAT(seen.message, HasSubstr("ended with code 4"));
  ASSERT_EQ(endpoints().size(), 1U);
  EXPECT_EQ(test::get(endpoints()[0]), "v1");
  seen = reach(*provider_, web("v3", 1));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(test::get(endpoints()[0]), "v3");
  EXPECT_EQ(client.failed(), 0U) << "of " << client.asked();
  EXPECT_EQ(engine_->client().list({{container::labels::kKind, "workload"}})->size(), 1U);
}

TEST_F(WorkloadTest, SaysWhatItWaitsForAndHowItCrashesWithEachRestart) {
  // Never ready: nothing listens where the probe looks.
  const auto quiet = resource(
      "workload", "quiet",
      R"({"kind":"workload","stopGrace":"1s","score":{"containers":{"main":{"image":")" + engine_->image() +
          R"(","args":["sleep","600"],"readinessProbe":{"httpGet":{"path":"/","port":8080}}}}}})");
  auto seen = reach(*provider_, quiet, State::kProgressing);
  EXPECT_THAT(seen.message, testing::AnyOf(HasSubstr("container \"main\" is starting"),
                                           HasSubstr("container \"main\" waits for its probe")));
  ASSERT_TRUE(seen.counts);
  EXPECT_EQ(seen.counts->ready, 0U);
  EXPECT_EQ(seen.counts->replicas, 1U);
  EXPECT_EQ(seen.counts->restarts, 0U);

  const auto crash =
      resource("workload", "crash",
               R"({"kind":"workload","stopGrace":"1s","score":{"containers":{"main":{"image":")" +
                   engine_->image() + R"(","args":["exit","5"]}}}})");
  const auto restarts_beyond = [&](unsigned number) {
    return eventually([&] {
      seen = provider_->observe(crash).value_or(Observation{});
      if (seen.state == State::kAbsent || seen.state == State::kOutOfDate)
        (void)provider_->apply(crash, seen);
      return seen.counts && seen.counts->restarts > number && seen.reason == reasons::kExited;
    });
  };
  EXPECT_TRUE(restarts_beyond(4)) << "more than the engine's own: " << seen.message;
  EXPECT_THAT(seen.message, HasSubstr("container \"main\" ended with code 5"));
  EXPECT_TRUE(seen.stalled) << "it was never ready";
  const unsigned before = seen.counts->restarts;
  make_provider();
  seen = provider_->observe(crash).value_or(Observation{});
  ASSERT_TRUE(seen.counts);
  EXPECT_GE(seen.counts->restarts, before) << "an agent that restarts does not begin anew";
  for (const auto& gone : {quiet, crash}) EXPECT_TRUE(test::remove_all(*provider_, gone));
}

TEST_F(WorkloadTest, FilesAreReadableByWhoTheContainerRunsAs) {
  for (const std::string user : {"app", "1234", "app:7", "4321:1"}) {
    const std::string image = "localhost/test-web-as:1";
    ASSERT_TRUE(engine_->import_web(image, "v1", user));
    const auto wanted =
        resource("workload", "web",
                 R"({"kind":"workload","stopGrace":"1s","score":{"containers":{"web":{"image":")" + image +
                     R"(","files":[{"target":"/tmp/private","mode":"0400","content":"for )" + user +
                     R"("}]}},"service":{"ports":{"http":{"port":80,"targetPort":8080}}}}})",
                 "hash-" + user);
    auto seen = reach(*provider_, wanted);
    ASSERT_EQ(seen.state, State::kReady) << user << ": " << seen.message;
    ASSERT_EQ(endpoints().size(), 1U);
    EXPECT_EQ(test::get(endpoints()[0] + "/file/tmp/private"), "for " + user);
    // Also after a start that writes them again.
    (void)test::get(endpoints()[0] + "/die/0");
    ASSERT_TRUE(eventually([&] {
      seen = reach(*provider_, wanted);
      return seen.state == State::kReady && seen.counts->restarts > 0 && endpoints().size() == 1;
    })) << seen.message;
    EXPECT_EQ(test::get(endpoints()[0] + "/file/tmp/private"), "for " + user);
    EXPECT_TRUE(test::remove_all(*provider_, wanted));
  }
}

TEST_F(WorkloadTest, CountsWhatServesAndWhatShould) {
  const auto seen = reach(*provider_, web("v1", 2));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  ASSERT_TRUE(seen.counts);
  EXPECT_EQ(seen.counts->ready, 2U);
  EXPECT_EQ(seen.counts->replicas, 2U);
  EXPECT_EQ(seen.counts->restarts, 0U);
  ASSERT_TRUE(eventually([&] { return !endpoints().empty(); }));
  (void)test::get(endpoints()[0] + "/die/1");
  Observation again;
  EXPECT_TRUE(eventually([&] {
    again = reach(*provider_, web("v1", 2));
    return again.counts && again.counts->restarts >= 1 && again.counts->ready == 2;
  })) << again.message;
}

TEST_F(WorkloadTest, ReplicasOnANetworkThatWasRemovedAreMadeAgainOnTheNewOne) {
  if (test::engine_under_test() != "podman") GTEST_SKIP() << "Docker removes no network that is in use";
  const auto seen = reach(*provider_, web("v1", 2));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  const auto before = endpoints();
  std::filesystem::remove(engine_->state() / "containers" / "networks" / (seen.self.at("network") + ".json"));
  const auto host = reach(*provider_, host_);
  ASSERT_EQ(host.state, State::kReady) << host.message;
  const auto after = reach(*provider_, web("v1", 2));
  ASSERT_EQ(after.state, State::kReady) << after.message;
  ASSERT_EQ(endpoints().size(), 2U);
  for (const auto& endpoint : endpoints()) {
    EXPECT_THAT(before, ::testing::Not(::testing::Contains(endpoint)));
    EXPECT_EQ(test::get(endpoint), "v1");
  }
}

TEST_F(WorkloadTest, AReplicaThatDiesIsReplacedAndAnAgentThatRestartsTouchesNothing) {
  const auto wanted = web("v1", 2);
  ASSERT_EQ(reach(*provider_, wanted).state, State::kReady);
  const auto containers = engine_->client().list({{container::labels::kResource, wanted.name}});
  ASSERT_EQ(containers->size(), 2U);
  ASSERT_TRUE(engine_->client().remove(containers->front().id));
  ASSERT_TRUE(provider_->observe(wanted));
  EXPECT_EQ(endpoints().size(), 1U);
  auto seen = reach(*provider_, wanted);
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(endpoints().size(), 2U);

  std::map<std::string, std::string> started;
  for (const auto& one : *engine_->client().list({{container::labels::kResource, wanted.name}})) {
    started[one.id] = engine_->client().inspect(one.id)->started_at;
  }
  make_provider();
  seen = provider_->observe(wanted).value_or(Observation{});
  EXPECT_EQ(seen.state, State::kReady) << seen.message;
  for (const auto& [id, time] : started) EXPECT_EQ(engine_->client().inspect(id)->started_at, time);
}

TEST_F(WorkloadTest, ARemovalThatIsTakenBackServesAgain) {
  const auto wanted = web("v1", 1);
  ASSERT_EQ(reach(*provider_, wanted).state, State::kReady);
  const auto step = provider_->remove(wanted, {});
  ASSERT_TRUE(step) << step.error().message;
  ASSERT_FALSE(step->done);
  const auto seen = reach(*provider_, wanted);
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_TRUE(eventually([&] {
    (void)reach(*provider_, wanted);
    return endpoints().size() == 1;
  }));
}

TEST_F(WorkloadTest, ReadinessTakesOutOfRotationAndLivenessRestarts) {
  auto wanted = web("v1", 1);
  ASSERT_EQ(reach(*provider_, wanted).state, State::kReady);
  const auto id = engine_->client().list({{container::labels::kResource, wanted.name}})->front().id;
  ASSERT_EQ(engine_->client()
                .exec(id, {.command = {"/bin/web", "touch", "/tmp/unhealthy"}}, Millis(5'000))
                ->exit_code,
            0);
  EXPECT_TRUE(eventually([&] {
    (void)provider_->observe(wanted);
    return endpoints().empty();
  }));
  EXPECT_EQ(provider_->observe(wanted)->reason, reasons::kProbeFailing);
  ASSERT_EQ(
      engine_->client().exec(id, {.command = {"/bin/web", "rm", "/tmp/unhealthy"}}, Millis(5'000))->exit_code,
      0);
  EXPECT_TRUE(eventually([&] {
    (void)provider_->observe(wanted);
    return !endpoints().empty();
  }));

  wanted = web("v2", 1, R"(,"livenessProbe":{"exec":{"command":["/bin/web","exists","/bin/web"]}})");
  ASSERT_EQ(reach(*provider_, wanted).state, State::kReady);
}

// What locks its data cannot start beside its older version.
TEST_F(WorkloadTest, WhatLocksItsVolumeStopsBeforeItsNextVersionStarts) {
  const auto data = reach(*provider_, resource("volume", "data", "{}"));
  ASSERT_EQ(data.state, State::kReady) << data.message;
  const auto locking = [&](const std::string& version, const std::string& more = "") {
    auto wanted = web(version, 1,
                      R"(,"volumes":[{"source":")" + data.self.at("name") + R"(","target":"/data"}])" + more);
    auto& score = *wanted.template_.mutable_fields()->at("score").mutable_struct_value();
    auto& web = *score.mutable_fields()
                     ->at("containers")
                     .mutable_struct_value()
                     ->mutable_fields()
                     ->at("web")
                     .mutable_struct_value();
    (*web.mutable_fields()->at("variables").mutable_struct_value()->mutable_fields())["LOCK"]
        .set_string_value("/data/lock");
    return wanted;
  };
  auto seen = reach(*provider_, locking("v1"));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  seen = reach(*provider_, locking("v2"));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(test::get(endpoints().at(0)), "v2");
  EXPECT_EQ(engine_->client().list({{container::labels::kKind, "workload"}})->size(), 1U);

  // What cannot be made takes nothing down.
  auto missing = locking("v3");
  auto& score = *missing.template_.mutable_fields()->at("score").mutable_struct_value();
  auto& web = *score.mutable_fields()
                   ->at("containers")
                   .mutable_struct_value()
                   ->mutable_fields()
                   ->at("web")
                   .mutable_struct_value();
  (*web.mutable_fields())["image"].set_string_value("localhost/no/such:1");
  seen = reach(*provider_, missing, State::kReady, Millis(2'000));
  EXPECT_NE(seen.state, State::kReady);
  EXPECT_EQ(test::get(endpoints().at(0)), "v2");
  seen = reach(*provider_, locking("v4"));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(test::get(endpoints().at(0)), "v4");
}

TEST_F(WorkloadTest, LogsAreFollowedIntoTheNextVersion) {
  ASSERT_EQ(reach(*provider_, web("v1", 1)).state, State::kReady);
  std::mutex mutex;
  std::vector<std::string> lines;
  std::thread follower([&] {
    (void)provider_->logs(web("v1", 1), {.follow = true}, [&](const LogLine& line) {
      if (line.source.empty()) return true;
      const std::lock_guard lock(mutex);
      lines.push_back(line.source + ": " + line.data);
      return lines.size() < 2;
    });
  });
  ASSERT_EQ(reach(*provider_, web("v2", 1)).state, State::kReady);
  follower.join();
  EXPECT_THAT(lines, ::testing::ElementsAre("0/web: serving version v1", "0/web: serving version v2"));
}

TEST_F(WorkloadTest, ContainersOfAReplicaShareOneNetwork) {
  const auto wanted = resource("workload", "web",
                               R"({"score":{"containers":{
        "a":{"image":")" + engine_->image() +
                                   R"(","variables":{"VERSION":"a"}},
        "b":{"image":")" + engine_->image() +
                                   R"(","args":["serve","9090"],"variables":{"VERSION":"b"},
             "files":[{"target":"/etc/b.conf","content":"for b","mode":"0600"}]}},
        "service":{"ports":{"a":{"port":80,"targetPort":8080},"b":{"port":81,"targetPort":9090}}}}})");
  auto seen = reach(*provider_, wanted);
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  const auto set = board_.get(wanted.name);
  ASSERT_TRUE(set);
  ASSERT_EQ(set->ready.size(), 1U);
  const std::string ip = set->ready.front().ip;
  EXPECT_EQ(test::get("http://" + ip + ":8080"), "a");
  EXPECT_TRUE(eventually([&] { return test::get("http://" + ip + ":9090/file/etc/b.conf") == "for b"; }));

  // The one whose network both share dies: the other follows it.
  const auto first = engine_->client().inspect(
      engine_->client()
          .list({{container::labels::kResource, wanted.name}, {container::labels::kContainer, "a"}})
          ->front()
          .id);
  ASSERT_TRUE(first);
  ASSERT_TRUE(engine_->client().kill(first->id, "SIGKILL"));
  EXPECT_TRUE(eventually([&] {
    seen = reach(*provider_, wanted);
    const auto now = board_.get(wanted.name);
    return seen.state == State::kReady && now && !now->ready.empty() &&
           test::get("http://" + now->ready.front().ip + ":9090") == "b";
  })) << seen.message;
}

}  // namespace
}  // namespace qleet
