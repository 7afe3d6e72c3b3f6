// What builds do, in which order, and what they leave alone.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/controllers/releases.h"
#include "hub/frontend/build_fate.h"
#include "hub/store/keys.h"
#include "tests/unit/controllers/shop.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string app(const std::string& builds = "{image: reg/web}", const std::string& image = "reg/web",
                const std::string& name = "shop") {
  return fmt::format(
      "{{apiVersion: qleet.io/v1, kind: Application, metadata: {{name: {}}}, spec: {{workloads: {{web: "
      "{{score: "
      "{{containers: {{main: {{image: '{}'}}}}}}, builds: {}}}}}}}}}\n",
      name, image, builds);
}

struct Notice {
  std::string tag;
  char digest;
  std::uint64_t number = 0;
  std::int64_t time_s = 0;
  std::string image = "reg/web";
  std::string application = {};
};

Result<v1::DeliveryAnswers> tell(World& world, const Notice& notice,
                                 const frontend::NotifyOptions& options = {},
                                 const frontend::Caller& caller = {"serviceaccount:ci"}) {
  v1::BuildSpec build;
  build.set_image(notice.image);
  build.set_tag(notice.tag);
  build.set_digest("sha256:" + std::string(64, notice.digest));
  build.set_number(notice.number);
  if (notice.time_s != 0) build.mutable_revision_time()->set_seconds(notice.time_s);
  build.set_application(notice.application);
  return frontend::notify_build(world.context(), caller, build, options);
}

std::string told(World& world, const Notice& notice) {
  const auto answers = tell(world, notice);
  if (!answers) return answers.error().message;
  std::string text = answers->state();
  for (const auto& answer : answers->releases())
    text += fmt::format(" {}={}:{}", answer.environment(), answer.release(), answer.state());
  return text;
}

std::string tag_of(World& world, const std::string& deployment = "shop.default") {
  const auto spec = world.at<v1::Deployment>(deployment).spec();
  const auto release = world.at<v1::Release>(fmt::format("{}.{}", spec.application(), spec.release()));
  for (const auto& pin : release.spec().images()) {
    const auto image = pin.image().substr(0, pin.image().find('@'));
    return image.substr(image.rfind(':') + 1);
  }
  return "none";
}

TEST(Builds, ALateOlderOneDoesNotReplaceANewerOne) {
  World world;
  world.join("lab");
  world.apply(app());
  EXPECT_EQ(told(world, {"main-3", 'c', 3}), "Delivered default=2:RollingOut");
  const auto late = tell(world, {"main-2", 'b', 2});
  ASSERT_TRUE(late);
  EXPECT_EQ(late->state(), "Unchanged");
  EXPECT_EQ(late->releases(0).reason(),
            "main-2 (number 2) is older than main-3 (number 3), which release 2 has; to go back: qleet "
            "rollback shop");
  EXPECT_EQ(late->message(), late->releases(0).reason());
  EXPECT_EQ(tag_of(world), "main-3");
  EXPECT_EQ(told(world, {"main-3", 'c', 3}), "Unchanged default=2:Unchanged");
  EXPECT_EQ(told(world, {"main-4", 'd', 4}), "Delivered default=3:RollingOut");
  // By the time of the revision, where there is no number on one side.
  EXPECT_EQ(told(world, {"main-5", 'e', 0, 500}), "Delivered default=4:RollingOut");
  EXPECT_EQ(told(world, {"main-1", 'a', 0, 100}), "Unchanged default=4:Unchanged");
}

TEST(Builds, ALateOneIsNotSaidToWaitWhereAnotherDoes) {
  World world;
  world.join("lab");
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: default}, spec: {builds: {by: "
      "approval}}}");
  world.apply(app());
  EXPECT_EQ(told(world, {"main-3", 'c', 3}), "Delivered default=2:AwaitingApproval");
  EXPECT_EQ(told(world, {"main-2", 'b', 2}), "Unchanged default=2:Unchanged");
  EXPECT_EQ(told(world, {"main-3", 'c', 3}), "Delivered default=2:AwaitingApproval") << "it still waits";
}

TEST(Builds, ARepeatedNotificationBringsBackWhatItNames) {
  World world;
  world.join("lab");
  world.apply(app());
  EXPECT_EQ(told(world, {"main-3", 'c'}), "Delivered default=2:RollingOut");
  EXPECT_EQ(told(world, {"main-2", 'b'}), "Delivered default=3:RollingOut");
  EXPECT_EQ(told(world, {"main-3", 'c'}), "Delivered default=4:RollingOut");
  EXPECT_EQ(tag_of(world), "main-3");
  const auto again = tell(world, {"main-3", 'c'});
  EXPECT_EQ(again->releases(0).reason(), "main-3 is what release 4 has already");
}

TEST(Builds, TheSameContentBuiltLaterKeepsItsPlaceInTheOrder) {
  World world;
  world.join("lab");
  world.apply(app());
  told(world, {"main-3", 'c', 3});
  EXPECT_EQ(told(world, {"main-5", 'c', 5}), "Unchanged default=2:Unchanged");
  EXPECT_EQ(told(world, {"main-4", 'd', 4}), "Unchanged default=2:Unchanged") << "5 came before it";
  EXPECT_EQ(told(world, {"main-6", 'e', 6}), "Delivered default=3:RollingOut");
}

TEST(Builds, WhatNothingFollowsIsTold) {
  World world;
  world.join("lab");
  world.apply(app("{image: reg.example/shop/web, tags: main-*}", "reg.example/shop/web"));
  const auto typo = tell(world, {.tag = "main-1", .digest = 'a', .image = "reg.example/shop/wbe"});
  ASSERT_TRUE(typo);
  EXPECT_EQ(typo->state(), "NotFollowed");
  EXPECT_EQ(typo->nearest_image(), "reg.example/shop/web");
  EXPECT_EQ(typo->message(),
            "nothing follows reg.example/shop/wbe:main-1; the nearest image that is followed is "
            "reg.example/shop/web");
  EXPECT_THAT(typo->releases(), IsEmpty());
  const auto moved = tell(world, {.tag = "main-1", .digest = 'a', .image = "other.example/team/web"});
  EXPECT_EQ(moved->nearest_image(), "reg.example/shop/web");
  const auto tag = tell(world, {.tag = "dev-1", .digest = 'a', .image = "reg.example/shop/web"});
  EXPECT_EQ(tag->state(), "NotFollowed");
  EXPECT_THAT(tag->message(), HasSubstr("with other tags, by shop/web (tags \"main-*\")"));
  // Kept for who follows it later, unless it must be followed.
  EXPECT_TRUE(world.get<v1::Build>(typo->build()));
  const auto must = tell(world, {.tag = "main-2", .digest = 'b', .image = "reg.example/shop/wbe"},
                         {.must_be_followed = true});
  ASSERT_FALSE(must);
  EXPECT_EQ(must.error().reason, frontend::kNotFollowed);
  v1::BuildSpec lost;
  lost.set_image("reg.example/shop/wbe");
  lost.set_tag("main-2");
  lost.set_digest("sha256:" + std::string(64, 'b'));
  EXPECT_FALSE(world.get<v1::Build>(controllers::build_name(lost)));
}

TEST(Builds, WhatMustBeFollowedIsAnsweredAgainByItsKey) {
  World world;
  world.join("lab");
  const frontend::NotifyOptions must{.idempotency_key = "run-7", .must_be_followed = true};
  const auto first = tell(world, {"main-1", 'a'}, must);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().reason, frontend::kNotFollowed);
  // Somebody follows it since: the same request has the same answer, and does nothing.
  world.apply(app());
  world.settle();
  const auto again = tell(world, {"main-1", 'a'}, must);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, first.error().code);
  EXPECT_EQ(again.error().reason, first.error().reason);
  EXPECT_EQ(again.error().message, first.error().message);
  EXPECT_EQ(world.at<v1::Application>("shop").status().latest_release(), 1u);
  EXPECT_EQ(tell(world, {"main-2", 'b'}, must).error().reason, frontend::kKeyReused);
  // Nothing was done of it: without the wish it is done.
  const auto kept = tell(world, {"main-1", 'a'}, {.idempotency_key = "run-7"});
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->state(), "Delivered");
  const auto repeated = tell(world, {"main-1", 'a'}, must);
  ASSERT_TRUE(repeated);
  EXPECT_EQ(repeated->SerializeAsString(), kept->SerializeAsString()) << "to the revision";
}

TEST(Builds, WhatIsKeptIsNotFollowedAllTheSame) {
  World world;
  world.join("lab");
  ASSERT_EQ(tell(world, {"main-1", 'a'}, {.idempotency_key = "run-7"})->state(), "NotFollowed");
  const auto must = tell(world, {"main-1", 'a'}, {.idempotency_key = "run-7", .must_be_followed = true});
  ASSERT_FALSE(must);
  EXPECT_EQ(must.error().reason, frontend::kNotFollowed);
}

TEST(Builds, AnApplicationThatIsBeingDeletedFollowsNothing) {
  World world;
  world.join("lab");
  world.apply(app());
  world.settle();
  ASSERT_EQ(world.erase("app", "shop"), "");
  EXPECT_EQ(told(world, {"main-3", 'c'}), "NotFollowed");
}

TEST(Builds, AnImageIsFollowedHoweverItIsWritten) {
  World world;
  world.join("lab");
  world.apply(app("{image: docker.io/library/nginx}", "nginx:1"));
  EXPECT_EQ(told(world, {.tag = "2", .digest = 'b', .image = "nginx"}), "Delivered default=2:RollingOut");
  EXPECT_EQ(told(world, {.tag = "2", .digest = 'b', .image = "index.docker.io/library/nginx"}),
            "Unchanged default=2:Unchanged");
  // Also one that was told of before somebody followed it, and under a name that an earlier version kept it
  // by.
  tell(world, {.tag = "7", .digest = 'd', .image = "redis"});
  world.apply(app("{image: docker.io/library/redis}", "docker.io/redis", "cache"));
  EXPECT_EQ(tag_of(world, "cache.default"), "7");
  EXPECT_THAT(world.refusal(app("{image: 'https://reg/web'}")),
              HasSubstr("spec.workloads.web.builds.image: \"https://reg/web\" is a URL"));
  EXPECT_THAT(world.refusal(app("{image: Reg/Web}")),
              HasSubstr("spec.workloads.web.builds.image: \"Reg/Web\" has upper case"));
}

TEST(Builds, AnApplicationThatStartsWithARememberedOneSaysSo) {
  World world;
  world.join("lab");
  tell(world, {"main-2", 'b'});
  const auto applied = world.apply(app("{image: reg/web}", "reg/web:main-1"));
  EXPECT_THAT(
      applied.warnings(),
      ElementsAre("application shop: workload web names image reg/web:main-1, and starts with main-2, the "
                  "newest build that it follows; to start with another one, notify of that build again, or "
                  "narrow builds.tags"));
  EXPECT_THAT(world.apply(app("{image: reg/web}", "reg/web:main-1")).warnings(), IsEmpty()) << "once";
  EXPECT_THAT(world.apply(app("{image: reg/web}", "reg/web", "cart")).warnings(), IsEmpty()) << "names none";
}

TEST(Builds, AnImageInTheFileOfWhatFollowsThemIsSaidToChangeNothing) {
  World world;
  world.join("lab");
  world.apply(app("{image: reg/web}", "reg/web:v5"));
  tell(world, {"v6", 'a'});
  tell(world, {"v7", 'b'});
  world.settle();
  const std::string stays =
      "stays at v7, a build that it follows; to go back: qleet rollback shop; to go on to another one, "
      "notify "
      "of that build";
  const auto planned = frontend::plan(
      world.context(),
      frontend::plan_apply(world.caller, *model::decode(app("{image: reg/web}", "reg/web:v6")), {}));
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_THAT(planned->warnings(),
              Contains("application shop: workload web names image reg/web:v6, and " + stays));
  const auto applied = world.apply(app("{image: reg/web}", "reg/web:v6"));
  EXPECT_THAT(applied.warnings(),
              ElementsAre("application shop: workload web names image reg/web:v6, and " + stays));
  ASSERT_EQ(applied.releases_size(), 1);
  EXPECT_EQ(applied.releases(0).state(), "Unchanged");
  EXPECT_EQ(applied.releases(0).reason(), "workload web " + stays);
  EXPECT_EQ(tag_of(world), "v7");
  const auto again = world.apply(app("{image: reg/web}", "reg/web:v6"));
  EXPECT_THAT(again.warnings(), IsEmpty()) << "this one changed nothing";
  EXPECT_EQ(again.releases(0).reason(), "release 3 is what is asked for already");
  EXPECT_THAT(world.apply(app("{image: reg/web}", "reg/web:v7")).warnings(), IsEmpty()) << "what runs";
}

struct TwoPlaces {
  TwoPlaces() {
    world.join("lab", {{"tier", "dev"}});
    world.join("eu", {{"tier", "prod"}});
    world.apply(
        "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: dev}, spec: {regions: {selector: "
        "tier=dev}}}");
    world.apply(
        "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: prod}, spec: {regions: {selector: "
        "tier=prod}}}");
    world.apply(shop());
    for (const auto& [tag, digest] : {std::pair("main-1", 'a'), std::pair("main-2", 'b')}) {
      tell(world, {.tag = tag, .digest = digest, .image = "reg.example/shop/web"});
      world.settle();
    }
  }
  std::string build(const std::string& tag, char digest) {
    return told(world, {.tag = tag, .digest = digest, .image = "reg.example/shop/web"});
  }
  Result<v1::DeliveryAnswers> back(const std::string& environment, std::uint32_t to = 0) {
    v1::RollbackRequest request;
    request.set_application("shop");
    request.set_environment(environment);
    request.set_to_release(to);
    return frontend::rollback(world.context(), world.caller, request);
  }
  Result<v1::DeliveryAnswers> approve(const std::string& environment) {
    v1::ApproveRequest request;
    request.set_application("shop");
    request.set_environment(environment);
    return frontend::approve(world.context(), world.caller, request);
  }
  World world;
};

TEST(RolledBack, StaysUntilSomebodyApproves) {
  TwoPlaces places;
  auto& world = places.world;
  const auto rolled = places.back("prod");
  ASSERT_TRUE(rolled) << rolled.error().message;
  EXPECT_EQ(rolled->releases(0).reason(),
            "rolled back by hand: builds wait until somebody applies, or: qleet approve shop prod");
  world.settle();
  ASSERT_EQ(tag_of(world, "shop.prod"), "main-1");
  EXPECT_EQ(places.build("main-3", 'c'), "Delivered dev=5:RollingOut prod=5:HeldBack");
  world.settle();
  EXPECT_EQ(tag_of(world, "shop.prod"), "main-1");
  EXPECT_EQ(tag_of(world, "shop.dev"), "main-3");
  EXPECT_EQ(world.state("shop.prod"), "Ready 4");
  // Everybody who looks is told.
  const auto held =
      "rolled back by hand: release 5 waits until somebody applies, or: qleet approve shop prod "
      "--release 5";
  const auto conditions = world.at<v1::Application>("shop").status().conditions();
  const auto condition = std::ranges::find(conditions, "HeldBack", &v1::Condition::type);
  ASSERT_NE(condition, conditions.end());
  EXPECT_EQ(condition->status(), "True");
  EXPECT_EQ(condition->message(), fmt::format("prod: {}", held));
  EXPECT_THAT(frontend::describe(world.context(), *model::find_kind("app"), "shop")->text(),
              HasSubstr(fmt::format("held back: {}", held)));
  bool in_history = false;
  for (const auto& entry : frontend::history(world.context(), "shop")->entries())
    for (const auto& place : entry.places())
      in_history = in_history ||
                   (entry.release() == 4 && place.environment() == "prod" && place.state() == "RolledBack");
  EXPECT_TRUE(in_history);
  // A newer build waits in its place; let in, the next ones get in by themselves.
  EXPECT_EQ(places.build("main-4", 'd'), "Delivered dev=6:RollingOut prod=6:HeldBack");
  ASSERT_TRUE(places.approve("prod"));
  world.settle();
  EXPECT_EQ(tag_of(world, "shop.prod"), "main-4");
  EXPECT_EQ(places.build("main-5", 'e'), "Delivered dev=7:RollingOut prod=7:RollingOut");
  world.settle();
  const auto after = world.at<v1::Application>("shop").status().conditions();
  EXPECT_EQ(std::ranges::find(after, "HeldBack", &v1::Condition::type)->status(), "False");
}

TEST(RolledBack, StaysUntilSomebodyApplies) {
  for (const auto* environment : {"prod", ""}) {
    TwoPlaces places;
    auto& world = places.world;
    world.apply(shop("[dev, prod]", "{A: b}"));
    world.settle();
    ASSERT_TRUE(places.back(environment));
    world.settle();
    places.build("main-3", 'c');
    world.settle();
    EXPECT_FALSE(
        world.at<v1::Release>(fmt::format("shop.{}", world.at<v1::Deployment>("shop.prod").spec().release()))
            .spec()
            .definition()
            .workloads()
            .at("web")
            .score()
            .containers()
            .at("web")
            .variables()
            .contains("A"));
    // The same file again: what it says is wanted now.
    world.apply(shop("[dev, prod]", "{A: b}"));
    world.settle();
    const auto spec = world.at<v1::Deployment>("shop.prod").spec();
    EXPECT_FALSE(spec.rolled_back());
    EXPECT_TRUE(world.at<v1::Release>(fmt::format("shop.{}", spec.release()))
                    .spec()
                    .definition()
                    .workloads()
                    .at("web")
                    .score()
                    .containers()
                    .at("web")
                    .variables()
                    .contains("A"))
        << environment;
    EXPECT_EQ(tag_of(world, "shop.prod"), "main-3");
  }
}

TEST(RolledBack, ProfilesDoNotUndoItEither) {
  TwoPlaces places;
  auto& world = places.world;
  ASSERT_TRUE(places.back("prod"));
  world.settle();
  auto profile = *world.get<v1::Profile>("redis-container");
  (*profile.mutable_spec()->mutable_template_()->mutable_fields())["note"].set_string_value("new");
  std::vector<model::Object> objects;
  objects.push_back(std::make_unique<v1::Profile>(profile));
  ASSERT_TRUE(frontend::apply(world.context(), world.caller, objects));
  world.settle();
  EXPECT_EQ(tag_of(world, "shop.prod"), "main-1");
  EXPECT_NE(world.at<v1::Deployment>("shop.prod").spec().candidate(), 0u);
}

TEST(RolledBack, IsLetGoWhereNothingWaits) {
  TwoPlaces places;
  ASSERT_TRUE(places.back("prod"));
  const auto released = places.approve("prod");
  ASSERT_TRUE(released) << released.error().message;
  EXPECT_EQ(released->releases(0).reason(), "nothing waits; the next build gets into prod again");
  EXPECT_EQ(places.build("main-3", 'c'), "Delivered dev=5:RollingOut prod=5:RollingOut");
}

TEST(Fate, IsToldToWhoToldOfTheBuild) {
  TwoPlaces places;
  auto& world = places.world;
  const auto answers = tell(world, {.tag = "main-3", .digest = 'c', .image = "reg.example/shop/web"});
  ASSERT_TRUE(answers);
  const auto fate = [&](const std::string& subject = "serviceaccount:ci") -> std::string {
    const auto found = frontend::fate_of_build(world.context(), {subject}, answers->build());
    if (!found) return found.error().message;
    std::string text = found->state();
    for (const auto& one : found->releases()) text += fmt::format(" {}:{}", one.environment(), one.state());
    return text;
  };
  EXPECT_EQ(fate(), "RollingOut dev:RollingOut prod:RollingOut");
  world.settle();
  EXPECT_EQ(fate(), "Done dev:Ready prod:Ready");
  EXPECT_EQ(fate("serviceaccount:other"), "serviceaccount:other has told of no build " + answers->build());
  ASSERT_TRUE(places.back("prod"));
  world.settle();
  EXPECT_EQ(fate(), "Done dev:Ready prod:Superseded");
}

TEST(Fate, OfABuildThatDoesNotStartIsFailed) {
  TwoPlaces places;
  auto& world = places.world;
  world.broken["eu.prod.shop.workload"] = {"ProbeFailing", "its probe fails"};
  const auto answers = tell(world, {.tag = "main-3", .digest = 'c', .image = "reg.example/shop/web"});
  world.settle();
  const auto fate = frontend::fate_of_build(world.context(), {"serviceaccount:ci"}, answers->build());
  ASSERT_TRUE(fate);
  EXPECT_EQ(fate->state(), "Failed");
  EXPECT_EQ(fate->releases(1).environment(), "prod");
  EXPECT_EQ(fate->releases(1).state(), "Stalled");
  EXPECT_THAT(fate->releases(1).reason(), HasSubstr("its probe fails"));
  EXPECT_EQ(fate->releases(0).state(), "Ready");
  // Rolled back before it was ready.
  ASSERT_TRUE(places.back("prod", 3));
  world.broken.clear();
  world.settle();
  const auto after = frontend::fate_of_build(world.context(), {"serviceaccount:ci"}, answers->build());
  EXPECT_EQ(after->releases(1).state(), "Failed");
  EXPECT_THAT(after->releases(1).reason(), HasSubstr("was rolled back before it was ready"));
}

// What failed for good ends it, also while another environment is still on its way.
TEST(Fate, OfABuildThatFailsInOneEnvironmentIsFailedWhileAnotherRollsOut) {
  TwoPlaces places;
  auto& world = places.world;
  world.broken["eu.prod.shop.workload"] = {"ProbeFailing", "its probe fails"};
  world.slow["lab.dev.shop.workload"] = {"Creating", "is starting"};
  const auto answers = tell(world, {.tag = "main-3", .digest = 'c', .image = "reg.example/shop/web"});
  world.settle();
  const auto fate = frontend::fate_of_build(world.context(), {"serviceaccount:ci"}, answers->build());
  ASSERT_TRUE(fate);
  EXPECT_EQ(fate->releases(0).state(), "RollingOut");
  EXPECT_EQ(fate->releases(1).state(), "Stalled");
  EXPECT_EQ(fate->state(), "Failed");
}

// A build that serves again because the one after it failed has come to its end.
TEST(Fate, OfABuildThatIsReturnedToIsReady) {
  TwoPlaces places;
  auto& world = places.world;
  const auto good = tell(world, {.tag = "main-3", .digest = 'c', .image = "reg.example/shop/web"});
  world.settle();
  world.slow["eu.prod.shop.workload"] = {"ProbeFailing", "its probe fails"};
  const auto bad = tell(world, {.tag = "main-4", .digest = 'd', .image = "reg.example/shop/web"});
  world.settle();
  world.pass(std::chrono::minutes(9));
  world.slow.clear();
  world.pass(std::chrono::minutes(2));
  world.settle();
  ASSERT_EQ(world.at<v1::Deployment>("shop.prod").status().state(), "Returned");
  const auto fate = [&](const std::string& build) {
    const auto found = frontend::fate_of_build(world.context(), {"serviceaccount:ci"}, build);
    return found->state() + " " + found->releases(1).state();
  };
  EXPECT_EQ(fate(good->build()), "Done Ready");
  EXPECT_EQ(fate(bad->build()), "Failed Failed");
}

TEST(Fate, OfWhatWasReplacedBeforeItWasReady) {
  TwoPlaces places;
  auto& world = places.world;
  world.slow["workload.web"] = {"Creating", "is starting"};
  const auto first = tell(world, {.tag = "main-3", .digest = 'c', .image = "reg.example/shop/web"});
  world.settle();
  world.broken["workload.web"] = {"ProbeFailing", "its probe fails"};
  const auto second = tell(world, {.tag = "main-4", .digest = 'd', .image = "reg.example/shop/web"});
  world.settle();
  const auto fate = frontend::fate_of_build(world.context(), {"serviceaccount:ci"}, first->build());
  ASSERT_TRUE(fate);
  EXPECT_EQ(fate->state(), "Superseded") << "whatever becomes of the newer one";
  EXPECT_EQ(fate->releases(0).reason(), fmt::format("replaced by release {}", second->releases(0).release()));
}

TEST(Reach, ATokenTellsOfBuildsForItsApplicationsAlone) {
  World world;
  world.join("lab");
  world.apply(app("{image: reg/web}", "reg/web", "shop"));
  world.apply(app("{image: reg/web}", "reg/web", "cart"));
  const frontend::Caller one{"serviceaccount:shop-ci", {"shop"}};
  const auto answers = tell(world, {"main-1", 'a'}, {}, one);
  ASSERT_TRUE(answers) << answers.error().message;
  ASSERT_EQ(answers->releases_size(), 1);
  EXPECT_EQ(answers->releases(0).application(), "shop");
  EXPECT_EQ(world.at<v1::Application>("cart").status().latest_release(), 1u);
  // Nor for those who come later.
  world.apply(app("{image: reg/web}", "reg/web", "later"));
  EXPECT_EQ(tag_of(world, "later.default"), "reg/web") << "a tag of nobody's build";
  const auto refused = tell(world, {.tag = "main-2", .digest = 'b', .application = "cart"}, {}, one);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kDenied);
  EXPECT_EQ(refused.error().message,
            "serviceaccount:shop-ci is for application shop alone, not for application cart");
  const frontend::Caller both{"serviceaccount:team", {"shop", "cart"}};
  EXPECT_EQ(tell(world, {"main-2", 'b'}, {}, both).error().message,
            "application: is missing: cart, shop follow this image; say for which one it is");
  // Names of others' images are not told.
  EXPECT_EQ(tell(world, {.tag = "m", .digest = 'c', .image = "reg/wbe"}, {}, {"serviceaccount:x", {"x"}})
                ->nearest_image(),
            "");
}

TEST(Tokens, AreForTheApplicationsOfTheirAccount) {
  World world;
  v1::TokenRequest request;
  request.set_service_account("shop-ci");
  request.set_role("ci");
  request.add_applications("shop");
  ASSERT_TRUE(frontend::create_service_account_token(world.context(), world.caller, request));
  EXPECT_THAT(world.at<v1::ServiceAccount>("shop-ci").spec().applications(), ElementsAre("shop"));
  // Set up before what it is for.
  EXPECT_THAT(
      frontend::create_service_account_token(world.context(), world.caller, request)->warnings(),
      ElementsAre("service account shop-ci: application shop does not exist; its tokens are of use for that "
                  "once it is there"));
  EXPECT_THAT(world
                  .apply("{apiVersion: qleet.io/v1, kind: ServiceAccount, metadata: {name: other-ci}, spec: "
                         "{role: ci, applications: [shop]}}")
                  .warnings(),
              ElementsAre(HasSubstr("application shop does not exist")));
  world.join("lab");
  world.apply(app());
  EXPECT_THAT(frontend::create_service_account_token(world.context(), world.caller, request)->warnings(),
              IsEmpty());
  ASSERT_TRUE(frontend::create_service_account_token(world.context(), world.caller, request))
      << "another one";
  request.set_applications(0, "cart");
  EXPECT_EQ(frontend::create_service_account_token(world.context(), world.caller, request).error().message,
            "service account shop-ci is for application shop, not for application cart: change it with "
            "apply, or make "
            "another account");
  request.set_service_account("other");
  request.set_applications(0, "Cart");
  EXPECT_THAT(frontend::create_service_account_token(world.context(), world.caller, request).error().message,
              HasSubstr("applications[0]"));
  EXPECT_FALSE(world.get<v1::ServiceAccount>("other"));
}

}  // namespace
}  // namespace qleet::hub::tests
