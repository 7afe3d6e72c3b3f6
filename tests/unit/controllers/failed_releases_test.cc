// Releases that do not become ready: how long they are given, and what serves afterwards.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "hub/controllers/events.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using std::chrono::minutes;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string app(const std::string& image, const std::string& more = "", unsigned replicas = 1,
                const std::string& environments = "[dev]") {
  return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: shop}}
spec:
  environments: {}
  workloads:
    web: {{replicas: {}, score: {{containers: {{main: {{image: "{}"}}}}{}}}}}
)",
                     environments, replicas, image, more);
}

std::string environment(const std::string& name, const std::string& more = "") {
  return fmt::format(
      "{{apiVersion: qleet.io/v1, kind: Environment, metadata: {{name: {0}}}, "
      "spec: {{regions: {{selector: \"tier={0}\"}}{1}}}}}",
      name, more);
}

std::string a(char digit) { return "reg.example/web@sha256:" + std::string(64, digit); }

class FailedReleases : public testing::Test {
 protected:
  FailedReleases() {
    world.join("lab", {{"tier", "dev"}});
    world.settle();
  }
  // Release 1 is ready; release 2 never gets there.
  void break_second(const std::string& policy = "") {
    world.apply(environment("dev", policy));
    world.apply(app(a('1')));
    world.settle();
    ASSERT_EQ(world.state("shop.dev"), "Ready 1");
    crash();
    world.apply(app(a('2')));
    world.settle();
  }
  void crash() {
    world.slow["workload.web"] = {"Exited", "container main exited with code 1"};
    world.counts["workload.web"] = {0, 7};
  }
  void mend() {
    world.slow.clear();
    world.look_again();
  }
  v1::Deployment deployment(const std::string& name = "shop.dev") { return world.at<v1::Deployment>(name); }
  std::string image() {
    const auto tree = frontend::tree(world.context(), "shop");
    return tree->places(0).roots(0).images(0);
  }
  std::vector<std::string> events(const std::string& name = "shop.dev") {
    std::vector<std::string> reasons;
    const auto all = controllers::events_of(**world.store.snapshot(), "Deployment", name);
    for (const auto& event : *all) reasons.push_back(event.spec().reason() + ": " + event.spec().message());
    return reasons;
  }
  World world;
};

TEST_F(FailedReleases, GoBackToTheLastGoodOne) {
  break_second();
  EXPECT_EQ(world.state("shop.dev"), "RollingOut 1");
  world.pass(minutes(9));
  EXPECT_EQ(world.state("shop.dev"), "RollingOut 1");
  world.slow.clear();  // what ran before runs again
  world.pass(minutes(2));
  EXPECT_EQ(world.state("shop.dev"), "Returned 1");
  EXPECT_EQ(image(), a('1'));
  EXPECT_EQ(deployment().spec().release(), 1u);
  EXPECT_EQ(deployment().spec().returned_from(), 2u);
  EXPECT_EQ(deployment().status().failed_release(), 2u);
  constexpr auto kWhy =
      "release 2: no progress for 10 min: region lab: web: container main exited with code 1";
  EXPECT_THAT(events(), Contains(HasSubstr(std::string("ProgressDeadlineExceeded: ") + kWhy)));
  EXPECT_THAT(events(),
              Contains(std::string("ReturnedToRelease: back to release 1, which was ready; ") + kWhy));
  const auto history = *frontend::history(world.context(), "shop");
  ASSERT_EQ(history.entries(0).places_size(), 1);
  EXPECT_EQ(history.entries(0).places(0).state(), "Failed");
  EXPECT_EQ(history.entries(1).places(0).state(), "Current");
  const auto described = *frontend::describe(world.context(), *model::find_kind("app"), "shop");
  EXPECT_EQ(described.state(), "Returned");
  EXPECT_EQ(described.summary(), std::string("shop is not ready in dev: release 1 serves; ") + kWhy);
  EXPECT_THAT(described.repair(), HasSubstr("qleet diff shop 1 2"));
  bool audited = false;
  for (const auto& record : *objects::list<v1::AuditRecord>(**world.store.snapshot()))
    audited = audited || (record.spec().verb() == "return" && record.spec().subject() == "hub" &&
                          record.spec().detail() == "from release 2 to 1 in dev");
  EXPECT_TRUE(audited);
  // By itself it does not try the failed one again.
  world.pass(minutes(60));
  EXPECT_EQ(world.state("shop.dev"), "Returned 1");
}

TEST_F(FailedReleases, ARepairedOneComesIn) {
  break_second();
  world.slow.clear();
  world.pass(minutes(11));
  ASSERT_EQ(world.state("shop.dev"), "Returned 1");
  world.apply(app(a('3')));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 3");
  EXPECT_EQ(deployment().spec().returned_from(), 0u);
  EXPECT_EQ(deployment().status().failed_release(), 0u);
}

TEST_F(FailedReleases, TheSameIsTriedAgainWhereSomebodyAppliesIt) {
  break_second();
  world.slow.clear();
  world.pass(minutes(11));
  ASSERT_EQ(world.state("shop.dev"), "Returned 1");
  std::vector<model::Object> again = *model::decode(app(a('2')));
  const auto planned =
      *frontend::plan(world.context(), frontend::plan_apply(world.caller, again, frontend::ApplyOptions()));
  EXPECT_THAT(planned.text(), HasSubstr("shop in dev: release 2 is tried once more"));
  const auto answered = world.apply(app(a('2')));
  EXPECT_EQ(answered.releases(0).state(), "RollingOut");
  EXPECT_EQ(answered.releases(0).release(), 2u);
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 2");
}

// What a person rolled back to did not come true: it is as if nobody had rolled back.
TEST_F(FailedReleases, ARollbackThatFailsIsUndoneWhole) {
  world.apply(environment("dev"));
  const auto followed = [](const std::string& variables) {
    return fmt::format(
        "{{apiVersion: qleet.io/v1, kind: Application, metadata: {{name: shop}}, spec: {{environments: "
        "[dev], "
        "workloads: {{web: {{builds: {{image: reg.example/web}}, score: {{containers: {{main: {{image: "
        "reg.example/web, variables: {}}}}}}}}}}}}}}}\n",
        variables);
  };
  world.build("reg.example/web", "main-1", '1');
  world.apply(followed("{}"));
  world.settle();
  world.apply(followed("{NEW: yes}"));
  world.settle();
  ASSERT_EQ(world.state("shop.dev"), "Ready 2");
  crash();
  v1::RollbackRequest request;
  request.set_application("shop");
  ASSERT_TRUE(frontend::rollback(world.context(), world.caller, request));
  world.settle();
  ASSERT_TRUE(deployment().spec().rolled_back());
  // It waits for the rollback while that is on its way.
  EXPECT_EQ(world.build("reg.example/web", "main-2", '2').releases(0).state(), "HeldBack");
  world.settle();
  EXPECT_EQ(deployment().spec().release(), 3u);
  world.pass(minutes(9));
  world.slow.clear();
  world.pass(minutes(2));
  EXPECT_FALSE(deployment().spec().rolled_back());
  EXPECT_EQ(deployment().spec().candidate(), 0u) << "what came meanwhile is let in";
  const auto release = world.at<v1::Release>(fmt::format("shop.{}", deployment().spec().release()));
  EXPECT_THAT(release.spec().images(0).image(), HasSubstr("main-2"));
}

TEST_F(FailedReleases, BuildsGoOnFromWhatWasLeftByARollbackThatFailed) {
  break_second();
  world.slow.clear();
  world.look_again();
  ASSERT_EQ(world.state("shop.dev"), "Ready 2");
  crash();
  v1::RollbackRequest request;
  request.set_application("shop");
  ASSERT_TRUE(frontend::rollback(world.context(), world.caller, request));
  world.settle();
  EXPECT_EQ(world.at<v1::Application>("shop").status().latest_release(), 3u);
  world.pass(minutes(9));
  world.slow.clear();
  world.pass(minutes(2));
  EXPECT_EQ(world.state("shop.dev"), "Returned 2");
  EXPECT_FALSE(deployment().spec().rolled_back());
  EXPECT_EQ(world.at<v1::Application>("shop").status().latest_release(), 2u);
  const auto conditions = world.at<v1::Application>("shop").status().conditions();
  for (const auto& condition : conditions)
    EXPECT_FALSE(condition.type() == "HeldBack" && condition.status() == "True");
}

// Of two rollbacks the second one fails: the first one was somebody's wish, and is so again.
TEST_F(FailedReleases, ARollbackThatFailsGoesBackToOneThatIsHeld) {
  world.apply(environment("dev"));
  for (const char digit : {'1', '2', '3'}) {
    world.apply(app(a(digit)));
    world.settle();
  }
  v1::RollbackRequest request;
  request.set_application("shop");
  ASSERT_TRUE(frontend::rollback(world.context(), world.caller, request));
  world.settle();
  ASSERT_EQ(world.state("shop.dev"), "Ready 4");
  crash();
  request.set_to_release(1);
  ASSERT_TRUE(frontend::rollback(world.context(), world.caller, request));
  world.settle();
  world.pass(minutes(9));
  world.slow.clear();
  world.pass(minutes(2));
  EXPECT_EQ(world.state("shop.dev"), "Returned 4");
  EXPECT_TRUE(deployment().spec().rolled_back());
}

TEST_F(FailedReleases, AreRememberedWhenOthersFollow) {
  break_second();
  world.slow.clear();
  world.pass(minutes(11));
  ASSERT_EQ(world.state("shop.dev"), "Returned 1");
  world.apply(app(a('3')));
  world.settle();
  ASSERT_EQ(world.state("shop.dev"), "Ready 3");
  const auto history = *frontend::history(world.context(), "shop");
  ASSERT_EQ(history.entries(1).release(), 2u);
  ASSERT_EQ(history.entries(1).places_size(), 1);
  const auto& place = history.entries(1).places(0);
  EXPECT_EQ(place.state(), "Failed");
  EXPECT_EQ(place.environment(), "dev");
  EXPECT_EQ(place.reason(), "ProgressDeadlineExceeded");
  EXPECT_EQ(place.message(),
            "release 2: no progress for 10 min: region lab: web: container main exited with code 1");
  EXPECT_EQ(place.returned_to(), 1u);
  EXPECT_NE(place.time().seconds(), 0);
  EXPECT_EQ(world.at<v1::Release>("shop.2").status().outcomes(0).state(), "Failed");
}

TEST_F(FailedReleases, AreForgottenWhereTheyComeTrueAfterAll) {
  break_second();
  world.slow.clear();
  world.pass(minutes(11));
  world.apply(app(a('2')));
  auto history = *frontend::history(world.context(), "shop");
  for (const auto& place : history.entries(0).places()) EXPECT_NE(place.state(), "Failed") << "tried again";
  world.settle();
  ASSERT_EQ(world.state("shop.dev"), "Ready 2");
  EXPECT_THAT(world.at<v1::Release>("shop.2").status().outcomes(), IsEmpty());
}

TEST_F(FailedReleases, TellTheirEventsInTheOrderOfWhatHappened) {
  break_second();
  world.pass(minutes(11));  // nothing of the other one runs yet
  const auto all = *controllers::events_of(**world.store.snapshot(), "Deployment", "shop.dev");
  std::vector<std::string> reasons;  // newest first
  std::map<std::string, std::uint64_t> order;
  for (const auto& event : all) {
    reasons.push_back(event.spec().reason());
    order[event.spec().reason()] = event.spec().sequence();
  }
  EXPECT_LT(order["ProgressDeadlineExceeded"], order["ReturnedToRelease"]);
  EXPECT_LT(order["ReturnedToRelease"], order["RollingOut"]);
  const auto place = [&](const char* reason) { return std::ranges::find(reasons, reason) - reasons.begin(); };
  EXPECT_LT(place("RollingOut"), place("ReturnedToRelease"));
  EXPECT_LT(place("ReturnedToRelease"), place("ProgressDeadlineExceeded"));
}

TEST_F(FailedReleases, WhatIsSaidOfTheOneBeforeIsNotSaidOfTheNext) {
  break_second(", rollout: {onFailure: stay}");
  world.pass(minutes(11));
  ASSERT_EQ(world.state("shop.dev"), "Failed 1");
  world.apply(app(a('3')));  // the hub has not looked at it yet
  const auto described = *frontend::describe(world.context(), *model::find_kind("app"), "shop");
  EXPECT_EQ(described.summary(), "shop is not ready in dev: release 3 is about to be rolled out");
  EXPECT_EQ(described.state(), "RollingOut");
}

TEST_F(FailedReleases, AProfileIsNoReasonToTryAgain) {
  break_second();
  world.slow.clear();
  world.pass(minutes(11));
  ASSERT_EQ(world.state("shop.dev"), "Returned 1");
  auto profile = world.at<v1::Profile>("workload-container");
  (*profile.mutable_spec()->mutable_template_()->mutable_fields())["note"].set_string_value("new");
  std::vector<model::Object> objects;
  objects.push_back(std::make_unique<v1::Profile>(profile));
  ASSERT_TRUE(frontend::apply(world.context(), world.caller, objects));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Returned 1");
  EXPECT_EQ(image(), a('1'));
}

TEST_F(FailedReleases, StayWhereTheEnvironmentSaysSo) {
  break_second(", rollout: {deadline: 3m, onFailure: stay}");
  world.pass(minutes(4));
  EXPECT_EQ(world.state("shop.dev"), "Failed 1");
  EXPECT_EQ(image(), a('2'));
  EXPECT_EQ(deployment().status().failed_release(), 2u);
  const auto tree = *frontend::tree(world.context(), "shop");
  EXPECT_EQ(tree.environments(0).state(), "Failed");
  EXPECT_EQ(tree.environments(0).failed_release(), 2u);
  EXPECT_EQ(tree.places(0).state(), "Failed");
  EXPECT_EQ(tree.places(0).roots(0).restarts(), 7u);
  const auto described = *frontend::describe(world.context(), *model::find_kind("app"), "shop");
  EXPECT_EQ(described.summary(), "shop is not ready in dev: web in lab: container main exited with code 1");
  EXPECT_THAT(described.details(), Contains("Its containers were restarted 7 times."));
  // It may still come true.
  mend();
  EXPECT_EQ(world.state("shop.dev"), "Ready 2");
  EXPECT_EQ(deployment().status().failed_release(), 0u);
}

TEST_F(FailedReleases, TheFirstOneHasNothingToGoBackTo) {
  crash();
  world.apply(environment("dev"));
  world.apply(app(a('1')));
  world.settle();
  world.pass(minutes(11));
  EXPECT_EQ(world.state("shop.dev"), "Failed 0");
  EXPECT_EQ(deployment().spec().release(), 1u);
  world.apply(app(a('2')));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "RollingOut 0");
  world.pass(minutes(11));
  EXPECT_EQ(world.state("shop.dev"), "Failed 0");
  EXPECT_EQ(deployment().spec().release(), 2u);
}

TEST_F(FailedReleases, ADeadlineOfZeroIsNone) {
  break_second(", rollout: {deadline: \"0\"}");
  world.pass(minutes(600));
  EXPECT_EQ(world.state("shop.dev"), "RollingOut 1");
}

TEST_F(FailedReleases, AGoodReleaseIsNeverLeft) {
  break_second();
  world.slow.clear();
  world.look_again();
  ASSERT_EQ(world.state("shop.dev"), "Ready 2");
  // Later it breaks, for a reason of its own.
  crash();
  world.look_again();
  EXPECT_EQ(world.state("shop.dev"), "RollingOut 2");
  world.pass(minutes(11));
  EXPECT_EQ(world.state("shop.dev"), "Failed 2");
  EXPECT_EQ(deployment().spec().release(), 2u);
  EXPECT_EQ(deployment().status().failed_release(), 0u);
  mend();
  EXPECT_EQ(world.state("shop.dev"), "Ready 2");
}

TEST_F(FailedReleases, WhatWasReturnedToIsNotLeftEither) {
  break_second();
  world.pass(minutes(11));  // nothing runs any more, whichever release it is
  EXPECT_EQ(deployment().spec().release(), 1u);
  world.pass(minutes(11));
  EXPECT_EQ(world.state("shop.dev"), "Failed 1");
  EXPECT_EQ(deployment().spec().release(), 1u);
  EXPECT_EQ(deployment().status().failed_release(), 2u);
  mend();
  EXPECT_EQ(world.state("shop.dev"), "Returned 1");
}

TEST_F(FailedReleases, ProgressGivesTimeAndGoingBackAndForthDoesNot) {
  world.apply(environment("dev"));
  world.apply(app(a('1'), "", 3));
  world.settle();
  ASSERT_EQ(world.state("shop.dev"), "Ready 1");
  crash();
  world.apply(app(a('2'), "", 3));
  world.settle();
  for (const unsigned ready : {1U, 2U}) {
    world.pass(minutes(9));
    world.counts["workload.web"] = {ready, 0};
    world.look_again();
    EXPECT_EQ(world.state("shop.dev"), "RollingOut 1");
  }
  EXPECT_EQ(deployment().status().ready(), 2u);
  EXPECT_EQ(deployment().status().replicas(), 3u);
  // Up and down again, as often as it likes.
  for (const unsigned ready : {1U, 2U, 1U, 2U}) {
    world.counts["workload.web"] = {ready, 0};
    world.look_again();
    world.pass(minutes(2));
  }
  EXPECT_EQ(deployment().spec().release(), 2u);
  world.pass(minutes(3));
  EXPECT_EQ(deployment().spec().release(), 1u);
}

TEST_F(FailedReleases, ADependencyThatBecomesReadyIsProgress) {
  world.apply(environment("dev"));
  world.apply(app(a('1')));
  world.settle();
  world.slow["redis.web.cache"] = {"ProbeFailing", "does not answer"};
  crash();
  world.apply(app(a('2'), ", resources: {cache: {type: redis}}"));
  world.settle();
  world.pass(minutes(9));
  world.slow.erase("redis.web.cache");
  world.look_again();
  world.pass(minutes(9));
  EXPECT_EQ(deployment().spec().release(), 2u);
  world.pass(minutes(2));
  EXPECT_EQ(deployment().spec().release(), 1u);
}

TEST_F(FailedReleases, ALostRegionIsNotBlamed) {
  break_second();
  world.pass(minutes(5));
  world.set_agent("lab", "Lost");
  world.settle();
  world.pass(minutes(60));
  EXPECT_EQ(deployment().spec().release(), 2u);
  EXPECT_EQ(deployment().status().ready(), 0u);
  world.set_agent("lab", "Connected");
  world.settle();
  world.pass(minutes(9));
  EXPECT_EQ(deployment().spec().release(), 2u) << "its time begins anew";
  world.pass(minutes(2));
  EXPECT_EQ(deployment().spec().release(), 1u);
}

TEST_F(FailedReleases, AnAgentThatHasYetToLookIsNotWaitedForInVain) {
  world.apply(environment("dev"));
  world.apply(app(a('1')));
  world.settle();
  world.silent.insert("lab");
  world.apply(app(a('2')));
  world.settle();
  world.pass(minutes(60));
  EXPECT_EQ(world.state("shop.dev"), "RollingOut 1");
  EXPECT_EQ(deployment().spec().release(), 2u);
}

TEST_F(FailedReleases, AHubThatWasAwayGivesTimeAnew) {
  break_second();
  world.pass(minutes(5));
  world.clock.advance(minutes(120));  // nobody looked
  world.restart();
  EXPECT_EQ(deployment().spec().release(), 2u);
  world.pass(minutes(9));
  EXPECT_EQ(deployment().spec().release(), 2u);
  world.pass(minutes(2));
  EXPECT_EQ(deployment().spec().release(), 1u) << "found in the store, by a hub that saw nothing of it begin";
}

TEST_F(FailedReleases, ARegionThatFailsStopsTheOthers) {
  world.join("lab-2", {{"tier", "dev"}});
  world.join("lab-3", {{"tier", "dev"}});
  world.apply(environment("dev", ", guardrails: {maxRegionsAtOnce: 2}, rollout: {onFailure: stay}"));
  world.apply(app(a('1')));
  world.settle();
  ASSERT_EQ(world.state("shop.dev"), "Ready 1");
  world.slow["lab.dev.shop.workload"] = {"Exited", "ends"};
  world.slow["lab-2.dev.shop.workload"] = {"Exited", "ends"};
  world.apply(app(a('2')));
  world.settle();
  world.pass(minutes(11));
  EXPECT_EQ(world.state("shop.dev"), "Failed 1");
  world.slow.erase("lab-2.dev.shop.workload");
  world.look_again();
  world.pass(minutes(1));
  const auto regions = deployment().status().regions();
  EXPECT_EQ(regions[2].region(), "lab-3");
  EXPECT_EQ(regions[2].release(), 1u) << "one that failed elsewhere is not rolled out further";
}

// A new version of a secret makes no release: there is nothing to go back to, and a repaired one gets in.
TEST_F(FailedReleases, ASecretThatBreaksStopsAtTheFirstRegionUntilItIsRepaired) {
  world.join("lab-2", {{"tier", "dev"}});
  world.apply(environment("dev", ", guardrails: {maxRegionsAtOnce: 1}"));
  const auto secret = [](const std::string& value) {
    return "{apiVersion: qleet.io/v1, kind: Secret, metadata: {name: pay}, spec: {data: {key: " + value +
           "}}}";
  };
  world.apply(secret("a"));
  world.apply(fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: shop}}
spec:
  environments: [dev]
  workloads:
    web:
      score:
        containers: {{main: {{image: "{}", variables: {{KEY: "${{resources.pay.key}}"}}}}}}
        resources: {{pay: {{type: secret}}}}
)",
                          a('1')));
  world.settle();
  ASSERT_EQ(world.state("shop.dev"), "Ready 1");
  const auto version = [&](const std::string& region) {
    return world.at<v1::Resource>(region + ".dev.shop.secret.web.pay").spec().secret().version();
  };
  crash();
  world.apply(secret("b"));
  world.settle();
  world.pass(minutes(11));
  EXPECT_EQ(world.state("shop.dev"), "Failed 1");
  EXPECT_EQ(deployment().spec().returned_from(), 0u);
  EXPECT_EQ(deployment().status().failed_release(), 0u) << "the release was ready once";
  EXPECT_EQ(version("lab"), 2u);
  EXPECT_EQ(version("lab-2"), 1u) << "what works is not touched";
  world.slow.clear();
  world.counts.clear();
  world.apply(secret("c"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 1");
  EXPECT_EQ(version("lab"), 3u);
  EXPECT_EQ(version("lab-2"), 3u);
}

TEST_F(FailedReleases, PromotionDoesNotTakeThem) {
  world.join("eu-1", {{"tier", "prod"}});
  world.apply(environment("dev"));
  world.apply(environment("prod", ", builds: {after: {environment: dev, healthyFor: 30m}}"));
  world.apply(app(a('1'), "", 1, "[dev, prod]"));
  world.settle();
  world.pass(minutes(40));
  ASSERT_EQ(world.state("shop.prod"), "Ready 1");
  world.slow["lab.dev.shop.workload"] = {"Exited", "ends"};
  world.apply(app(a('2'), "", 1, "[dev, prod]"));
  world.settle();
  world.pass(minutes(9));
  world.slow.clear();
  world.pass(minutes(120));
  EXPECT_EQ(world.state("shop.dev"), "Returned 1");
  EXPECT_EQ(world.state("shop.prod"), "Ready 1");
  EXPECT_EQ(deployment("shop.prod").spec().candidate(), 2u);
  EXPECT_EQ(deployment("shop.prod").spec().release(), 1u);
}

TEST_F(FailedReleases, AReturnKeepsDataAsARollbackDoes) {
  const std::string with_data =
      ", resources: {db: {type: postgres}, data: {type: volume, params: {size: 1Gi}}}";
  world.apply(environment("dev"));
  world.apply(app(a('1'), with_data));
  world.settle();
  ASSERT_EQ(world.state("shop.dev"), "Ready 1");
  const auto before = world.resources();
  crash();
  world.apply(app(a('2')));  // asks for none of it any more, and fails
  world.settle();
  world.slow.clear();
  world.pass(minutes(11));
  ASSERT_EQ(world.state("shop.dev"), "Returned 1");
  EXPECT_EQ(world.resources(), before);
  for (const auto& [name, hash] : world.snapshot()) EXPECT_THAT(hash, Not(HasSubstr("unused"))) << name;
  // And what the failed one brought is kept where it keeps data.
  crash();
  world.apply(app(a('3'), ", resources: {other: {type: postgres}}"));
  world.settle();
  world.slow.clear();
  world.pass(minutes(11));
  world.pass(minutes(60));
  EXPECT_EQ(world.state("shop.dev"), "Returned 1");
  EXPECT_THAT(world.resources(), Contains(HasSubstr("volume.postgres.web.other.data")));
}

TEST_F(FailedReleases, RestartsAreToldAndNotEachOfThem) {
  break_second();
  EXPECT_EQ(deployment().status().restarts(), 7u);
  const auto told = [&] {
    for (const auto& event : *controllers::events_of(**world.store.snapshot(), "Deployment", "shop.dev"))
      if (event.spec().reason() == "Restarted") return event.spec();
    return v1::EventSpec();
  };
  EXPECT_EQ(told().count(), 1u);
  EXPECT_EQ(told().message(), "region lab: 7 restarts so far; web: container main exited with code 1");
  for (unsigned restarts = 8; restarts < 30; ++restarts) {
    world.counts["workload.web"] = {0, restarts};
    world.look_again();
  }
  EXPECT_EQ(deployment().status().restarts(), 29u);
  EXPECT_EQ(told().count(), 1u);
  world.clock.advance(minutes(2));
  world.counts["workload.web"] = {0, 30};
  world.look_again();
  EXPECT_EQ(told().count(), 2u);
}

TEST_F(FailedReleases, TheWrongPolicyIsRefused) {
  EXPECT_THAT(world.refusal(environment("dev", ", rollout: {deadline: soon}")),
              HasSubstr("spec.rollout.deadline"));
  EXPECT_THAT(world.refusal(environment("dev", ", rollout: {onFailure: explode}")),
              HasSubstr("spec.rollout.onFailure"));
  EXPECT_EQ(world.refusal(environment("dev", ", rollout: {deadline: \"0\", onFailure: stay}")), "");
}

}  // namespace
}  // namespace qleet::hub::tests
