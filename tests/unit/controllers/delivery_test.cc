#include "hub/controllers/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/controllers/times.h"
#include "tests/unit/controllers/protos.h"

namespace qleet::hub::controllers {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr WallTime kNow{Millis(10'000'000)};

v1::ApplicationSpec shop(const std::string& builds = R"({"image":"reg/shop/web","tags":"main-*"})") {
  return tests::from_json<v1::ApplicationSpec>(
      R"({"workloads":{"web":{"score":{"containers":{"web":{"image":"reg/shop/web"}}},"builds":)" + builds +
      "}}}");
}

NamedBuild build(const std::string& tag, const std::string& digest,
                 const std::string& image = "reg/shop/web") {
  NamedBuild build;
  build.name = "b-" + tag;
  build.spec.set_image(image);
  build.spec.set_tag(tag);
  build.spec.set_digest("sha256:" + digest);
  build.spec.set_revision("r-" + tag);
  return build;
}

TEST(Delivery, EnvironmentsAreDefaultSortedAndOnce) {
  v1::ApplicationSpec spec;
  EXPECT_THAT(environments_of(spec), ElementsAre("default"));
  for (const auto* name : {"prod", "dev", "prod"}) spec.add_environments(name);
  EXPECT_THAT(environments_of(spec), ElementsAre("dev", "prod"));
}

struct FollowCase {
  std::string name, builds, image, tag;
  bool follows;
};
class Following : public testing::TestWithParam<FollowCase> {};
TEST_P(Following, Matches) {
  const auto& c = GetParam();
  EXPECT_EQ(follows(shop(c.builds).workloads().at("web"), build(c.tag, "1", c.image).spec), c.follows);
}
INSTANTIATE_TEST_SUITE_P(
    Table, Following,
    testing::Values(
        FollowCase{"Same", R"({"image":"r/a","tags":"main-*"})", "r/a", "main-1", true},
        FollowCase{"OtherRepository", R"({"image":"r/a","tags":"main-*"})", "r/b", "main-1", false},
        FollowCase{"OtherTag", R"({"image":"r/a","tags":"main-*"})", "r/a", "dev-1", false},
        FollowCase{"EveryTag", R"({"image":"r/a"})", "r/a", "whatever", true},
        FollowCase{"TheSameImageInShort", R"({"image":"docker.io/library/nginx"})", "nginx", "1", true},
        FollowCase{"TheSameImageInFull", R"({"image":"nginx"})", "index.docker.io/nginx", "1", true},
        FollowCase{"TheSameHostInCapitals", R"({"image":"reg.example/a"})", "Reg.example/a", "1", true},
        FollowCase{"AnotherRegistry", R"({"image":"nginx"})", "quay.io/library/nginx", "1", false},
        FollowCase{"FollowsNothing", "null", "r/a", "main-1", false}),
    [](const auto& info) { return info.param.name; });

TEST(Delivery, PinsTheNewestBuildThatItFollows) {
  const auto pins =
      pin_images("shop", shop(), {}, {build("main-1", "a"), build("main-2", "b"), build("dev-3", "c")});
  ASSERT_EQ(pins.size(), 1u);
  EXPECT_EQ(pins[0].image(), "reg/shop/web:main-2@sha256:b");
  EXPECT_EQ(pins[0].container(), "web");
  EXPECT_EQ(pins[0].revision(), "r-main-2");
  EXPECT_EQ(with_images(shop(), pins).workloads().at("web").score().containers().at("web").image(),
            "reg/shop/web:main-2@sha256:b");
}

TEST(Delivery, KeepsItsPinWhereNothingNewerCame) {
  const auto first = pin_images("shop", shop(), {}, {build("main-1", "a")});
  EXPECT_EQ(pin_images("shop", shop(), first, {})[0].image(), "reg/shop/web:main-1@sha256:a");
  EXPECT_THAT(pin_images("shop", shop(R"({"image":"reg/shop/web","tags":"v*"})"), first, {}), IsEmpty());
  EXPECT_THAT(pin_images("shop", shop(R"({"image":"reg/other"})"), first, {}), IsEmpty());
  EXPECT_THAT(pin_images("shop", shop("null"), first, {}), IsEmpty());
}

TEST(Delivery, TheSameDigestUnderAnotherTagIsNoChange) {
  const auto first = pin_images("shop", shop(), {}, {build("main-1", "a")});
  const auto again = pin_images("shop", shop(), first, {build("main-2", "a")});
  EXPECT_EQ(again[0].image(), first[0].image());
  EXPECT_EQ(again[0].build(), first[0].build());
}

NamedBuild numbered(const std::string& tag, const std::string& digest, std::uint64_t number, int at_s = 0) {
  auto one = build(tag, digest);
  one.spec.set_number(number);
  if (at_s != 0) one.spec.mutable_revision_time()->set_seconds(at_s);
  return one;
}

TEST(Delivery, ALateOlderBuildDoesNotReplaceANewerOne) {
  struct Case {
    std::string name;
    NamedBuild before, then;
    std::string wanted;
  };
  for (const auto& c : {
           Case{"BySmallerNumber", numbered("main-3", "c", 3), numbered("main-2", "b", 2), "main-3"},
           Case{"ByNumber", numbered("main-2", "b", 2), numbered("main-3", "c", 3), "main-3"},
           Case{"TheSameNumber", numbered("main-3", "c", 3), numbered("main-x", "d", 3), "main-x"},
           Case{"ByTime", numbered("main-3", "c", 0, 300), numbered("main-2", "b", 0, 200), "main-3"},
           Case{"TheNumberGoesFirst", numbered("main-3", "c", 3, 200), numbered("main-2", "b", 2, 300),
                "main-3"},
           Case{"OneWithoutOrder", numbered("main-3", "c", 3), build("main-2", "b"), "main-2"},
           Case{"NumberAgainstTime", numbered("main-3", "c", 3), numbered("main-2", "b", 0, 200), "main-2"},
           Case{"NoOrder", build("main-3", "c"), build("main-2", "b"), "main-2"},
       }) {
    const auto first = pin_images("shop", shop(), {}, {c.before});
    const auto next = pin_images("shop", shop(), first, {c.then});
    EXPECT_THAT(next.at(0).image(), testing::HasSubstr(c.wanted + "@")) << c.name;
    // The same of builds that are remembered.
    EXPECT_THAT(pin_images("shop", shop(), {}, {c.before, c.then}).at(0).image(),
                testing::HasSubstr(c.wanted + "@"))
        << c.name;
  }
  const auto pin = pin_images("shop", shop(), {}, {numbered("main-3", "c", 3, 300)}).at(0);
  EXPECT_EQ(pin.number(), 3u);
  EXPECT_EQ(pin.revision_time().seconds(), 300);
}

TEST(Delivery, ABuildForOneApplicationIsNoOthers) {
  auto for_cart = build("main-1", "a");
  for_cart.spec.set_application("cart");
  EXPECT_THAT(pin_images("shop", shop(), {}, {for_cart}), IsEmpty());
  EXPECT_EQ(pin_images("cart", shop(), {}, {for_cart}).size(), 1u);
}

TEST(Delivery, ContentIsDefinitionAndProfilesButNotEnvironments) {
  v1::ReleaseSpec a;
  *a.mutable_definition() = shop();
  auto b = a;
  b.mutable_definition()->add_environments("prod");
  EXPECT_TRUE(same_content(a, b));
  auto* pin = b.add_profiles();
  pin->set_environment("prod");
  pin->set_name("p");
  pin->set_generation(2);
  EXPECT_FALSE(same_content(a, b));
  EXPECT_TRUE(same_in("dev", a, b));
  EXPECT_FALSE(same_in("prod", a, b));
}

struct OfferCase {
  std::string name, now, policy;
  bool affects;
  std::string expected, state;
  bool asked = false;
};
class Offering : public testing::TestWithParam<OfferCase> {};
TEST_P(Offering, Decides) {
  const auto& c = GetParam();
  const auto result = offer(tests::from_json<v1::DeploymentSpec>(c.now),
                            tests::from_json<v1::BuildPolicy>(c.policy), 5, c.affects, c.asked);
  EXPECT_EQ(tests::as_json(result.spec), c.expected);
  EXPECT_EQ(result.state, c.state);
}
INSTANTIATE_TEST_SUITE_P(
    Table, Offering,
    testing::Values(
        OfferCase{"Auto", R"({"release":4})", "{}", true, R"({"release":5})", "RollingOut"},
        OfferCase{"AutoByName", "{}", R"({"by":"auto"})", true, R"({"release":5})", "RollingOut"},
        OfferCase{"AutoTakesBackADelete", R"({"release":4,"deleted":true})", "{}", true, R"({"release":5})",
                  "RollingOut"},
        OfferCase{"Approval", R"({"release":4})", R"({"by":"approval"})", true,
                  R"({"release":4,"candidate":5,"candidateWaits":"approval"})", "AwaitingApproval"},
        OfferCase{"ANewerCandidateReplaces", R"({"release":3,"candidate":4,"candidateWaits":"approval"})",
                  R"({"by":"approval"})", true, R"({"release":3,"candidate":5,"candidateWaits":"approval"})",
                  "AwaitingApproval"},
        OfferCase{"After", R"({"release":4})", R"({"after":{"environment":"dev","healthyFor":"30m"}})", true,
                  R"({"release":4,"candidate":5,"candidateWaits":"environment"})", "AwaitingEnvironment"},
        OfferCase{"Unaffected", R"({"release":4})", R"({"by":"approval"})", false, R"({"release":4})",
                  "Unchanged"},
        OfferCase{"ANewOneEndsAReturn", R"({"release":3,"returnedFrom":4})", "{}", true, R"({"release":5})",
                  "RollingOut"},
        OfferCase{"ACandidateEndsAReturn", R"({"release":3,"returnedFrom":4})", R"({"by":"approval"})", true,
                  R"({"release":3,"candidate":5,"candidateWaits":"approval"})", "AwaitingApproval"},
        OfferCase{"WhatRunsEndsAReturn", R"({"release":3,"returnedFrom":4})", "{}", false, R"({"release":3})",
                  "Unchanged"},
        OfferCase{"RolledBackHolds", R"({"release":4,"rolledBack":true})", "{}", true,
                  R"({"release":4,"candidate":5,"candidateWaits":"approval","rolledBack":true})", "HeldBack"},
        OfferCase{"RolledBackHoldsAlsoAfterAnother", R"({"release":4,"rolledBack":true})",
                  R"({"after":{"environment":"dev"}})", true,
                  R"({"release":4,"candidate":5,"candidateWaits":"approval","rolledBack":true})", "HeldBack"},
        OfferCase{"RolledBackWhereApprovalIsNeededAnyway", R"({"release":4,"rolledBack":true})",
                  R"({"by":"approval"})", true,
                  R"({"release":4,"candidate":5,"candidateWaits":"approval","rolledBack":true})",
                  "AwaitingApproval"},
        OfferCase{"AnApplyEndsIt",
                  R"({"release":4,"candidate":5,"candidateWaits":"approval","rolledBack":true})", "{}", true,
                  R"({"release":5})", "RollingOut", true},
        OfferCase{"AnApplyOfWhatRunsEndsIt", R"({"release":4,"rolledBack":true})", "{}", false,
                  R"({"release":4})", "Unchanged", true},
        OfferCase{"BackToWhatRuns", R"({"release":3,"candidate":4,"candidateWaits":"approval"})",
                  R"({"by":"approval"})", false, R"({"release":3})", "Unchanged"}),
    [](const auto& info) { return info.param.name; });

struct CandidateCase {
  std::string name, policy, now, source_spec, source_status;
  int healthy_for_s;  // -1: not healthy
  CandidateFate fate;
  int due_in_s;
  std::string message;
};
class Candidates : public testing::TestWithParam<CandidateCase> {};
TEST_P(Candidates, Decides) {
  const auto& c = GetParam();
  const auto policy = tests::from_json<v1::BuildPolicy>(c.policy);
  auto now = tests::from_json<v1::DeploymentSpec>(c.now);
  now.set_application("shop");
  now.set_environment("prod");
  SourceDeployment source;
  v1::DeploymentSpec spec;
  v1::DeploymentStatus status;
  if (!c.source_spec.empty()) {
    spec = tests::from_json<v1::DeploymentSpec>(c.source_spec);
    status = tests::from_json<v1::DeploymentStatus>(c.source_status);
    if (c.healthy_for_s >= 0)
      *status.mutable_healthy_since() = to_timestamp(kNow - std::chrono::seconds(c.healthy_for_s));
    source = {&spec, &status};
  }
  const auto decision = decide_candidate(now, policy, source, kNow);
  EXPECT_EQ(decision.fate, c.fate);
  EXPECT_EQ(decision.message, c.message);
  if (c.due_in_s >= 0) {
    ASSERT_TRUE(decision.due);
    EXPECT_EQ(*decision.due - kNow, std::chrono::seconds(c.due_in_s));
  } else {
    EXPECT_FALSE(decision.due);
  }
}
constexpr auto kAfterDev = R"({"after":{"environment":"dev","healthyFor":"30m"}})";
constexpr auto kWaits = R"({"candidate":5,"candidateWaits":"environment"})";
INSTANTIATE_TEST_SUITE_P(
    Table, Candidates,
    testing::Values(
        CandidateCase{"None", "{}", "{}", "", "", -1, CandidateFate::kWait, -1, ""},
        CandidateCase{"PolicyBecameAuto", "{}", R"({"candidate":5,"candidateWaits":"approval"})", "", "", -1,
                      CandidateFate::kPromote, -1, ""},
        CandidateCase{"Approval", R"({"by":"approval"})", R"({"candidate":5,"candidateWaits":"approval"})",
                      "", "", -1, CandidateFate::kAskApproval, -1,
                      "waits for approval: qleet approve shop prod --release 5"},
        CandidateCase{"NoSource", kAfterDev, kWaits, "", "", -1, CandidateFate::kWait, -1,
                      "waits for environment dev, which application shop is not in"},
        CandidateCase{"SourceHasItNotYet", kAfterDev, kWaits, R"({"release":4,"candidate":5})",
                      R"({"release":4,"state":"Ready"})", 9999, CandidateFate::kWait, -1,
                      "waits until environment dev runs release 5"},
        CandidateCase{"SourceRollsOut", kAfterDev, kWaits, R"({"release":5})",
                      R"({"release":4,"state":"RollingOut"})", -1, CandidateFate::kWait, -1,
                      "waits until release 5 is ready in environment dev"},
        CandidateCase{"NotLongEnough", kAfterDev, kWaits, R"({"release":5})",
                      R"({"release":5,"state":"Ready"})", 600, CandidateFate::kWait, 1200,
                      "waits until release 5 has been ready in environment dev for 30m"},
        CandidateCase{"LongEnough", kAfterDev, kWaits, R"({"release":5})", R"({"release":5,"state":"Ready"})",
                      1800, CandidateFate::kPromote, -1, ""},
        CandidateCase{"UnchangedThere", kAfterDev, kWaits, R"({"release":3})",
                      R"({"release":3,"state":"Ready"})", 1800, CandidateFate::kPromote, -1, ""},
        CandidateCase{"RolledBackThere", kAfterDev, kWaits, R"({"release":6})",
                      R"({"release":6,"state":"Ready"})", 1800, CandidateFate::kWait, -1,
                      "waits until environment dev runs release 5"},
        CandidateCase{"FailedThere", kAfterDev, kWaits, R"({"release":5})",
                      R"({"release":4,"state":"Failed","failedRelease":5})", -1, CandidateFate::kWait, -1,
                      "waits until release 5 is ready in environment dev"},
        CandidateCase{"ReturnedThere", kAfterDev, kWaits, R"({"release":3,"returnedFrom":5})",
                      R"({"release":3,"state":"Returned"})", -1, CandidateFate::kWait, -1,
                      "waits: release 5 failed in environment dev, which went back to release 3"},
        CandidateCase{"ReturnedThereFromWhatIsInIt", kAfterDev, kWaits, R"({"release":3,"returnedFrom":4})",
                      R"({"release":3,"state":"Ready"})", 9999, CandidateFate::kWait, -1,
                      "waits: release 4 failed in environment dev, which went back to release 3"},
        CandidateCase{"ThenApproval", R"({"by":"approval","after":{"environment":"dev","healthyFor":"30m"}})",
                      kWaits, R"({"release":5})", R"({"release":5,"state":"Ready"})", 1800,
                      CandidateFate::kAskApproval, -1, ""}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace qleet::hub::controllers
