// The container provider on a real podman: hosts, volumes and single containers.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/json.hpp>
#include <cstdlib>
#include <mutex>
#include <set>

#include "common/clock/clock.h"
#include "common/engine/host_network.h"
#include "common/engine/start.h"
#include "common/model/reasons.h"
#include "providers/container/names.h"
#include "providers/container/provider.h"
#include "tests/support/driven_provider.h"
#include "tests/support/engine_host.h"
#include "tests/support/podman_host.h"

namespace qleet {
namespace {

using State = Observation::State;
using test::eventually;
using test::reach;
using test::resource;

// Of agents on this host, this test's among them.
std::set<std::string> bridges() {
  std::set<std::string> found;
  for (const auto& one : std::filesystem::directory_iterator("/sys/class/net")) {
    if (auto name = one.path().filename().string(); name.starts_with("qlt")) found.insert(std::move(name));
  }
  return found;
}

// Whether the network's name server, at its gateway, gives an address for the name (RFC 1035, section 4.1).
bool name_server_knows(const std::string& gateway, const std::string& name) {
  std::string query("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  for (const std::string label : {name.c_str(), "dns", "podman"})
    query += static_cast<char>(label.size()) + label;
  query += std::string("\x00\x00\x01\x00\x01", 5);
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(53);
  ::inet_pton(AF_INET, gateway.c_str(), &address.sin_addr);
  std::string answer(512, '\0');
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  const bool answered = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                        ::send(fd, query.data(), query.size(), 0) == static_cast<ssize_t>(query.size()) &&
                        ::recv(fd, answer.data(), answer.size(), 0) > 12;
  ::close(fd);
  return answered && answer[7] > 0;  // records in the answer
}

class ContainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    bool skip = false;
    engine_ = test::start_engine_host(why, skip);
    if (skip) GTEST_SKIP() << why;
    ASSERT_TRUE(engine_) << why;
    provider_ =
        container::make_provider({.socket = engine_->socket(), .state = engine_->state()}, board_, clock_);
    watch_ = provider_->watch([this](std::string name) {
      const std::lock_guard lock(mutex_);
      changed_.insert(std::move(name));
    });
    ASSERT_EQ(reach(*provider_, host_).state, State::kReady);
  }

  bool was_told_of(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return changed_.contains(name);
  }
  void forget_changes() {
    const std::lock_guard lock(mutex_);
    changed_.clear();
  }

  ProviderResource web(const std::string& rest = "", const std::string& hash = "h1") {
    return resource("web", "web",
                    R"({"kind":"container","image":")" + engine_->image() +
                        R"(","ports":[{"port":8080,"publish":true}],"stopGrace":"2s")" + rest + "}",
                    hash);
  }
  std::string url(const Observation& seen, const std::string& path = "/") {
    return "http://" + seen.self.at("ip") + ":8080" + path;
  }

  // What the watch's callback uses outlives the watch.
  std::mutex mutex_;
  std::set<std::string> changed_;
  SystemClock clock_;
  EndpointBoard board_;
  std::unique_ptr<test::EngineHost> engine_;
  std::unique_ptr<Provider> provider_;
  std::shared_ptr<void> watch_;
  ProviderResource host_ = resource("container-host", "default", "{}");
};

// As when somebody removes it, or its file: Podman tells nobody, and what runs stays on the old bridge.
TEST_F(ContainerTest, ANetworkMadeAnewTakesItsContainersAlong) {
  if (test::engine_under_test() != "podman") GTEST_SKIP() << "Docker removes no network that is in use";
  const auto others = bridges();
  const auto container = web();
  const auto before = reach(*provider_, container);
  ASSERT_EQ(before.state, State::kReady) << before.message;
  const std::string network = before.self.at("network");
  std::filesystem::remove(engine_->state() / "containers" / "networks" / (network + ".json"));
  ASSERT_FALSE(engine_->client().inspect_network(network));

  // Whoever fails for it has it looked at.
  forget_changes();
  const auto other = resource(
      "web", "other",
      R"({"kind":"container","image":")" + engine_->image() + R"(","network":")" + network + R"("})");
  ASSERT_FALSE(provider_->apply(other, {}));
  EXPECT_TRUE(was_told_of(host_.name));
  const auto seen = provider_->observe(host_);
  ASSERT_TRUE(seen) << seen.error().message;
  EXPECT_EQ(seen->state, State::kOutOfDate);
  EXPECT_THAT(seen->message, ::testing::HasSubstr("was removed"));

  forget_changes();
  const auto host = reach(*provider_, host_);
  ASSERT_EQ(host.state, State::kReady) << host.message;
  EXPECT_TRUE(host.recheck_after);
  EXPECT_TRUE(was_told_of(container.name));
  const auto drifted = provider_->observe(container);
  ASSERT_TRUE(drifted) << drifted.error().message;
  EXPECT_EQ(drifted->state, State::kOutOfDate);
  EXPECT_THAT(drifted->message, ::testing::HasSubstr("a network that was removed"));

  const auto after = reach(*provider_, container);
  ASSERT_EQ(after.state, State::kReady) << after.message;
  EXPECT_EQ(containers::in_subnet(after.self.at("ip"), host.self.at("subnet")), true);
  // Names are found again.
  ASSERT_EQ(reach(*provider_, other).state, State::kReady);
  // Nobody takes down the bridge that Podman has forgotten.
  for (const auto& bridge : bridges()) {
    if (!others.contains(bridge) && std::filesystem::is_empty("/sys/class/net/" + bridge + "/brif"))
      std::system(("ip link delete " + bridge).c_str());
  }
  EXPECT_TRUE(
      eventually([&] { return name_server_knows(host.self.at("gateway"), after.self.at("address")); }));
}

// As podman's service leaves it that is killed between the runtime's start and its own note of it.
TEST_F(ContainerTest, AContainerWhoseStartWasCutOffIsMadeAnew) {
  if (test::engine_under_test() != "podman") GTEST_SKIP() << "the cut is made with Podman's own command";
  const std::string root = (engine_->state() / "containers").string();
  const auto shell = [&](const std::string& command) {
    return std::system(("CONTAINERS_CONF=" + root + "/containers.conf CONTAINERS_STORAGE_CONF=" + root +
                        "/storage.conf; export CONTAINERS_CONF CONTAINERS_STORAGE_CONF; " + command)
                           .c_str());
  };
  ASSERT_EQ(
      shell(
          "podman create --name cut-off --network none --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 " +
          engine_->image() +
          " >/dev/null && podman init cut-off >/dev/null && "
          "runc start $(podman inspect --format '{{.Id}}' cut-off)"),
      0);
  EXPECT_FALSE(engine_->client().start("cut-off")) << "for ever";
  EXPECT_FALSE(containers::start_or_discard(engine_->client(), "cut-off"));
  const auto gone = engine_->client().inspect("cut-off");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::kNotFound);
}

TEST_F(ContainerTest, AVolumeThatSomebodyRemovedIsSaidToBeLostAndTakenBack) {
  const auto wanted = resource("volume", "data", R"({"size":"1Gi"})");
  ASSERT_EQ(reach(*provider_, wanted).state, State::kReady);
  const std::string name = container::base_name(wanted);
  ASSERT_TRUE(engine_->client().remove_volume(name));
  auto seen = provider_->observe(wanted).value_or(Observation{});
  EXPECT_EQ(seen.state, State::kOutOfDate);
  EXPECT_EQ(seen.reason, reasons::kDataLost);
  // As the message says.
  const std::string program = test::engine_under_test() == "podman" ? "podman --url" : "docker -H";
  const auto at = seen.message.find(program + " unix://" + engine_->socket() + " volume create ");
  ASSERT_NE(at, std::string::npos) << seen.message;
  ASSERT_EQ(std::system((seen.message.substr(at) + " >/dev/null").c_str()), 0) << seen.message;
  seen = provider_->observe(wanted).value_or(Observation{});
  EXPECT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_TRUE(test::remove_all(*provider_, wanted));
}

TEST_F(ContainerTest, ACheckThatEndsWith77SaysThatTheCredentialsAreRefused) {
  const auto wanted = web(R"(,"secrets":{"password":"s3cret"},"health":{"exec":["/bin/web","exit","77"]})");
  auto seen = reach(*provider_, wanted, State::kDegraded);
  EXPECT_EQ(seen.reason, reasons::kCredentialsRefused);
  EXPECT_NE(seen.message.find("(secret password)"), std::string::npos) << seen.message;
  EXPECT_EQ(seen.message.find("s3cret"), std::string::npos) << seen.message;
  EXPECT_TRUE(test::remove_all(*provider_, wanted));
}

TEST_F(ContainerTest, ComesUpWithVolumeFilesAndSecretsAndLeavesNothingBehind) {
  const auto volume = resource("volume", "data", R"({"size":"1Gi"})");
  const auto data = reach(*provider_, volume);
  ASSERT_EQ(data.state, State::kReady) << data.message;
  EXPECT_EQ(data.self.at("size"), "1Gi");

  const auto wanted = web(R"(,"env":{"VERSION":"v1"},"secrets":{"password":"s3cret"},
      "files":[{"target":"/etc/web.conf","content":"hello","mode":"0640"}],
      "volumes":{"/data":")" +
                          data.self.at("name") + R"("},"memory":"64M","cpu":"500m")");
  const auto seen = reach(*provider_, wanted);
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(test::get(url(seen)), "v1");
  EXPECT_EQ(test::get("http://127.0.0.1:" + seen.self.at("port.8080") + "/"), "v1");
  EXPECT_EQ(test::get(url(seen, "/file/run/secrets/password")), "s3cret");
  EXPECT_EQ(test::get(url(seen, "/file/etc/web.conf")), "hello");

  const auto details = engine_->client().inspect(seen.self.at("container"));
  ASSERT_TRUE(details);
  EXPECT_EQ(details->memory, 64'000'000);
  for (const auto& entry : details->env) EXPECT_EQ(entry.find("s3cret"), std::string::npos);
  EXPECT_EQ(details->labels.at(container::labels::kHash), "h1");
  EXPECT_EQ(details->labels.at(container::labels::kResource), wanted.name);

  EXPECT_TRUE(test::remove_all(*provider_, wanted));
  EXPECT_TRUE(test::remove_all(*provider_, volume));
  EXPECT_TRUE(test::remove_all(*provider_, host_));
  EXPECT_THAT(engine_->leftovers(), ::testing::IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(engine_->state() / "mounts"));
}

// As a podman leaves it whose storage was removed under it.
TEST_F(ContainerTest, ABridgeThatIsLeftOfAnotherEngineIsNotJoined) {
  ASSERT_TRUE(test::remove_all(*provider_, host_));
  const auto bridge = containers::choose_bridge(host_.owner, containers::interface_exists);
  ASSERT_EQ(std::system(fmt::format("ip link add {0} type bridge && ip addr add 10.127.3.1/24 dev {0} && "
                                    "ip link set {0} up",
                                    bridge)
                            .c_str()),
            0);
  const auto host = reach(*provider_, host_);
  const auto seen = host.state == State::kReady ? reach(*provider_, web()) : host;
  EXPECT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_NE(test::get(url(seen)), "");
  EXPECT_EQ(std::system(("ip link del " + bridge).c_str()), 0);
}

TEST_F(ContainerTest, WhatAnEarlierAgentMadeIsAdoptedAndNotRestarted) {
  const auto wanted = web();
  const auto before = reach(*provider_, wanted);
  ASSERT_EQ(before.state, State::kReady) << before.message;
  const auto started = engine_->client().inspect(before.self.at("container"))->started_at;

  watch_.reset();
  provider_ =
      container::make_provider({.socket = engine_->socket(), .state = engine_->state()}, board_, clock_);
  const auto after = provider_->observe(wanted);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->state, State::kReady) << after->message;
  EXPECT_EQ(engine_->client().inspect(before.self.at("container"))->started_at, started);
}

TEST_F(ContainerTest, AnotherHashReplacesIt) {
  ASSERT_EQ(reach(*provider_, web(R"(,"env":{"VERSION":"v1"})")).state, State::kReady);
  const auto next = web(R"(,"env":{"VERSION":"v2"})", "h2");
  const auto seen = provider_->observe(next);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->state, State::kOutOfDate);
  const auto after = reach(*provider_, next);
  ASSERT_EQ(after.state, State::kReady) << after.message;
  EXPECT_EQ(test::get(url(after)), "v2");
}

TEST_F(ContainerTest, DriftIsNoticedByEventsAndRepaired) {
  const auto wanted = web(R"(,"env":{"VERSION":"v1"})");
  const auto seen = reach(*provider_, wanted);
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  const std::string name = seen.self.at("container");
  auto& engine = engine_->client();
  const std::pair<std::string, std::function<void()>> meddling[] = {
      {"stopped", [&] { ASSERT_TRUE(engine.stop(name, Millis(1'000))); }},
      {"removed", [&] { ASSERT_TRUE(engine.remove(name)); }},
      {"renamed", [&] { ASSERT_TRUE(engine.rename(name, "someone-elses-name")); }},
      {"taken off its network", [&] { ASSERT_TRUE(engine.disconnect(seen.self.at("network"), name)); }},
  };
  for (const auto& [what, meddle] : meddling) {
    SCOPED_TRACE(what);
    forget_changes();
    meddle();
    EXPECT_TRUE(eventually([&] { return was_told_of(wanted.name); }));
    const auto found = provider_->observe(wanted);
    ASSERT_TRUE(found);
    EXPECT_NE(found->state, State::kReady);
    const auto repaired = reach(*provider_, wanted);
    ASSERT_EQ(repaired.state, State::kReady) << repaired.message;
    EXPECT_EQ(test::get(url(repaired)), "v1");
  }
}

// Status and events are read by people who may not read logs.
TEST_F(ContainerTest, AProcessThatEndsSaysItsCodeAndNotItsLog) {
  const auto wanted = resource(
      "web", "web", R"({"kind":"container","image":")" + engine_->image() + R"(","args":["exit","3"]})");
  ASSERT_TRUE(provider_->observe(wanted));
  ASSERT_TRUE(provider_->apply(wanted, {}));
  Observation seen;
  EXPECT_TRUE(eventually([&] {
    const auto found = provider_->observe(wanted);
    if (found) seen = *found;
    return seen.reason == reasons::kExited;
  }));
  EXPECT_THAT(seen.message, ::testing::HasSubstr("ended with code 3"));
  EXPECT_THAT(seen.message, ::testing::Not(::testing::HasSubstr("ending as told")));
  std::string log;
  ASSERT_TRUE(provider_->logs(wanted, {.tail = 10}, [&](const LogLine& line) {
    log += line.data;
    return true;
  }));
  EXPECT_THAT(log, ::testing::HasSubstr("ending as told"));
}

TEST_F(ContainerTest, AnEndForWantOfMemoryNamesTheLimit) {
  const auto wanted = resource(
      "web", "web",
      R"({"kind":"container","memory":"16Mi","image":")" + engine_->image() + R"(","args":["eat"]})");
  Observation seen;
  EXPECT_TRUE(eventually([&] {
    seen = provider_->observe(wanted).value_or(Observation{});
    if (seen.state == State::kAbsent || seen.state == State::kOutOfDate) (void)provider_->apply(wanted, seen);
    return seen.reason == reasons::kOutOfMemory && seen.counts && seen.counts->restarts > 3;
  })) << seen.reason
      << ": " << seen.message;
  EXPECT_THAT(seen.message, ::testing::HasSubstr("ended with code 137"));
  EXPECT_THAT(seen.message, ::testing::HasSubstr("its limit of 16Mi"));
  EXPECT_EQ(seen.counts->ready, 0U);
  EXPECT_EQ(seen.counts->replicas, 1U);
}

TEST_F(ContainerTest, ErrorsNameTheirCause) {
  auto missing = resource("web", "web", R"({"kind":"container","image":"localhost/nope:1"})");
  auto seen = reach(*provider_, missing);
  EXPECT_EQ(seen.reason, reasons::kImageMissing) << seen.message;
  EXPECT_THAT(seen.message, ::testing::HasSubstr("localhost/nope:1 is not on this host"));

  auto unreachable = resource("web", "web", R"({"kind":"container","image":"127.0.0.1:1/shop/web:1"})");
  (void)provider_->apply(unreachable, {});
  EXPECT_TRUE(eventually([&] {
    if (const auto found = provider_->observe(unreachable)) seen = *found;
    return seen.reason == reasons::kRegistryUnreachable;
  })) << seen.message;
  EXPECT_THAT(seen.message, ::testing::HasSubstr("its registry 127.0.0.1:1 refuses the connection"));

  auto greedy = web(R"(,"ulimits":{"nofile":100000000})");
  seen = reach(*provider_, greedy);
  EXPECT_EQ(seen.reason, reasons::kLimitRefused) << seen.message;
  EXPECT_THAT(seen.message, ::testing::HasSubstr("open files"));
  EXPECT_TRUE(test::remove_all(*provider_, greedy));

  const auto first = reach(*provider_, web());
  ASSERT_EQ(first.state, State::kReady) << first.message;
  auto second = resource("web", "other",
                         R"({"kind":"container","image":")" + engine_->image() +
                             R"(","ports":[{"port":8080,"hostPort":)" + first.self.at("port.8080") + "}]}");
  seen = reach(*provider_, second, State::kReady, Millis(1'000));
  EXPECT_EQ(seen.reason, reasons::kPortInUse) << seen.message;
  // The one that holds the port still answers on it.
  EXPECT_EQ(test::get("http://127.0.0.1:" + first.self.at("port.8080") + "/"), "none");

  auto wrong = resource("web", "bad", R"({"kind":"container","image":"x","prots":[1],"memory":"lots"})");
  const auto refused = provider_->observe(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, reasons::kInvalidTemplate);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("template.prots"));
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("template.memory"));
}

TEST_F(ContainerTest, WhatIsNotOursIsLeftAlone) {
  const auto wanted = web();
  // The name is taken by someone else's container.
  const auto other =
      resource("web", "decoy", R"({"kind":"container","image":")" + engine_->image() + R"("})");
  const auto decoy = reach(*provider_, other);
  ASSERT_EQ(decoy.state, State::kReady) << decoy.message;
  ASSERT_TRUE(engine_->client().rename(decoy.self.at("container"), container::base_name(wanted)));
  const auto seen = provider_->observe(wanted);
  ASSERT_FALSE(seen);
  EXPECT_THAT(seen.error().message, ::testing::HasSubstr("not ours"));
  ASSERT_TRUE(provider_->remove(wanted, {}));
  EXPECT_TRUE(engine_->client().inspect(container::base_name(wanted)));
}

TEST_F(ContainerTest, ContainersOutliveAServiceThatIsKilled) {
  const auto wanted = web();
  const auto before = reach(*provider_, wanted);
  ASSERT_EQ(before.state, State::kReady) << before.message;
  const std::string published = "http://127.0.0.1:" + before.self.at("port.8080") + "/";
  const auto started = engine_->client().inspect(before.self.at("container"))->started_at;
  forget_changes();
  ASSERT_TRUE(engine_->kill_service());
  EXPECT_EQ(test::get(url(before)), "none");
  // Docker's daemon forwards the ports of the loopback itself.
  if (test::engine_under_test() == "podman") EXPECT_EQ(test::get(published), "none");
  engine_->bring_back_service();
  EXPECT_TRUE(eventually([&] { return provider_->observe(wanted).has_value(); }));
  EXPECT_TRUE(eventually([&] { return was_told_of(wanted.name); }));
  const auto after = reach(*provider_, wanted);
  EXPECT_EQ(after.state, State::kReady) << after.message;
  EXPECT_EQ(engine_->client().inspect(before.self.at("container"))->started_at, started);
  // Events arrive again.
  forget_changes();
  ASSERT_TRUE(engine_->client().stop(before.self.at("container"), Millis(1'000)));
  EXPECT_TRUE(eventually([&] { return was_told_of(wanted.name); }));
}

TEST_F(ContainerTest, DataInsideAnotherOnesContainerThatIsGoneIsSaidToBeLost) {
  const auto server = reach(*provider_, web());
  ASSERT_EQ(server.state, State::kReady) << server.message;
  const auto database =
      resource("postgres", "db",
               R"({"kind":"exec","container":")" + server.self.at("container") +
                   R"(","check":["/bin/web","exists","/tmp/ready"],"data":["/bin/web","exists","/tmp/db"],
          "create":[["/bin/web","touch","/tmp/db"],["/bin/web","touch","/tmp/ready"]],
          "delete":[["/bin/web","rm","/tmp/db"]]})");
  ASSERT_EQ(reach(*provider_, database).state, State::kReady);
  const auto take_away = [&](const std::string& file) {
    return engine_->client().exec(server.self.at("container"), {.command = {"/bin/web", "rm", file}},
                                  Millis(5'000));
  };
  // What was made can be made again around the data; what was the data cannot.
  ASSERT_TRUE(take_away("/tmp/ready"));
  auto seen = provider_->observe(database).value_or(Observation{});
  EXPECT_EQ(seen.state, State::kOutOfDate);
  EXPECT_EQ(seen.reason, "");
  EXPECT_TRUE(test::remove_all(*provider_, database));
  EXPECT_NE(
      engine_->client()
          .exec(server.self.at("container"), {.command = {"/bin/web", "exists", "/tmp/db"}}, Millis(5'000))
          ->exit_code,
      0)
      << "data goes with it, also where it was not as wanted";

  ASSERT_EQ(reach(*provider_, database).state, State::kReady);
  ASSERT_TRUE(take_away("/tmp/ready"));
  ASSERT_TRUE(take_away("/tmp/db"));
  seen = provider_->observe(database).value_or(Observation{});
  EXPECT_EQ(seen.state, State::kOutOfDate);
  EXPECT_EQ(seen.reason, reasons::kDataLost);
  EXPECT_TRUE(test::remove_all(*provider_, database));
  EXPECT_TRUE(test::remove_all(*provider_, web()));
}

TEST_F(ContainerTest, CommandsMakeSomethingInsideAnotherOnesContainer) {
  const auto server = reach(*provider_, web());
  ASSERT_EQ(server.state, State::kReady) << server.message;
  const auto database = [&](const std::string& hash, const std::string& create) {
    return resource("postgres", "db",
                    R"({"kind":"exec","container":")" + server.self.at("container") +
                        R"(","secrets":{"PASSWORD":"s3cret-)" + hash +
                        R"("},"check":["/bin/web","exists","/tmp/db"],"create":[)" + create +
                        R"(],"delete":[["/bin/web","rm","/tmp/db"]]})",
                    hash);
  };
  const std::string create = R"(["/bin/web","touch","/tmp/db","PASSWORD"])";
  EXPECT_EQ(provider_->observe(database("h1", create))->state, State::kAbsent);
  ASSERT_EQ(reach(*provider_, database("h1", create)).state, State::kReady);
  EXPECT_EQ(test::get(url(server, "/file/tmp/db")), "s3cret-h1");
  // Another password: made again, with the new one.
  ASSERT_EQ(reach(*provider_, database("h2", create)).state, State::kReady);
  EXPECT_EQ(test::get(url(server, "/file/tmp/db")), "s3cret-h2");

  const auto failing = database("h3", R"(["/bin/web","exit","7"])");
  EXPECT_NE(reach(*provider_, failing, State::kReady, Millis(2'000)).state, State::kReady);
  // The last attempt may still be under way.
  EXPECT_TRUE(eventually([&] {
    const auto seen = provider_->observe(failing);
    return seen && seen->state == State::kOutOfDate;
  }));
  EXPECT_TRUE(test::remove_all(*provider_, database("h2", create)));
  EXPECT_EQ(test::get(url(server, "/file/tmp/db")), "");

  const auto foreign =
      resource("postgres", "db", R"({"kind":"exec","container":"nobody","check":["x"],"create":[["y"]]})");
  EXPECT_EQ(provider_->observe(foreign)->state, State::kAbsent);
  EXPECT_THAT(provider_->observe(foreign)->message, ::testing::HasSubstr("nobody is not there"));
}

TEST_F(ContainerTest, LogsOfWhatRanAndWhatRuns) {
  const auto wanted = web(R"(,"env":{"VERSION":"v7"})");
  ASSERT_EQ(reach(*provider_, wanted).state, State::kReady);
  std::string line;
  ASSERT_TRUE(provider_->logs(wanted, {.tail = 10}, [&](const LogLine& one) {
    line = one.data;
    return true;
  }));
  EXPECT_EQ(line, "serving version v7");
  int followed = 0;
  ASSERT_TRUE(provider_->logs(wanted, {.follow = true, .tail = 10}, [&](const LogLine& one) {
    if (one.source.empty()) return true;
    ++followed;
    return false;
  }));
  EXPECT_EQ(followed, 1);
}

class PodmanServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    podman_ = test::PodmanHost::start(why);
    ASSERT_TRUE(podman_) << why;
  }
  containers::PodmanService& service() { return podman_->service(); }

  std::unique_ptr<test::PodmanHost> podman_;
};

TEST_F(PodmanServiceTest, OneThatIsStoppedIsStartedAgain) {
  const int hung = service().pid();
  ASSERT_EQ(::kill(hung, SIGSTOP), 0);
  EXPECT_TRUE(eventually([&] { return service().restarts() == 1 && podman_->client().version(); }));
  EXPECT_NE(service().pid(), hung);
}

// It answers what takes no lock, and nothing else.
TEST_F(PodmanServiceTest, OneThatHangsInALockIsStartedAgainOnceSomebodyWaited) {
  boost::json::object body{{"Image", podman_->image()}, {"HostConfig", {{"NetworkMode", "none"}}}};
  ASSERT_TRUE(podman_->client().create_container("held", body));
  const auto locks = podman_->state() / "containers" / "tmp" / "locks";
  std::vector<int> held;
  for (const auto& file : std::filesystem::directory_iterator(locks)) {
    const int fd = ::open(file.path().c_str(), O_RDWR | O_CLOEXEC);
    struct flock whole{};
    whole.l_type = F_WRLCK;
    if (::fcntl(fd, F_SETLK, &whole) == 0) held.push_back(fd);
  }
  ASSERT_FALSE(held.empty());
  EXPECT_TRUE(podman_->client().version());
  service().suspect();
  EXPECT_TRUE(eventually([&] { return service().restarts() == 1; }, Millis(60'000)));
  for (const int fd : held) ::close(fd);
  EXPECT_TRUE(eventually([&] { return podman_->client().list({}).has_value(); }));
}

}  // namespace
}  // namespace qleet
