// What images are on a real podman, when their tags move and their content goes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock/clock.h"
#include "common/model/reasons.h"
#include "providers/container/images.h"
#include "providers/container/names.h"
#include "providers/container/provider.h"
#include "tests/support/driven_provider.h"
#include "tests/support/podman_host.h"

namespace qleet {
namespace {

using State = Observation::State;
using test::reach;
using test::resource;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ImagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    podman_ = test::PodmanHost::start(why);
    ASSERT_TRUE(podman_) << why;
    push(kTag, "first");
    make_provider();
    ASSERT_EQ(reach(*provider_, host_).state, State::kReady);
  }

  void make_provider() {
    watch_.reset();
    provider_ = container::make_provider({.socket = podman_->service().socket(), .state = podman_->state()},
                                         board_, clock_);
    watch_ = provider_->watch([](const std::string&) {});
  }

  // Another content under the same tag, as a build on this host leaves it.
  void push(const std::string& tag, const std::string& content) {
    const auto made = podman_->import_web(tag, content);
    ASSERT_TRUE(made) << made.error().message;
  }

  ProviderResource web(const std::string& image, unsigned replicas = 1,
                       ResolveImages resolve = ResolveImages::kAsNamed) {
    auto out =
        resource("workload", "web",
                 fmt::format(R"({{"kind":"workload","stopGrace":"2s","replicas":{},"score":{{"containers":)"
                             R"({{"web":{{"image":"{}","readinessProbe":{{"httpGet":{{"path":"/healthz",)"
                             R"("port":8080}}}}}}}},"service":{{"ports":{{"http":{{"port":80,)"
                             R"("targetPort":8080}}}}}}}}}})",
                             replicas, image),
                 "hash-" + image + std::to_string(replicas));
    out.resolve_images = resolve;
    out.generation = ++generation_;
    return out;
  }

  std::vector<std::string> contents() {
    std::vector<std::string> out;
    const auto set = board_.get(web("", 1).name);
    if (!set) return out;
    for (const auto& endpoint : set->ready)
      out.push_back(test::get(fmt::format("http://{}:{}/", endpoint.ip, endpoint.ports.at(80))));
    return out;
  }
  std::vector<std::string> containers() {
    std::vector<std::string> out;
    for (const auto& one : podman_->client().list({{container::labels::kKind, "workload"}}).value())
      out.push_back(one.id);
    std::ranges::sort(out);
    return out;
  }

  const std::string kTag = "localhost/bug/c:v1";
  SystemClock clock_;
  EndpointBoard board_;
  std::unique_ptr<test::PodmanHost> podman_;
  std::unique_ptr<Provider> provider_;
  std::shared_ptr<void> watch_;
  unsigned generation_ = 0;
  ProviderResource host_ = resource("container-host", "default", "{}");
};

TEST_F(ImagesTest, AWorkloadIsOneContentWhateverBecomesOfItsTag) {
  // Found out and told, and not begun.
  const auto asked = web(kTag, 1, ResolveImages::kOnce);
  auto seen = reach(*provider_, asked, State::kProgressing);
  ASSERT_EQ(seen.state, State::kProgressing) << seen.message;
  EXPECT_EQ(seen.reason, reasons::kResolvingImage);
  ASSERT_TRUE(seen.images.contains("web"));
  const auto chosen = seen.images.at("web");
  EXPECT_THAT(chosen, StartsWith(kTag + "@sha256:"));
  ASSERT_TRUE(provider_->apply(asked, seen));
  EXPECT_TRUE(containers().empty());

  // Recorded: it runs. The tag moves: more replicas are the same.
  seen = reach(*provider_, web(chosen));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_TRUE(seen.images.empty());
  const auto first = containers();
  push(kTag, "second");
  seen = reach(*provider_, web(chosen, 3));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_THAT(contents(), ::testing::ElementsAre("first", "first", "first"));
  for (const auto& id : first) EXPECT_THAT(containers(), ::testing::Contains(id));

  // Another release of the same tag, and back.
  seen = reach(*provider_, web(kTag, 3, ResolveImages::kAgain), State::kProgressing);
  ASSERT_EQ(seen.state, State::kProgressing) << seen.message;
  EXPECT_THAT(contents(), ::testing::ElementsAre("first", "first", "first"));
  ASSERT_TRUE(seen.images.contains("web"));
  const auto next = seen.images.at("web");
  EXPECT_NE(next, chosen);
  ASSERT_EQ(reach(*provider_, web(next, 3)).state, State::kReady);
  EXPECT_THAT(contents(), ::testing::ElementsAre("second", "second", "second"));
  ASSERT_EQ(reach(*provider_, web(chosen, 3)).state, State::kReady);
  EXPECT_THAT(contents(), ::testing::ElementsAre("first", "first", "first"));
  EXPECT_TRUE(test::remove_all(*provider_, web(chosen, 3)));
}

// A host of before: what runs by the tag goes on, and is what the release becomes.
TEST_F(ImagesTest, WhatRunsByATagIsTakenOverAsItIs) {
  auto seen = reach(*provider_, web(kTag, 2));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  const auto before = containers();
  ASSERT_EQ(before.size(), 2U);
  push(kTag, "second");
  make_provider();
  seen = reach(*provider_, web(kTag, 2, ResolveImages::kOnce));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  ASSERT_TRUE(seen.images.contains("web"));
  const auto chosen = seen.images.at("web");
  seen = reach(*provider_, web(chosen, 3));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_THAT(contents(), ::testing::ElementsAre("first", "first", "first"));
  for (const auto& id : before) EXPECT_THAT(containers(), ::testing::Contains(id));
  // What is another content is replaced, although it was made by the same tag.
  const auto found = podman_->client().inspect_image(kTag);
  ASSERT_TRUE(found);
  seen = reach(*provider_, web(container::with_digest(kTag, *found), 3));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_THAT(contents(), ::testing::ElementsAre("second", "second", "second"));
  EXPECT_TRUE(test::remove_all(*provider_, web(kTag, 3)));
}

TEST_F(ImagesTest, ContentThatIsGoneIsNamed) {
  auto seen = reach(*provider_, web(kTag, 1, ResolveImages::kOnce), State::kProgressing);
  ASSERT_TRUE(seen.images.contains("web"));
  const auto chosen = seen.images.at("web");
  ASSERT_TRUE(podman_->client().remove_image(kTag));
  const auto wanted = web(chosen);
  const auto looked = provider_->observe(wanted);
  ASSERT_TRUE(looked) << looked.error().message;
  const auto step = provider_->apply(wanted, *looked);
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().reason, reasons::kImageGone);
  EXPECT_THAT(step.error().message, HasSubstr(chosen));
  EXPECT_THAT(step.error().message, HasSubstr("bring that very image back"));
  EXPECT_TRUE(containers().empty());
}

TEST_F(ImagesTest, ASingleContainerIsMadeAgainOfWhatItWas) {
  const auto server = [&](const std::string& more, const std::string& hash) {
    return resource(
        "server", "db",
        R"({"kind":"container","image":")" + kTag + R"(","ports":[8080],"stopGrace":"2s")" + more + "}",
        hash);
  };
  const auto content = [&](const Observation& seen) {
    return test::get("http://" + seen.self.at("ip") + ":8080/");
  };
  auto seen = reach(*provider_, server("", "h1"));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  push(kTag, "second");
  // Somebody removed it; and its template changes, but for the image.
  ASSERT_TRUE(podman_->client().remove(seen.self.at("container")));
  seen = reach(*provider_, server("", "h1"));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(content(seen), "first");
  seen = reach(*provider_, server(R"(,"memory":"64M")", "h2"));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(content(seen), "first");
  EXPECT_TRUE(test::remove_all(*provider_, server("", "h2")));
  // Made for the first time, the tag is what it is now.
  seen = reach(*provider_, server("", "h1"));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(content(seen), "second");
  EXPECT_TRUE(test::remove_all(*provider_, server("", "h1")));
}

}  // namespace
}  // namespace qleet
