// What is never ready is never shown as ready, and whoever waits is told why: on real containers.
#include "tests/e2e/container_fleet.h"

namespace qleet::test {
namespace {

struct Trouble {
  const char* name;
  const char* container;  // of the second release
  const char* resources;  // of it
  const char* told;       // in what the deployment says
};

class Sick : public ContainerFleet {
 protected:
  static std::string file(const std::string& container, const std::string& resources) {
    return "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: sick}\nspec:\n  workloads:\n"
           "    web:\n      score:\n        containers: {web: " +
           container + "}\n        resources: " + resources + "\n";
  }
  static void set_policy(const std::string& rollout) {
    fleet().apply(
        "apiVersion: qleet.io/v1\nkind: Environment\nmetadata: {name: default}\n"
        "spec: {builds: {by: auto}, unusedAfter: 2s, rollout: " +
        rollout + "}\n");
  }
  static constexpr const char* kGood =
      R"({image: "localhost/qleet/python:3.11", command: [python3, -m, http.server, "8080"]})";
};

class NeverReady : public Sick, public ::testing::WithParamInterface<Trouble> {};

TEST_P(NeverReady, IsGoneBackFromAndNeverGreen) {
  set_policy("{deadline: 15s}");
  const auto good = fleet().qleet({"apply", "-", "--wait", "--timeout", "2m"}, file(kGood, "{}"));
  ASSERT_EQ(good.exit, 0) << good.out << good.err;
  const auto before = started({"sick"});
  const auto served = fleet().get("deployments", "sick.default")["spec.release"].number();
  const auto bad = fleet().qleet({"apply", "-", "--wait", "--timeout", "2m"},
                                 file(GetParam().container, GetParam().resources));
  EXPECT_EQ(bad.exit, 1) << bad.out << bad.err;
  EXPECT_NE(bad.err.find(GetParam().told), std::string::npos) << bad.err;
  ASSERT_TRUE(until([] { return fleet().deployment_state("sick.default") == "Returned"; }, 90s))
      << fleet().qleet({"describe", "app", "sick"}).out;
  EXPECT_EQ(fleet().get("deployments", "sick.default")["spec.release"].number(), served);
  EXPECT_EQ(fleet().qleet({"wait", "sick", "--timeout", "5s"}).exit, 1);
  // What served goes on: the old one was not even touched.
  ASSERT_TRUE(until([&] { return started({"sick"}) == before; }, 30s));
  EXPECT_EQ(fleet().qleet({"delete", "app", "sick", "--wait", "--timeout", "1m"}).exit, 0);
  set_policy("{}");
}

INSTANTIATE_TEST_SUITE_P(
    Each, NeverReady,
    ::testing::Values(
        Trouble{"MistypedImage", R"({image: "localhost/no/such:1"})", "{}", "localhost/no/such:1"},
        Trouble{
            "CrashLoop",
            R"x({image: "localhost/qleet/python:3.11", command: [python3, -c, "import sys; sys.exit(3)"]})x",
            "{}", "code 3"},
        Trouble{"ProbeThatNeverPasses",
                R"({image: "localhost/qleet/python:3.11", command: [python3, -m, http.server, "8080"], )"
                R"(readinessProbe: {httpGet: {path: /no-such-page, port: 8080}}})",
                "{}", "404"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(Sick, ADependencyThatNobodyProvidesIsSaidAtOnce) {
  const auto asked =
      fleet().qleet({"apply", "-", "--wait", "--timeout", "1m"}, file(kGood, "{it: {type: no-such-type}}"));
  EXPECT_NE(asked.exit, 0);
  EXPECT_NE(asked.err.find("no-such-type"), std::string::npos) << asked.err;
  (void)fleet().qleet({"delete", "app", "sick", "--wait", "--timeout", "1m"});
}

}  // namespace
}  // namespace qleet::test
