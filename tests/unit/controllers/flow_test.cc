// One application from its file to the end of its last resource, and what else happens on the way.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/controllers/resources.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using std::chrono::minutes;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kEnvironments = R"(
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: dev}
spec: {regions: {selector: "tier=dev"}}
---
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: prod}
spec:
  regions: {selector: "tier=prod"}
  builds: {by: approval}
  guardrails: {maxRegionsAtOnce: 1}
)";

std::string shop(const std::string& environments = "[dev, prod]", const std::string& variables = "{}",
                 const std::string& resources = "{db: {type: postgres}, cache: {type: redis}}") {
  return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: shop}}
spec:
  environments: {}
  workloads:
    web:
      score:
        containers: {{web: {{image: reg.example/shop/web, variables: {}}}}}
        resources: {}
      builds: {{image: reg.example/shop/web, tags: "main-*"}}
)",
                     environments, variables, resources);
}

std::string image_of(World& world, const std::string& resource) {
  const auto found = world.get<v1::Resource>(resource);
  if (!found) return "none";
  return found->spec()
      .template_()
      .fields()
      .at("score")
      .struct_value()
      .fields()
      .at("containers")
      .struct_value()
      .fields()
      .at("web")
      .struct_value()
      .fields()
      .at("image")
      .string_value();
}

std::string answers(const google::protobuf::RepeatedPtrField<v1::DeliveryAnswer>& releases) {
  std::string text;
  for (const auto& answer : releases)
    text += fmt::format("{}/{}={}:{} ", answer.application(), answer.environment(), answer.release(),
                        answer.state());
  return text;
}

TEST(Flow, OneApplicationFromItsFileToTheEnd) {
  World world;
  world.join("lab", {{"tier", "dev"}});
  world.join("eu-1", {{"tier", "prod"}});
  world.join("us-1", {{"tier", "prod"}});
  world.settle();
  world.apply(kEnvironments);
  const auto applied = world.apply(shop());
  EXPECT_EQ(answers(applied.releases()), "shop/dev=1:RollingOut shop/prod=1:AwaitingApproval ");
  EXPECT_THAT(applied.warnings(), IsEmpty());
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 1");
  EXPECT_EQ(world.state("shop.prod"), "AwaitingApproval 0");
  EXPECT_THAT(world.resources(), Contains("lab.dev.shop.postgres.web-db"));
  EXPECT_THAT(world.resources(), Contains("lab.dev.shop.volume.web-db-data"));
  EXPECT_THAT(world.resources(), Contains("lab.-.-.container-host.default"));
  EXPECT_THAT(world.resources(), Not(Contains(HasSubstr(".prod."))));

  // A build goes to dev at once and waits for prod.
  const auto first = world.build("reg.example/shop/web", "main-1", 'a');
  EXPECT_EQ(answers(first.releases()), "shop/dev=2:RollingOut shop/prod=2:AwaitingApproval ");
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 2");
  EXPECT_EQ(image_of(world, "lab.dev.shop.workload.web"),
            "reg.example/shop/web:main-1@sha256:" + std::string(64, 'a'));
  EXPECT_EQ(answers(world.build("reg.example/shop/web", "main-1", 'a').releases()),
            "shop/dev=2:Unchanged shop/prod=2:AwaitingApproval ");
  EXPECT_THAT(world.build("reg.example/shop/web", "other-1", 'b').releases(),
              ElementsAre(testing::_, testing::_));

  // Approval, one region after the other.
  v1::ApproveRequest approval;
  approval.set_application("shop");
  approval.set_environment("prod");
  approval.set_release(7);
  EXPECT_EQ(frontend::approve(world.context(), world.caller, approval).error().message,
            "release 7 does not wait for approval in prod: release 2 does");
  approval.set_release(2);
  world.silent = {"eu-1"};
  ASSERT_TRUE(frontend::approve(world.context(), world.caller, approval));
  world.settle();
  EXPECT_EQ(world.state("shop.prod"), "RollingOut 0");
  EXPECT_EQ(image_of(world, "us-1.prod.shop.workload.web"), "none");
  world.silent.clear();
  world.apply(shop("[dev, prod]", "{A: b}"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 3");
  approval.set_release(3);
  ASSERT_TRUE(frontend::approve(world.context(), world.caller, approval));
  world.settle();
  EXPECT_EQ(world.state("shop.prod"), "Ready 3");
  EXPECT_EQ(world.at<v1::Deployment>("shop.prod").spec().approved_by(), "serviceaccount:tester");

  // Back.
  v1::RollbackRequest back;
  back.set_application("shop");
  back.set_environment("prod");
  const auto rolled = frontend::rollback(world.context(), world.caller, back);
  ASSERT_TRUE(rolled) << rolled.error().message;
  EXPECT_EQ(answers(rolled->releases()), "shop/prod=4:RollingOut ");
  world.settle();
  EXPECT_EQ(world.state("shop.prod"), "Ready 4");
  EXPECT_EQ(world.at<v1::Release>("shop.4").spec().cause(), "rollback");
  EXPECT_EQ(world.state("shop.dev"), "Ready 3");
  const auto history = frontend::history(world.context(), "shop");
  ASSERT_TRUE(history);
  EXPECT_EQ(history->entries_size(), 4);
  EXPECT_EQ(history->entries(0).cause_detail(), "release 2");
  EXPECT_EQ(history->entries(0).places(0).environment(), "prod");
  const auto diff = frontend::diff(world.context(), "shop", 2, 3);
  ASSERT_TRUE(diff);
  EXPECT_EQ(diff->text(),
            "shop: release 2 -> 3\n  + workloads.web.score.containers.web.variables.A: \"b\"\n");

  // The next build goes on from what dev has.
  EXPECT_EQ(answers(world.build("reg.example/shop/web", "main-2", 'c').releases()),
            "shop/dev=5:RollingOut shop/prod=5:AwaitingApproval ");
  world.settle();

  // The end.
  EXPECT_EQ(world.erase("app", "shop"), "");
  world.settle();
  EXPECT_FALSE(world.get<v1::Application>("shop"));
  EXPECT_EQ(world.state("shop.dev"), "none");
  EXPECT_FALSE(world.get<v1::Release>("shop.1"));
  EXPECT_THAT(world.resources(), Not(Contains(HasSubstr("workload"))));
  EXPECT_THAT(world.resources(), Contains("lab.dev.shop.postgres.web-db"));
  world.pass(minutes(11));
  EXPECT_THAT(world.resources(), Not(Contains("lab.dev.shop.postgres.web-db")));
  EXPECT_THAT(world.resources(), Contains("lab.dev.shop.volume.web-db-data"));
  for (int i = 0; i < 4; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), IsEmpty());
  const auto reader = world.store.snapshot().value();
  for (const auto* prefix : {"x/ref/", "x/uses/", "x/unused/", "x/region-pos/", "x/region-at/", "x/type/",
                             "x/types/", "x/region-dep/", "x/app-env/", "x/image/"})
    EXPECT_THAT(reader->scan({.prefix = prefix}).value(), IsEmpty()) << prefix;
}

TEST(Flow, WhatIsSharedStaysUntilItsLastUserHasGone) {
  World world;
  world.join("lab");
  const auto app = [](const std::string& name) {
    return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: {}}}
spec:
  workloads:
    api: {{score: {{containers: {{main: {{image: i}}}}, resources: {{db: {{type: postgres, class: shared}}}}}}}}
)",
                       name);
  };
  world.apply(app("one"));
  world.apply(app("two"));
  world.settle();
  const std::string server = "lab.default.-.postgres-server.default";
  EXPECT_EQ(world.state("one.default"), "Ready 1");
  EXPECT_THAT(world.resources(), Contains(server));
  const auto why = frontend::why(world.context(), "postgres-server/default");
  ASSERT_TRUE(why) << why.error().message;
  EXPECT_EQ(why->askers_size(), 2);
  EXPECT_EQ(why->profile_reason(), "default for type postgres-server");
  EXPECT_EQ(why->askers(0).because(0).label(), "one/api");
  EXPECT_EQ(why->askers(0).because(0).asks_as(), "resources.db");
  const auto tree = frontend::tree(world.context(), "one");
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->places_size(), 1);
  EXPECT_EQ(tree->places(0).roots(0).state(), "Ready");
  world.erase("app", "one");
  for (int i = 0; i < 4; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), Contains(server));
  EXPECT_THAT(world.resources(), Not(Contains("lab.default.one.postgres.api-db")));
  world.erase("app", "two");
  for (int i = 0; i < 5; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), IsEmpty());
}

const std::string kRetained = "{data: {type: volume, class: retained}}";

TEST(Flow, WhatIsRetainedStaysWithWhatItNeedsUntilSomebodyDeletesIt) {
  World world;
  world.join("lab");
  world.apply(shop("[]", "{}", kRetained));
  world.settle();
  world.erase("app", "shop");
  for (int i = 0; i < 5; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(),
              ElementsAre("lab.-.-.container-host.default", "lab.default.shop.volume.web-data"));
  EXPECT_EQ(frontend::why(world.context(), "volume/web-data")->message().substr(0, 27),
            "nobody asks for it since 20");
  EXPECT_EQ(world.erase("resource", "lab.-.-.container-host.default"),
            "resource lab.-.-.container-host.default is needed by volume \"web-data\" as \"runtime\"");
  EXPECT_EQ(world.erase("resource", "lab.default.shop.volume.web-data"), "");
  for (int i = 0; i < 3; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), IsEmpty());
}

TEST(Flow, WhatIsAskedForAgainInTimeIsRevived) {
  World world;
  world.join("lab");
  world.apply(shop("[]"));
  world.settle();
  const auto before = world.get<v1::Resource>("lab.default.shop.postgres.web-db");
  world.apply(shop("[]", "{}", "{}"));
  world.settle();
  EXPECT_TRUE(world.at<v1::Resource>("lab.default.shop.postgres.web-db").status().has_unused_since());
  world.pass(minutes(5));
  world.apply(shop("[]"));
  world.settle();
  const auto after = world.get<v1::Resource>("lab.default.shop.postgres.web-db");
  EXPECT_EQ(after->metadata().uid(), before->metadata().uid());
  EXPECT_EQ(after->metadata().generation(), before->metadata().generation());
  EXPECT_FALSE(after->status().has_unused_since());
  world.pass(minutes(30));
  EXPECT_EQ(world.state("shop.default"), "Ready 3");
}

TEST(Flow, ATombstoneThatIsAskedForAgainIsRevived) {
  World world;
  world.join("lab");
  world.apply(shop("[]"));
  world.settle();
  world.apply(shop("[]", "{}", "{}"));
  world.settle();
  world.silent = {"lab"};
  world.pass(minutes(11));
  const auto dead = world.get<v1::Resource>("lab.default.shop.postgres.web-db");
  ASSERT_TRUE(dead->spec().deleted());
  world.apply(shop("[]"));
  world.silent.clear();
  world.settle();
  const auto alive = world.get<v1::Resource>("lab.default.shop.postgres.web-db");
  EXPECT_FALSE(alive->spec().deleted());
  EXPECT_GT(alive->metadata().generation(), dead->metadata().generation());
  EXPECT_EQ(alive->metadata().uid(), dead->metadata().uid());
}

TEST(Flow, ANewProfileMakesARelease) {
  World world;
  world.join("lab");
  world.apply(shop("[]"));
  world.settle();
  auto profile = *world.get<v1::Profile>("redis-container");
  (*profile.mutable_spec()->mutable_template_()->mutable_fields())["note"].set_string_value("new");
  std::vector<model::Object> objects;
  objects.push_back(std::make_unique<v1::Profile>(profile));
  ASSERT_TRUE(frontend::apply(world.context(), world.caller, objects));
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 2");
  EXPECT_EQ(world.at<v1::Release>("shop.2").spec().cause(), "profile");
  EXPECT_EQ(world.at<v1::Resource>("lab.default.-.redis.default").spec().profile_generation(), 2u);
  EXPECT_EQ(world.at<v1::Resource>("lab.default.shop.postgres.web-db").metadata().generation(), 1u);

  // Going back takes the profile's old generation along, and that stays.
  v1::RollbackRequest back;
  back.set_application("shop");
  back.set_to_release(1);
  ASSERT_TRUE(frontend::rollback(world.context(), world.caller, back));
  world.settle();
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 3");
  EXPECT_EQ(world.at<v1::Resource>("lab.default.-.redis.default").spec().profile_generation(), 1u);
}

TEST(Flow, RegionsComeAndGo) {
  World world;
  world.apply(kEnvironments);
  const auto applied = world.apply(shop("[dev]"));
  ASSERT_EQ(applied.warnings_size(), 1);
  EXPECT_THAT(applied.warnings(0), HasSubstr("there are no regions yet"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Blocked 0");
  const auto description = frontend::describe(world.context(), *model::find_kind("app"), "shop");
  EXPECT_EQ(description->summary(),
            "shop is not ready in dev: environment dev has no region to run in: there are no regions yet; "
            "add one with "
            "qleet agent join-token --region <name>");
  world.join("a", {{"tier", "dev"}});
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 1");
  world.join("b", {{"tier", "dev"}});
  world.settle();
  EXPECT_THAT(world.resources(), Contains("b.dev.shop.workload.web"));
  EXPECT_THAT(world.erase("region", "a"), HasSubstr("region a is in use by shop.dev"));

  // Out of the selector: it leaves; nothing else changes.
  world.apply("{apiVersion: qleet.io/v1, kind: Region, metadata: {name: a, labels: {tier: none}}}");
  for (int i = 0; i < 5; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), Not(Contains(HasSubstr("a.dev"))));
  EXPECT_EQ(world.state("shop.dev"), "Ready 1");

  // A selector that matches nothing leaves what runs alone.
  world.apply(
      R"({apiVersion: qleet.io/v1, kind: Environment, metadata: {name: dev}, spec: {regions: {selector: "tier=dve"}}})");
  for (int i = 0; i < 3; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), Contains("b.dev.shop.workload.web"));
  EXPECT_EQ(world.state("shop.dev"), "Blocked 1");
}

TEST(Flow, AnAgentThatIsAwayMakesItsRegionStaleAndHoldsNobodyUp) {
  World world;
  world.join("a");
  world.join("b");
  world.apply(shop("[]"));
  world.settle();
  world.set_agent("a", "Lost");
  world.silent = {"a"};
  world.settle();
  auto deployment = *world.get<v1::Deployment>("shop.default");
  EXPECT_EQ(deployment.status().state(), "RollingOut");
  EXPECT_EQ(deployment.status().regions(0).state(), "Stale");
  EXPECT_FALSE(deployment.status().has_healthy_since());
  EXPECT_THAT(frontend::describe(world.context(), *model::find_kind("app"), "shop")->summary(),
              HasSubstr("shop is not ready in default: region a is stale: its agent agent-a is away since "));
  world.apply(shop("[]", "{NEW: value}"));
  world.settle();
  deployment = *world.get<v1::Deployment>("shop.default");
  EXPECT_EQ(deployment.status().regions(1).state(), "Ready");
  EXPECT_EQ(deployment.status().regions(1).release(), 2u);
  EXPECT_EQ(deployment.status().regions(0).release(), 2u);
  world.silent.clear();
  world.set_agent("a", "Connected");
  world.apply(shop("[]", "{NEW: other}"));
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 3");
}

TEST(Flow, AStalledRegionStopsTheRolloutAndSaysWhy) {
  World world;
  world.join("a", {{"tier", "dev"}});
  world.join("b", {{"tier", "dev"}});
  world.apply(kEnvironments);
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: dev}, spec: {guardrails: "
      "{maxRegionsAtOnce: 1}, "
      "regions: {selector: tier=dev}}}");
  world.apply(shop("[dev]"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 1");
  world.broken["a.dev.shop.workload.web"] = {"ImageMissing", "its image reg.example/shop/web was not found"};
  world.apply(shop("[dev]", "{NEW: value}"));
  world.settle();
  const auto deployment = *world.get<v1::Deployment>("shop.dev");
  EXPECT_EQ(deployment.status().state(), "Stalled");
  EXPECT_EQ(deployment.status().regions(1).release(), 1u);
  EXPECT_EQ(deployment.status().regions(1).message(), "waits: the rollout is stopped by region a");
  const auto description = frontend::describe(world.context(), *model::find_kind("app"), "shop");
  EXPECT_EQ(description->summary(),
            "shop is not ready in dev: web in a: its image reg.example/shop/web was not found");
  EXPECT_EQ(description->repair(),
            "push the image (or build it on the host), or name another one in the application.");
  world.broken.clear();
  world.apply(shop("[dev]", "{NEW: repaired}"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 3");
}

// An application in regions a and b whose workload's template says the variable `level` of its environment.
class LevelWorld : public World {
 public:
  LevelWorld() {
    join("a", {{"tier", "prod"}});
    join("b", {{"tier", "prod"}});
    apply(kEnvironments);
    set_level("one");
    auto profile = *get<v1::Profile>("workload-container");
    (*profile.mutable_spec()->mutable_template_()->mutable_fields())["level"].set_string_value(
        "${variables.level}");
    std::vector<model::Object> objects;
    objects.push_back(std::make_unique<v1::Profile>(profile));
    if (!frontend::apply(context(), caller, objects)) throw std::runtime_error("profile");
    apply(shop("[prod]", "{}", "{}"));
    settle();
  }

  void set_level(const std::string& value) {
    apply(fmt::format(
        "{{apiVersion: qleet.io/v1, kind: Environment, metadata: {{name: prod}}, spec: {{guardrails: "
        "{{maxRegionsAtOnce: 1}}, "
        "regions: {{selector: tier=prod}}, variables: {{level: {}}}}}}}",
        value));
  }

  std::string level(const std::string& region) {
    return get<v1::Resource>(region + ".prod.shop.workload.web")
        ->spec()
        .template_()
        .fields()
        .at("level")
        .string_value();
  }
};

TEST(Flow, AVariableGoesRegionByRegion) {
  LevelWorld world;
  EXPECT_EQ(world.state("shop.prod"), "Ready 1");
  world.broken["a.prod.shop.workload.web"] = {"Exited", "exited with 1"};
  world.set_level("two");
  world.settle();
  EXPECT_EQ(world.level("a"), "two");
  EXPECT_EQ(world.level("b"), "one");
  EXPECT_EQ(world.state("shop.prod"), "Stalled 1");
}

TEST(Flow, AVariableReachesARegionThatWasAwayWhenItChanged) {
  LevelWorld world;
  world.set_agent("b", "Lost");
  world.silent = {"b"};
  world.settle();
  world.set_level("two");
  world.settle();
  EXPECT_EQ(world.level("a"), "two");
  EXPECT_EQ(world.level("b"), "two") << "it was waiting for a";
  world.silent.clear();
  world.set_agent("b", "Connected");
  world.settle();
  EXPECT_EQ(world.state("shop.prod"), "Ready 1");
}

TEST(Flow, AReleaseFollowsWhenTheOtherEnvironmentHasBeenHealthy) {
  World world;
  world.join("lab", {{"tier", "dev"}});
  world.join("eu-1", {{"tier", "prod"}});
  world.apply(kEnvironments);
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: prod}, spec: {regions: {selector: "
      "tier=prod}, "
      "builds: {after: {environment: dev, healthyFor: 30m}}}}");
  EXPECT_EQ(answers(world.apply(shop()).releases()),
            "shop/dev=1:RollingOut shop/prod=1:AwaitingEnvironment ");
  world.settle();
  world.pass(minutes(20));
  EXPECT_EQ(world.state("shop.prod"), "AwaitingEnvironment 0");
  world.build("reg.example/shop/web", "main-1", 'a');
  world.settle();
  world.pass(minutes(20));
  EXPECT_EQ(world.state("shop.prod"), "AwaitingEnvironment 0");
  world.pass(minutes(12));
  EXPECT_EQ(world.state("shop.prod"), "Ready 2");
}

TEST(Flow, TwoWhoAskDifferentlyForOneThing) {
  World world;
  world.join("lab");
  const auto app = [](const std::string& name, const std::string& memory) {
    return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Profile
metadata: {{name: shared-thing}}
spec: {{satisfies: {{type: thing}}, scope: environment, default: true, provider: container, parameters: {{size: {{type: string, default: small}}}}, template: {{size: "${{params.size}}"}}, outputs: {{a: b}}}}
---
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: {}}}
spec: {{workloads: {{api: {{score: {{containers: {{main: {{image: i}}}}, resources: {{it: {{type: thing, params: {{size: {}}}}}}}}}}}}}}}
)",
                       name, memory);
  };
  world.apply(app("one", "small"));
  world.settle();
  world.apply(app("two", "large"));
  world.settle();
  EXPECT_EQ(world.state("one.default"), "Ready 1");
  EXPECT_EQ(world.state("two.default"), "Blocked 0");
  EXPECT_EQ(
      frontend::describe(world.context(), *model::find_kind("app"), "two")->summary(),
      "two is not ready in default: thing \"default\" in region lab is asked for with different "
      "params.size by "
      "one/api as \"it\" (default) and by workload api as \"it\" of two: ask for it the same way, or under "
      "another id");
  world.erase("app", "one");
  // What stood in its way is asked for by nobody any more: it gets it as it asks, without another apply.
  world.settle();
  EXPECT_EQ(world.state("two.default"), "Ready 1");
}

TEST(Flow, ARestartedManagerGoesOn) {
  World world;
  world.join("lab");
  world.settle();
  world.apply(shop("[]"));
  // Another manager, which has seen nothing of it.
  std::uint64_t next = 0;
  controllers::Manager fresh(world.store, world.clock, [&next] { return ++next; });
  ASSERT_TRUE(fresh.resume());
  ASSERT_TRUE(fresh.run_until_idle());
  EXPECT_THAT(world.resources(), Contains("lab.default.shop.workload.web"));
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 1");
}

// Between the answer to an apply and the reconciliation that follows, its edges say nothing yet of what it
// asks for.
TEST(Flow, WhatIsAskedForAgainIsNotRemovedBeforeThatIsWorkedOut) {
  World world;
  world.join("eu", {{"tier", "dev"}, {"provider", "container"}});
  world.apply(kEnvironments);
  world.apply(shop("[dev]"));
  world.settle();
  const std::string db = "eu.dev.shop.postgres.web-db";
  const auto uid = world.at<v1::Resource>(db).metadata().uid();
  world.apply(shop("[dev]", "{}", "{}"));
  world.settle();
  ASSERT_TRUE(world.at<v1::Resource>(db).status().has_unused_since());

  const auto look = [&] {
    ASSERT_TRUE(world.store.transact([&](Txn& txn) -> Result<> {
      controllers::Work work{txn, {world.clock.wall(), [] { return 1; }}};
      TRY(controllers::settle(work, db));
      return {};
    }));
  };
  world.apply(shop("[dev]"));
  world.clock.advance(minutes(60));
  look();
  EXPECT_FALSE(world.at<v1::Resource>(db).spec().deleted()) << "its grace period is over, but it is wanted";
  world.settle();
  EXPECT_FALSE(world.at<v1::Resource>(db).status().has_unused_since());
  EXPECT_EQ(world.at<v1::Resource>(db).metadata().generation(), 1u);

  // The same by an environment that comes back to its region.
  world.apply(
      "apiVersion: qleet.io/v1\nkind: Environment\nmetadata: {name: dev}\nspec: {regions: {selector: "
      "tier=dev, count: 0}}");
  world.settle();
  world.apply(shop("[dev]", "{}", "{}"));
  world.settle();
  world.apply(shop("[dev]"));
  world.clock.advance(minutes(60));
  look();
  EXPECT_FALSE(world.at<v1::Resource>(db).spec().deleted());

  // And what nobody asks for goes, as soon as that is known.
  world.apply(shop("[dev]", "{}", "{}"));
  world.settle();
  world.pass(minutes(60));
  EXPECT_FALSE(world.get<v1::Resource>(db));
  world.apply(shop("[dev]"));
  world.settle();
  EXPECT_NE(world.at<v1::Resource>(db).metadata().uid(), uid);
}

}  // namespace
}  // namespace qleet::hub::tests
