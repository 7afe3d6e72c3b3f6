// What images are on a real podman, when their tags move and their content goes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/clock/clock.h"
#include "common/model/reasons.h"
#include "providers/container/images.h"
#include "providers/container/names.h"
#include "providers/container/provider.h"
#include "tests/support/child.h"
#include "tests/support/driven_provider.h"
#include "tests/support/engine_host.h"
#include "tests/support/free_port.h"
#include "tests/support/podman_host.h"
#include "tests/support/temp_dir.h"

namespace qleet {
namespace {

using State = Observation::State;
using test::eventually;
using test::reach;
using test::resource;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ImagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    bool skip = false;
    engine_ = test::start_engine_host(why, skip);
    if (skip) GTEST_SKIP() << why;
    ASSERT_TRUE(engine_) << why;
    push(kTag, "first");
    make_provider();
    ASSERT_EQ(reach(*provider_, host_).state, State::kReady);
  }

  void make_provider() {
    watch_.reset();
    provider_ =
        container::make_provider({.socket = engine_->socket(), .state = engine_->state()}, board_, clock_);
    watch_ = provider_->watch([](const std::string&) {});
  }

  // Another content under the same tag, as a build on this host leaves it.
  void push(const std::string& tag, const std::string& content) {
    const auto made = engine_->import_web(tag, content);
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
    for (const auto& one : engine_->client().list({{container::labels::kKind, "workload"}}).value())
      out.push_back(one.id);
    std::ranges::sort(out);
    return out;
  }

  const std::string kTag = "localhost/bug/c:v1";
  SystemClock clock_;
  EndpointBoard board_;
  std::unique_ptr<test::EngineHost> engine_;
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
  const auto found = engine_->client().inspect_image(kTag);
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
  ASSERT_TRUE(engine_->client().remove_image(kTag));
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

// One of two containers is removed while the content that its replica was made of is not to be had.
TEST_F(ImagesTest, WhatIsLeftOfAReplicaIsNotTakenDownForAnImageThatIsGone) {
  const auto pair = [&](const std::string& a, const std::string& b) {
    return resource("workload", "pair",
                    fmt::format(R"({{"kind":"workload","stopGrace":"2s","score":{{"containers":{{)"
                                R"("a":{{"image":"{}"}},"b":{{"image":"{}","args":["serve","9090"]}}}}}}}})",
                                a, b),
                    "hash-pair");
  };
  const std::string other = "localhost/bug/d:v1";
  push(other, "other");
  const auto a = container::with_digest(kTag, *engine_->client().inspect_image(kTag));
  const auto b = container::with_digest(other, *engine_->client().inspect_image(other));
  const auto wanted = pair(a, b);
  ASSERT_EQ(reach(*provider_, wanted).state, State::kReady);
  const auto part = [&](const char* name) {
    return engine_->client()
        .list({{container::labels::kResource, wanted.name}, {container::labels::kContainer, name}})
        .value();
  };
  const auto left = part("a").front().id;
  ASSERT_TRUE(engine_->client().remove(part("b").front().id));
  ASSERT_TRUE(engine_->client().remove_image(other));
  const auto seen = provider_->observe(wanted);
  ASSERT_TRUE(seen) << seen.error().message;
  const auto step = provider_->apply(wanted, *seen);
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().reason, reasons::kImageGone);
  ASSERT_EQ(part("a").size(), 1U);
  EXPECT_EQ(part("a").front().id, left);
  // Back again, the replica is made whole.
  push(other, "other");
  ASSERT_EQ(reach(*provider_, pair(a, other)).state, State::kReady);
  EXPECT_TRUE(test::remove_all(*provider_, pair(a, other)));
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
  ASSERT_TRUE(engine_->client().remove(seen.self.at("container")));
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

// The same with a registry, Debian's docker-registry, on the loopback: what is there counts, not what is on
// the host.
class RegistryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/usr/bin/docker-registry"))
      GTEST_SKIP() << "docker-registry is not installed: packaging/install-dependencies docker-registry";
    const auto address = "127.0.0.1:" + std::to_string(test::free_port());
    tag_ = address + "/bug/c:v1";
    std::ofstream(files_ / "registry.yaml")
        << "version: 0.1\nlog: {accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: "
        << (files_ / "data").string() << "}}\nhttp: {addr: \"" << address << "\"}\n";
    registry_ =
        test::Child({"/usr/bin/docker-registry", "serve", files_ / "registry.yaml"}, files_ / "registry.log");
    ASSERT_TRUE(eventually([&] { return test::get("http://" + address + "/v2/") == "{}"; }));
    std::string why;
    podman_ = test::PodmanHost::start(why, {address});
    ASSERT_TRUE(podman_) << why;
    provider_ = container::make_provider({.socket = podman_->service().socket(), .state = podman_->state()},
                                         board_, clock_);
    watch_ = provider_->watch([](const std::string&) {});
    ASSERT_EQ(reach(*provider_, resource("container-host", "default", "{}")).state, State::kReady);
  }

  // Another content under the tag in the registry; the host has nothing of it afterwards.
  void push(const std::string& content) {
    const auto made = podman_->import_web(tag_, content);
    ASSERT_TRUE(made) << made.error().message;
    std::string path = tag_;
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at))
      path.replace(at, 1, "%2F");
    const auto pushed =
        test::run({"curl", "-fsS", "-m", "60", "-o", "/dev/null", "-X", "POST", "--unix-socket",
                   podman_->service().socket(),
                   "http://d/v4.0.0/libpod/images/" + path + "/push?tlsVerify=false&destination=" + tag_});
    ASSERT_EQ(pushed.exit, 0) << pushed.err;
    ASSERT_TRUE(podman_->client().remove_image(tag_));
  }

  ProviderResource web(const std::string& image, ResolveImages resolve = ResolveImages::kAsNamed) {
    auto out = resource("workload", "web",
                        fmt::format(R"({{"kind":"workload","stopGrace":"2s","score":{{"containers":{{"web":)"
                                    R"({{"image":"{}"}}}},"service":{{"ports":{{"http":{{"port":80,)"
                                    R"("targetPort":8080}}}}}}}}}})",
                                    image),
                        "hash-" + image);
    out.resolve_images = resolve;
    out.generation = ++generation_;
    return out;
  }
  std::string found(ResolveImages how) {
    const auto wanted = web(tag_, how);
    Observation seen;
    EXPECT_TRUE(eventually([&] {
      seen = reach(*provider_, wanted, State::kProgressing);
      return seen.images.contains("web");
    })) << seen.message;
    return seen.images["web"];
  }
  std::string content() {
    const auto set = board_.get(web("").name);
    if (!set || set->ready.size() != 1) return "nothing";
    return test::get(fmt::format("http://{}:{}/", set->ready[0].ip, set->ready[0].ports.at(80)));
  }

  test::TempDir files_;
  std::string tag_;
  SystemClock clock_;
  EndpointBoard board_;
  test::Child registry_;
  std::unique_ptr<test::PodmanHost> podman_;
  std::unique_ptr<Provider> provider_;
  std::shared_ptr<void> watch_;
  unsigned generation_ = 0;
};

TEST_F(RegistryTest, ATagIsLookedUpAndItsContentComesBackByDigest) {
  push("first");
  const auto first = found(ResolveImages::kOnce);
  EXPECT_THAT(first, StartsWith(tag_ + "@sha256:"));
  auto seen = reach(*provider_, web(first));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(content(), "first");
  EXPECT_TRUE(test::remove_all(*provider_, web(first)));
  push("second");
  ASSERT_TRUE(podman_->client().pull(tag_, {}, {}, {}));

  // Another host, or this one after its images were pruned: by digest it is the first, whatever the tag is.
  seen = reach(*provider_, web(first));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(content(), "first");
  // The host has what the tag was; the registry what it is.
  push("third");
  ASSERT_TRUE(podman_->import_web(tag_, "stale"));
  const auto third = found(ResolveImages::kAgain);
  EXPECT_NE(third, first);
  seen = reach(*provider_, web(third));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_EQ(content(), "third");

  // Content that the registry never had, or has no more.
  const auto gone = web(tag_ + "@sha256:" + std::string(64, 'f'));
  std::optional<Error> error;
  EXPECT_TRUE(eventually([&] {
    const auto looked = provider_->observe(gone);
    if (!looked) return false;
    const auto step = provider_->apply(gone, *looked);
    if (!step) error = step.error();
    return error.has_value();
  }));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason, reasons::kImageGone) << error->message;
  EXPECT_EQ(content(), "third");
  EXPECT_TRUE(test::remove_all(*provider_, web(third)));
}

}  // namespace
}  // namespace qleet
