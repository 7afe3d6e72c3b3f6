// One application from its file to the end of its last resource, and what else happens on the way.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/controllers/resources.h"
#include "tests/unit/controllers/shop.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using std::chrono::minutes;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

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
  EXPECT_THAT(world.resources(), Contains("lab.dev.shop.postgres.web.db"));
  EXPECT_THAT(world.resources(), Contains("lab.dev.shop.volume.postgres.web.db.data"));
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
  const auto other = world.build("reg.example/shop/web", "other-1", 'b');
  EXPECT_EQ(other.state(), "NotFollowed");
  EXPECT_EQ(other.message(),
            "nothing follows reg.example/shop/web:other-1: the image is followed with other tags, by "
            "shop/web (tags "
            "\"main-*\")");
  EXPECT_THAT(other.releases(), IsEmpty());

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
  EXPECT_EQ(world.erase("app", "shop", {.delete_data = true}), "");
  world.settle();
  EXPECT_FALSE(world.get<v1::Application>("shop"));
  EXPECT_EQ(world.state("shop.dev"), "none");
  EXPECT_FALSE(world.get<v1::Release>("shop.1"));
  EXPECT_THAT(world.resources(), Not(Contains(HasSubstr("workload"))));
  EXPECT_THAT(world.resources(), Contains("lab.dev.shop.postgres.web.db"));
  world.pass(minutes(11));
  EXPECT_THAT(world.resources(), Not(Contains("lab.dev.shop.postgres.web.db")));
  EXPECT_THAT(world.resources(), Contains("lab.dev.shop.volume.postgres.web.db.data"));
  for (int i = 0; i < 4; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), IsEmpty());
  const auto reader = world.store.snapshot().value();
  for (const auto* prefix : {"x/ref/", "x/uses/", "x/unused/", "x/region-pos/", "x/region-at/", "x/type/",
                             "x/types/", "x/region-dep/", "x/app-env/", "x/image/"})
    EXPECT_THAT(reader->scan({.prefix = prefix}).value(), IsEmpty()) << prefix;
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
  EXPECT_EQ(world.at<v1::Resource>("lab.default.shop.redis.web.cache").spec().profile_generation(), 2u);
  EXPECT_EQ(world.at<v1::Resource>("lab.default.shop.postgres.web.db").metadata().generation(), 1u);

  // Going back takes the profile's old generation along, and that stays.
  v1::RollbackRequest back;
  back.set_application("shop");
  back.set_to_release(1);
  ASSERT_TRUE(frontend::rollback(world.context(), world.caller, back));
  world.settle();
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 3");
  EXPECT_EQ(world.at<v1::Resource>("lab.default.shop.redis.web.cache").spec().profile_generation(), 1u);
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
spec: {{workloads: {{api: {{score: {{containers: {{main: {{image: i}}}}, resources: {{it: {{type: thing, id: one, params: {{size: {}}}}}}}}}}}}}}}
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
      "two is not ready in default: thing \"one\" in region lab is asked for with different "
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

}  // namespace
}  // namespace qleet::hub::tests
