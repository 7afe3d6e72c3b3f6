// What a Score document says of its containers, on a real podman: which comes before which, and paths inside
// volumes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock/clock.h"
#include "common/engine/ownership.h"
#include "providers/container/provider.h"
#include "tests/support/driven_provider.h"
#include "tests/support/podman_host.h"

namespace qleet {
namespace {

using State = Observation::State;
using test::eventually;
using test::reach;
using test::resource;
using ::testing::HasSubstr;

class ScoreWorkloadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    podman_ = test::PodmanHost::start(why);
    ASSERT_TRUE(podman_) << why;
    provider_ = container::make_provider({.socket = podman_->service().socket(), .state = podman_->state()},
                                         board_, clock_);
    ASSERT_EQ(reach(*provider_, resource("container-host", "default", "{}")).state, State::kReady);
    const auto data = reach(*provider_, resource("volume", "data", "{}"));
    ASSERT_EQ(data.state, State::kReady) << data.message;
    volume_ = data.self.at("name");
  }

  // `containers`: JSON in which IMAGE and VOLUME stand for what they say.
  ProviderResource workload(std::string containers, const std::string& ports = "{}") {
    for (const auto& [word, text] : {std::pair<std::string, std::string>{"IMAGE", podman_->image()},
                                     std::pair<std::string, std::string>{"VOLUME", volume_}}) {
      for (auto at = containers.find(word); at != std::string::npos; at = containers.find(word))
        containers.replace(at, word.size(), text);
    }
    return resource("workload", "web",
                    R"({"kind":"workload","stopGrace":"2s","update":"stopFirst","score":{"containers":)" +
                        containers + R"(,"service":{"ports":)" + ports + "}}}",
                    containers);
  }

  containers::ContainerDetails details(const std::string& container) {
    const auto found = podman_->client().list({{containers::labels::kContainer, container}});
    if (!found || found->empty()) return {};
    return podman_->client().inspect(found->front().id).value_or(containers::ContainerDetails());
  }

  std::string ask(const ProviderResource& wanted, const std::string& path) {
    const auto set = board_.get(wanted.name);
    return set && !set->ready.empty() ? test::get("http://" + set->ready.front().ip + ":8080" + path) : "";
  }

  SystemClock clock_;
  EndpointBoard board_;
  std::unique_ptr<test::PodmanHost> podman_;
  std::unique_ptr<Provider> provider_;
  std::string volume_;
};

constexpr const char* kHttp = R"({"http":{"port":80,"targetPort":8080}})";

TEST_F(ScoreWorkloadTest, WhatComesBeforeHasEndedWhenTheOtherStartsAndIsNotRunAgain) {
  const auto wanted = workload(R"({
      "init":{"image":"IMAGE","args":["touch","/work/done","TEXT"],"variables":{"TEXT":"migrated"},
              "volumes":[{"source":"VOLUME","target":"/work","path":"/sub/dir"}]},
      "main":{"image":"IMAGE","before":{"init":{"ready":"complete"}},
              "volumes":[{"source":"VOLUME","target":"/all"},
                         {"source":"VOLUME","target":"/all/deep/only","path":"sub/dir/done","readOnly":true}]},
      "side":{"image":"IMAGE","args":["serve","9090"],"before":{"main":{"ready":"healthy"}}}})",
                               kHttp);
  auto seen = reach(*provider_, wanted);
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  const auto init = details("init");
  const auto main = details("main");
  EXPECT_EQ(init.exit_code, 0);
  EXPECT_FALSE(init.running());
  EXPECT_LE(init.finished_at.substr(0, 23), main.started_at.substr(0, 23));
  EXPECT_LE(main.started_at.substr(0, 23), details("side").started_at.substr(0, 23));
  EXPECT_EQ(ask(wanted, "/file/all/sub/dir/done"), "migrated");
  EXPECT_EQ(ask(wanted, "/file/all/deep/only"), "migrated");

  // What is mounted is found again after a restart, and what was complete stays so.
  EXPECT_EQ(ask(wanted, "/die/3"), "bye");
  EXPECT_TRUE(eventually([&] {
    seen = reach(*provider_, wanted);
    return seen.state == State::kReady && details("main").started_at != main.started_at &&
           ask(wanted, "/file/all/deep/only") == "migrated";
  })) << seen.message;
  EXPECT_EQ(details("init").finished_at, init.finished_at);
  ASSERT_TRUE(test::remove_all(*provider_, wanted));
  EXPECT_FALSE(std::filesystem::exists(podman_->state() / "places" /
                                       containers::base_name(wanted.owner, wanted.name)));
}

TEST_F(ScoreWorkloadTest, WhatWaitsSaysForWhat) {
  const auto wanted = workload(R"({
      "init":{"image":"IMAGE","args":["exit","4"]},
      "main":{"image":"IMAGE","before":{"init":{"ready":"complete"}}}})",
                               kHttp);
  const auto seen = reach(*provider_, wanted, State::kReady, Millis(3'000));
  EXPECT_NE(seen.state, State::kReady);
  EXPECT_THAT(seen.message, HasSubstr("4"));  // the code with which it ended
  EXPECT_EQ(details("main").pid, 0);
  EXPECT_FALSE(details("main").running());
}

// A sidecar that must be there for the migration: they share its network.
TEST_F(ScoreWorkloadTest, AMigrationReachesWhatComesBeforeItOnOneNetwork) {
  const auto wanted = workload(R"({
      "init":{"image":"IMAGE","args":["exit","0"],"before":{"proxy":{"ready":"healthy"}}},
      "main":{"image":"IMAGE","before":{"init":{"ready":"complete"}}},
      "proxy":{"image":"IMAGE","args":["serve","9090"],
               "readinessProbe":{"exec":{"command":["/bin/web","exists","/proc"]},"httpGet":{"path":"/no","port":1}}}})",
                               kHttp);
  const auto seen = reach(*provider_, wanted);
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_THAT(details("init").network_mode, HasSubstr("container:"));
  EXPECT_THAT(details("main").network_mode, HasSubstr("container:"));
  EXPECT_EQ(ask(wanted, "/"), "none");
}

// Nobody can tell whether a UDP port answers; the same number may lead elsewhere by TCP.
TEST_F(ScoreWorkloadTest, UdpPortsAreNotAskedAndNotRouted) {
  const auto wanted = workload(R"({"main":{"image":"IMAGE"}})",
                               R"({"aa":{"port":80,"protocol":"UDP","targetPort":5000},
                                   "zz":{"port":80,"targetPort":8080}})");
  const auto seen = reach(*provider_, wanted);
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  const auto set = board_.get(wanted.name);
  ASSERT_TRUE(set && set->ready.size() == 1U);
  EXPECT_EQ(set->ready.front().ports.at(80), 8080);
}

// The longest names that are taken: of the workload, and of its containers.
TEST_F(ScoreWorkloadTest, NamesAreWithinLimits) {
  const std::string longest = "w" + std::string(62, 'x');
  auto wanted = workload("{\"" + longest + "\":{\"image\":\"IMAGE\"},\"" + longest.substr(0, 62) +
                             "y\":{\"image\":\"IMAGE\",\"args\":[\"serve\",\"9090\"]}}",
                         kHttp);
  wanted.id = longest;
  wanted.name = "r" + longest.substr(1) + ".dev.shop.workload." + longest;
  const auto seen = reach(*provider_, wanted);
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(ask(wanted, "/"), "none");
}

}  // namespace
}  // namespace qleet
