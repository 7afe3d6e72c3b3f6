// What Docker does otherwise than Podman: its daemon may take its containers down with it.
#include <gtest/gtest.h>

#include "common/clock/clock.h"
#include "providers/container/provider.h"
#include "tests/support/docker_host.h"
#include "tests/support/driven_provider.h"
#include "tests/support/eventually.h"

namespace qleet {
namespace {

using State = Observation::State;
using test::eventually;
using test::reach;
using test::resource;

class DockerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    bool skip = false;
    docker_ = test::DockerHost::start(why, skip);
    if (skip) GTEST_SKIP() << why;
    ASSERT_TRUE(docker_) << why;
    provider_ =
        container::make_provider({.socket = docker_->socket(), .state = docker_->state()}, board_, clock_);
    watch_ = provider_->watch([](const std::string&) {});
    ASSERT_EQ(reach(*provider_, host_).state, State::kReady);
  }

  std::string started_at(const Observation& seen) {
    const auto details = docker_->client().inspect(seen.self.at("container"));
    return details ? details->started_at : "";
  }

  SystemClock clock_;
  EndpointBoard board_;
  std::unique_ptr<test::DockerHost> docker_;
  std::unique_ptr<Provider> provider_;
  std::shared_ptr<void> watch_;
  ProviderResource host_ = resource("container-host", "default", "{}");
};

TEST_F(DockerTest, ARestartOfTheDaemonIsMendedWhateverItDoesToItsContainers) {
  const std::string image = R"("image":")" + docker_->image() + R"(")";
  const auto server =
      resource("web", "web", R"({"kind":"container",)" + image + R"(,"ports":[8080],"stopGrace":"1s"})");
  const auto workload =
      resource("workload", "web",
               R"({"kind":"workload","replicas":2,"stopGrace":"1s","score":{"containers":{"web":{)" + image +
                   R"(}},"service":{"ports":{"http":{"port":80,"targetPort":8080}}}}})");
  auto seen = reach(*provider_, server);
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  ASSERT_EQ(reach(*provider_, workload).state, State::kReady);
  const auto started = started_at(seen);

  std::string why;
  ASSERT_TRUE(docker_->restart(true, why)) << why;
  for (const auto* one : {&server, &workload}) {
    seen = reach(*provider_, *one);
    ASSERT_EQ(seen.state, State::kReady) << seen.message;
  }
  EXPECT_EQ(started_at(reach(*provider_, server)), started) << "it went on";

  ASSERT_TRUE(docker_->restart(false, why)) << why;
  for (const auto* one : {&server, &workload}) {
    seen = reach(*provider_, *one);
    ASSERT_EQ(seen.state, State::kReady) << seen.message;
  }
  EXPECT_TRUE(eventually([&] {
    const auto set = board_.get(workload.name);
    return set && set->ready.size() == 2;
  }));
  for (const auto* one : {&workload, &server}) EXPECT_TRUE(test::remove_all(*provider_, *one));
  EXPECT_TRUE(test::remove_all(*provider_, host_));
  EXPECT_TRUE(docker_->leftovers().empty());
}

}  // namespace
}  // namespace qleet
