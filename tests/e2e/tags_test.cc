// A release is one content: a tag that is pushed again while it runs, is scaled, and goes back.
#include <algorithm>

#include "tests/e2e/container_fleet.h"

namespace qleet::test {
namespace {

class Tags : public ContainerFleet {
 protected:
  static std::string file(int replicas) {
    return R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: bug-tag}
spec:
  workloads:
    web:
      score:
        containers: {web: {image: "localhost/bug/c:v1", command: [python3, -m, http.server, "8080"]}}
        service: {ports: {http: {port: 80, targetPort: 8080}}}
        resources: {url: {type: route, params: {host: tag.bug.localhost}}}
      replicas: )" +
           std::to_string(replicas) + "\n";
  }
  // The tag is that content from now on.
  static void push(const std::string& content) {
    const auto tagged = fleet().podman(agent, {"tag", content, "localhost/bug/c:v1"});
    ASSERT_EQ(tagged.exit, 0) << tagged.err;
  }
  static void up(int replicas) {
    const auto applied = fleet().qleet({"apply", "-", "--wait", "--timeout", "2m"}, file(replicas));
    ASSERT_EQ(applied.exit, 0) << applied.out << applied.err;
  }
  // Image ids of the running replicas, each once.
  static std::vector<std::string> contents() {
    std::vector<std::string> ids;
    for (const auto& name : containers()) {
      if (name.find("bug-tag") == std::string::npos || name.find("workload") == std::string::npos) continue;
      ids.push_back(fleet().podman(agent, {"inspect", "--format", "{{.Image}}", name}).out);
    }
    std::ranges::sort(ids);
    const auto doubles = std::ranges::unique(ids);
    ids.erase(doubles.begin(), doubles.end());
    return ids;
  }
  static std::string pinned(const std::string& release) {
    return fleet().get("releases", release)["spec"]["images"].items().at(0)["image"].str();
  }
  static void set_policy(const std::string& repushed) {
    fleet().apply(
        "apiVersion: qleet.io/v1\nkind: Environment\nmetadata: {name: default}\n"
        "spec: {builds: {by: auto}, unusedAfter: 2s, images: {repushed: " +
        repushed + "}}\n");
  }
};

TEST_F(Tags, AReleaseIsOneContentWhateverIsPushedUnderItsTag) {
  set_policy("ignore");
  push("localhost/qleet/python:3.11");
  up(1);
  ASSERT_TRUE(until([] { return fleet().unsettled().empty(); })) << fleet().unsettled();
  EXPECT_NE(pinned("bug-tag.1").find("localhost/bug/c:v1@sha256:"), std::string::npos);
  const auto first = contents();
  ASSERT_EQ(first.size(), 1u) << ::testing::PrintToString(containers());

  // Other content under the tag; more replicas are what the release is.
  push("localhost/shop/web:main-1");
  up(3);
  ASSERT_TRUE(until([] { return fleet().unsettled().empty(); })) << fleet().unsettled();
  EXPECT_EQ(contents(), first);
  EXPECT_EQ(pinned("bug-tag.2"), pinned("bug-tag.1"));
  const auto again = fleet().qleet({"apply", "-"}, file(3));
  EXPECT_NE(again.out.find("unchanged (release 2)"), std::string::npos) << again.out << again.err;

  // Where the environment says so, it is a release of its own, and a rollback is what was.
  set_policy("release");
  up(3);
  ASSERT_TRUE(until([] { return fleet().runs("bug-tag", 3); })) << fleet().unsettled();
  ASSERT_TRUE(until([] { return fleet().unsettled().empty(); })) << fleet().unsettled();
  const auto second = contents();
  ASSERT_EQ(second.size(), 1u) << ::testing::PrintToString(containers());
  EXPECT_NE(second, first);
  const auto back = fleet().qleet({"rollback", "bug-tag", "--wait", "--timeout", "1m"});
  EXPECT_EQ(back.exit, 0) << back.out << back.err;
  EXPECT_NE(back.out.find("with the content of release 2"), std::string::npos) << back.out;
  ASSERT_TRUE(until([] { return fleet().runs("bug-tag", 4); })) << fleet().unsettled();
  ASSERT_TRUE(until([] { return fleet().unsettled().empty(); })) << fleet().unsettled();
  EXPECT_EQ(contents(), first);
  set_policy("ignore");
}

}  // namespace
}  // namespace qleet::test
