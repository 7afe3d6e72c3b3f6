// A release is one content: images named by tag, from what an agent finds to what runs everywhere, and back.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/controllers/events.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using testing::HasSubstr;

const std::string kOne = "sha256:" + std::string(64, '1');
const std::string kTwo = "sha256:" + std::string(64, '2');
const std::string kTag = "reg/x:v1";

std::string app(const std::string& more = "", const std::string& environments = "[]",
                const std::string& image = kTag) {
  return fmt::format(
      "{{apiVersion: qleet.io/v1, kind: Application, metadata: {{name: shop}}, spec: {{environments: {}, "
      "workloads: {{web: {{score: {{containers: {{web: {{image: \"{}\"}}}}}}{}}}}}}}}}",
      environments, image, more);
}

std::string environment(const std::string& name, const std::string& spec) {
  return fmt::format("{{apiVersion: qleet.io/v1, kind: Environment, metadata: {{name: {}}}, spec: {{{}}}}}",
                     name, spec);
}

class Images : public testing::Test {
 protected:
  Images() { world_.tags = {{kTag, kOne}}; }

  std::string runs(const std::string& region, const std::string& environment = "default") {
    const auto found = world_.get<v1::Resource>(region + "." + environment + ".shop.workload.web");
    if (!found) return "none";
    const auto& score = found->spec().template_().fields().at("score").struct_value().fields();
    return score.at("containers")
        .struct_value()
        .fields()
        .at("web")
        .struct_value()
        .fields()
        .at("image")
        .string_value();
  }
  std::uint32_t latest() { return world_.at<v1::Application>("shop").status().latest_release(); }
  Result<v1::DeliveryAnswers> back(std::uint32_t to = 0, bool force = false,
                                   const std::string& environment = "") {
    v1::RollbackRequest request;
    request.set_application("shop");
    request.set_environment(environment);
    request.set_to_release(to);
    request.set_force(force);
    return frontend::rollback(world_.context(), world_.caller, request);
  }

  World world_;
};

TEST_F(Images, ATagIsTheSameContentInEveryRegionAndForEver) {
  world_.join("eu");
  world_.join("us");
  world_.tags["us " + kTag] = kTwo;  // what its registry has is another
  world_.apply(app());
  world_.settle();
  EXPECT_EQ(world_.state("shop.default"), "Ready 1");
  const auto release = world_.at<v1::Release>("shop.1");
  ASSERT_EQ(release.spec().images_size(), 1);
  const auto chosen = release.spec().images(0).image();
  EXPECT_EQ(chosen, kTag + "@" + (release.spec().images(0).resolved_in() == "eu" ? kOne : kTwo));
  EXPECT_EQ(runs("eu"), chosen);
  EXPECT_EQ(runs("us"), chosen);

  // The tag moves; more replicas and another region get what the release is.
  world_.tags = {{kTag, "sha256:" + std::string(64, '3')}};
  world_.join("asia");
  world_.apply(app(", replicas: 3"));
  world_.settle();
  EXPECT_EQ(world_.state("shop.default"), "Ready 2");
  for (const auto* region : {"asia", "eu", "us"}) EXPECT_EQ(runs(region), chosen) << region;
  const auto history = frontend::history(world_.context(), "shop");
  ASSERT_TRUE(history);
  EXPECT_EQ(history->entries(0).images(0).image(), chosen);
  EXPECT_EQ(history->entries(1).places(0).state(), "WasReady");
  const auto& kind = *model::find_kind("release");
  EXPECT_THAT(frontend::describe(world_.context(), kind, "shop.2")->text(),
              HasSubstr("image of web/web: " + chosen));
}

TEST_F(Images, OneReleaseInTwoEnvironmentsIsOneContent) {
  world_.join("lab", {{"tier", "dev"}});
  world_.join("eu", {{"tier", "prod"}});
  world_.apply(environment("dev", "regions: {selector: tier=dev}"));
  world_.apply(environment("prod", "regions: {selector: tier=prod}"));
  world_.tags["eu " + kTag] = kTwo;
  world_.apply(app("", "[dev, prod]"));
  world_.settle();
  EXPECT_EQ(world_.state("shop.dev"), "Ready 1");
  EXPECT_EQ(world_.state("shop.prod"), "Ready 1");
  EXPECT_EQ(runs("lab", "dev"), runs("eu", "prod"));
  EXPECT_THAT(runs("lab", "dev"), HasSubstr("@sha256:"));
}

TEST_F(Images, NothingRunsByATagThatIsStillLookedUp) {
  world_.join("eu");
  world_.silent = {"eu"};
  world_.apply(app());
  world_.settle();
  EXPECT_EQ(world_.state("shop.default"), "RollingOut 0");
  EXPECT_EQ(world_.at<v1::Resource>("eu.default.shop.workload.web").spec().resolve_images(), "once");
  const auto& kind = *model::find_kind("release");
  EXPECT_THAT(frontend::describe(world_.context(), kind, "shop.1")->text(),
              HasSubstr("its digest is not known yet"));
  world_.silent.clear();
  world_.settle();
  EXPECT_EQ(world_.state("shop.default"), "Ready 1");
  EXPECT_EQ(world_.at<v1::Resource>("eu.default.shop.workload.web").spec().resolve_images(), "");
  EXPECT_EQ(runs("eu"), kTag + "@" + kOne);
}

// The next release cannot be handed out: the region keeps the one that it has, and that begins.
TEST_F(Images, WhatARegionHasBeginsAlthoughTheNextIsRefused) {
  world_.join("eu");
  world_.silent = {"eu"};
  world_.apply(app());
  auto other = app("", "[]", "reg/y@" + kTwo);
  other.replace(other.find("shop"), 4, "cart");
  other.insert(other.find("containers"), "resources: {cache: {type: redis, id: cache}}, ");
  world_.apply(other);
  world_.settle();
  auto refused = app();
  refused.insert(refused.find("containers"),
                 "resources: {cache: {type: redis, id: cache, params: {memory: 1M}}}, ");
  world_.apply(refused);
  world_.settle();
  EXPECT_EQ(world_.state("shop.default"), "Blocked 0");
  world_.silent.clear();
  world_.settle();
  EXPECT_EQ(runs("eu"), kTag + "@" + kOne);
  EXPECT_EQ(world_.at<v1::Resource>("eu.default.shop.workload.web").status().state(), "Ready");
  EXPECT_EQ(world_.at<v1::Release>("shop.1").spec().images(0).image(), kTag + "@" + kOne);
}

// An agent of before, or a provider without digests: nobody waits for it.
TEST_F(Images, WhoKnowsNoDigestsRunsAtOnce) {
  world_.tags.clear();
  world_.join("eu");
  world_.join("us");
  world_.apply(app());
  world_.settle();
  EXPECT_EQ(world_.state("shop.default"), "Ready 1");
  EXPECT_EQ(runs("us"), kTag);
}

struct RepushCase {
  std::string name, repushed;
  bool moved;
  std::string answer, runs;
  std::uint32_t latest;
};
class Repushed : public Images, public testing::WithParamInterface<RepushCase> {};
TEST_P(Repushed, AnUnchangedFileIsAppliedAgain) {
  const auto& c = GetParam();
  world_.join("eu");
  world_.apply(environment("default", c.repushed.empty() ? "" : "images: {repushed: " + c.repushed + "}"));
  world_.apply(app());
  world_.settle();
  if (c.moved) world_.tags[kTag] = kTwo;
  const auto answers = world_.apply(app());
  ASSERT_EQ(answers.releases_size(), 1);
  EXPECT_EQ(answers.releases(0).state(), c.answer);
  world_.settle();
  EXPECT_EQ(runs("eu"), kTag + "@" + c.runs);
  EXPECT_EQ(latest(), c.latest);
  EXPECT_EQ(world_.state("shop.default"), fmt::format("Ready {}", c.latest));
  if (c.latest == 1) return;
  EXPECT_EQ(world_.at<v1::Release>("shop.2").spec().cause_detail(), "generation 1; tags looked up again");
  if (c.moved) {
    const auto events = controllers::events_of(**world_.store.snapshot(), "Deployment", "shop.default");
    ASSERT_TRUE(events);
    EXPECT_TRUE(std::ranges::any_of(*events, [](const v1::Event& event) {
      return event.spec().reason() == "ImageResolved" &&
             event.spec().message().contains("pushed again, it was " + kOne);
    }));
    // And back to what was.
    const auto answer = back();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->releases(0).content_of(), 1u);
    world_.settle();
    EXPECT_EQ(runs("eu"), kTag + "@" + kOne);
    EXPECT_EQ(world_.state("shop.default"), "Ready 3");
  }
}
INSTANTIATE_TEST_SUITE_P(Table, Repushed,
                         testing::Values(RepushCase{"ByDefault", "", true, "Unchanged", kOne, 1},
                                         RepushCase{"Ignored", "ignore", true, "Unchanged", kOne, 1},
                                         RepushCase{"Released", "release", true, "RollingOut", kTwo, 2},
                                         RepushCase{"SameContent", "release", false, "RollingOut", kOne, 2}),
                         [](const auto& info) { return info.param.name; });

TEST_F(Images, ARepushAloneMovesNoEnvironmentThatIgnoresIt) {
  world_.join("lab", {{"tier", "dev"}});
  world_.join("eu", {{"tier", "prod"}});
  world_.apply(environment("dev", "regions: {selector: tier=dev}, images: {repushed: release}"));
  world_.apply(environment("prod", "regions: {selector: tier=prod}"));
  world_.apply(app("", "[dev, prod]"));
  world_.settle();
  world_.tags[kTag] = kTwo;
  world_.apply(app("", "[dev, prod]"));
  world_.settle();
  EXPECT_EQ(world_.state("shop.dev"), "Ready 2");
  EXPECT_EQ(world_.state("shop.prod"), "Ready 1");
  EXPECT_EQ(runs("lab", "dev"), kTag + "@" + kTwo);
  EXPECT_EQ(runs("eu", "prod"), kTag + "@" + kOne);
}

TEST_F(Images, TheSettingIsChecked) {
  EXPECT_THAT(world_.refusal(environment("dev", "images: {repushed: maybe}")),
              HasSubstr("spec.images.repushed"));
}

TEST_F(Images, AProfileOfTheSameMomentIsNotMissed) {
  // A digest and a readiness are noted on the release; what is newer than the release stays newer.
  world_.join("eu");
  world_.silent = {"eu"};
  world_.apply(app());
  world_.settle();
  auto profile = world_.at<v1::Profile>("workload-container");
  (*profile.mutable_spec()->mutable_template_()->mutable_fields())["drain"].set_string_value("7s");
  std::vector<model::Object> objects;
  objects.push_back(std::make_unique<v1::Profile>(profile));
  ASSERT_TRUE(frontend::apply(world_.context(), world_.caller, objects));
  const auto noted = world_.store.transact([&](Txn& txn) -> Result<> {
    auto release = *TRY(objects::get<v1::Release>(txn, "shop.1"));
    release.mutable_status()->add_ready_in("elsewhere");
    TRY(objects::put_status(txn, release));
    return {};
  });
  ASSERT_TRUE(noted);
  world_.silent.clear();
  world_.settle();
  EXPECT_EQ(world_.state("shop.default"), "Ready 2");
  EXPECT_EQ(world_.at<v1::Release>("shop.2").spec().cause(), "profile");
}

TEST_F(Images, ARollbackGoesToWhatWasEverReady) {
  world_.join("eu");
  const auto version = [](int number) {
    return app("", "[]", fmt::format("reg/x@sha256:{}", std::string(64, static_cast<char>('0' + number))));
  };
  world_.apply(version(1));
  world_.settle();
  world_.broken = {{"workload.web", {"Exited", "ends"}}};
  world_.apply(version(2));
  world_.settle();
  world_.apply(version(3));
  world_.settle();
  EXPECT_EQ(world_.state("shop.default"), "Stalled 1");

  const auto refused = back(2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_EQ(refused.error().message,
            "release 2 of application shop was never ready in default; the newest release that was is 1; "
            "--force goes to it all the same");
  world_.broken.clear();
  const auto answers = back();
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_EQ(answers->releases(0).release(), 4u);
  EXPECT_EQ(answers->releases(0).content_of(), 1u);
  world_.settle();
  EXPECT_EQ(world_.state("shop.default"), "Ready 4");
  EXPECT_EQ(runs("eu"), "reg/x@sha256:" + std::string(64, '1'));
  EXPECT_TRUE(back(2, true));
  world_.settle();
  EXPECT_EQ(world_.state("shop.default"), "Ready 5");
  EXPECT_EQ(runs("eu"), "reg/x@sha256:" + std::string(64, '2'));
}

TEST_F(Images, NothingToGoBackToIsSaid) {
  world_.join("eu");
  world_.broken = {{"workload.web", {"Exited", "ends"}}};
  world_.apply(app("", "[]", "reg/x@sha256:" + std::string(64, '1')));
  world_.settle();
  world_.apply(app("", "[]", "reg/x@sha256:" + std::string(64, '2')));
  world_.settle();
  const auto refused = back();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("nothing to go back to"));
}

// A hub of before noted nothing: its releases are as good as ever.
TEST_F(Images, AReleaseOfAnOlderHubCanBeGoneBackTo) {
  world_.join("eu");
  world_.broken = {{"workload.web", {"Exited", "ends"}}};
  world_.tags.clear();
  world_.apply(app());
  world_.settle();
  world_.tags = {{kTag, kOne}};
  const auto older = world_.store.transact([&](Txn& txn) -> Result<> {
    auto release = *TRY(objects::get<v1::Release>(txn, "shop.1"));
    release.clear_status();
    release.mutable_spec()->clear_images();
    const Random one = [] { return std::uint64_t{1}; };
    TRY(objects::put(txn, release, {world_.clock.wall(), one}));
    return {};
  });
  ASSERT_TRUE(older) << older.error().message;
  world_.apply(app("", "[]", "reg/x@sha256:" + std::string(64, '2')));
  world_.settle();
  const auto answers = back();
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_EQ(answers->releases(0).content_of(), 1u);
  world_.settle();
  EXPECT_EQ(runs("eu"), kTag + "@" + kOne);
}

TEST_F(Images, PlanEqualsApplyWithTags) {
  world_.join("eu");
  world_.join("us");
  const auto planned = [&](const std::string& yaml) {
    const auto objects = model::decode(yaml);
    world_.expect_planned(frontend::plan_apply(world_.caller, *objects, {}), [&] { world_.apply(yaml); });
  };
  planned(app());
  planned(app());
  planned(app(", replicas: 2"));
  world_.tags["reg/x:v2"] = kTwo;
  planned(app(", replicas: 2", "[]", "reg/x:v2"));
  v1::RollbackRequest request;
  request.set_application("shop");
  world_.expect_planned(frontend::plan_rollback(world_.caller, request), [&] { ASSERT_TRUE(back()); });
}

}  // namespace
}  // namespace qleet::hub::tests
