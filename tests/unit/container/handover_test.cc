// Who serves a host and path while routes come, go and change places.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "providers/route/handover.h"

namespace qleet::route {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Of application shop, ready and serving.
Standing standing(const std::string& backend, const std::string& host, std::uint64_t order = 0) {
  return {.backend = backend,
          .resource = "r.dev.shop.route." + backend,
          .application = "dev/shop",
          .host = host,
          .path = "/",
          .serves = true,
          .alive = true,
          .order = order};
}
Standing waiting(Standing one) {
  one.serves = false;
  return one;
}
Standing dead(Standing one) {
  one.alive = false;
  return one;
}
Standing of(Standing one, const std::string& application) {
  one.application = "dev/" + application;
  return one;
}
Standing departing(Standing one, Millis since = Millis(0)) {
  one.departing = true;
  one.outgoing = since;
  return one;
}
Standing leaving(Standing one, Millis since = Millis(0)) {
  one.leaving = true;
  one.outgoing = since;
  return one;
}

struct Case {
  std::string name;
  std::vector<Standing> all;
  std::set<std::string> serving;
  std::set<std::string> released;
  std::optional<Millis> again;
};

class Handovers : public ::testing::TestWithParam<Case> {};

TEST_P(Handovers, AreDecided) {
  const auto out = arrange(GetParam().all);
  EXPECT_EQ(out.serving, GetParam().serving);
  EXPECT_EQ(out.released, GetParam().released);
  EXPECT_EQ(out.again, GetParam().again);
  // In whatever order they are read.
  auto turned = GetParam().all;
  std::ranges::reverse(turned);
  EXPECT_EQ(arrange(turned).serving, out.serving);
}

const auto kOld = standing("old", "a");
const auto kNew = waiting(standing("new", "a", 1));

INSTANTIATE_TEST_SUITE_P(
    Table, Handovers,
    ::testing::Values(
        Case{"NobodyElse", {kOld}, {"old"}, {}, {}},
        Case{"AFreeHostIsServedAtOnce", {dead(kNew)}, {"new"}, {}, {}},
        Case{"OfTwoWhoAskForAFreeOneTheFirst", {kNew, waiting(standing("first", "a"))}, {"first"}, {}, {}},
        Case{"WhoHasItKeepsIt", {kOld, of(kNew, "other")}, {"old"}, {}, {}},
        Case{"AlsoWhereItsWorkloadIsNotReady", {dead(kOld), of(kNew, "other")}, {"old"}, {}, {}},
        Case{"ARenamedWorkloadServesUntilTheNewOneIsReady",
             {leaving(kOld, kLinger * 9), dead(kNew)},
             {"old"},
             {},
             {}},
        Case{"ThenTheNewOneDoes", {leaving(kOld), kNew}, {"new"}, {"old"}, {}},
        Case{"WhereNothingIsThereToServeTheNewOneDoesAtOnce",
             {dead(leaving(kOld)), dead(kNew)},
             {"new"},
             {"old"},
             {}},
        Case{
            "WithoutASuccessorItWaitsForOneAWhile", {leaving(kOld, Millis(500))}, {"old"}, {}, Millis(1'500)},
        Case{"AndThenMayGo", {leaving(kOld, kLinger)}, {"old"}, {"old"}, {}},
        Case{"WithNothingToServeAtOnce", {dead(leaving(kOld))}, {"old"}, {"old"}, {}},
        Case{"OfTwoThatLeaveTheFirstGoesOn", {leaving(kOld), leaving(kNew)}, {"old"}, {"new"}, kLinger},
        Case{"ARouteThatNobodyAsksForLingers", {departing(kOld, Millis(500))}, {"old"}, {}, Millis(1'500)},
        Case{"AndIsGone", {departing(kOld, kLinger)}, {}, {}, {}},
        Case{"AnotherApplicationTakesOverLater",
             {departing(kOld, Millis(500)), of(kNew, "other")},
             {"old"},
             {},
             Millis(1'500)},
        Case{"ButDoes", {departing(kOld, kLinger), of(kNew, "other")}, {"new"}, {}, {}},
        Case{"OnesOwnComesBeforeAnotherThatAskedEarlier",
             {departing(kOld, kLinger), of(waiting(standing("other", "a", 1)), "other"),
              waiting(standing("own", "a", 2))},
             {"own"},
             {},
             {}},
        Case{"ARolledBackRenameGoesBack",
             {leaving(standing("new", "a", 1)), waiting(standing("old", "a"))},
             {"old"},
             {"new"},
             {}},
        Case{"AMoveToAFreeHostServesBothForAWhile",
             {departing(kOld),
              [] {
                auto moved = waiting(standing("moved", "b", 1));
                moved.resource = kOld.resource;
                return moved;
              }()},
             {"old", "moved"},
             {},
             kLinger}),
    [](const auto& info) { return info.param.name; });

// Blue and green exchange hosts a and b.
std::vector<Standing> exchange(Millis blue_since, Millis green_since, bool green_ready = true) {
  auto blue = of(departing(standing("blue", "a"), blue_since), "blue");
  auto green = of(departing(standing("green", "b"), green_since), "green");
  auto blue_next = of(waiting(standing("blue-next", "b", 2)), "blue");
  auto green_next = of(waiting(standing("green-next", "a", 1)), "green");
  green_next.alive = green_ready;
  blue_next.resource = blue.resource;
  green_next.resource = green.resource;
  return {blue, green, blue_next, green_next};
}

TEST(Handover, AnExchangeIsOneStep) {
  EXPECT_THAT(arrange(exchange(kLinger, Millis(0))).serving, UnorderedElementsAre("blue", "green"));
  EXPECT_EQ(arrange(exchange(kLinger, Millis(0))).again, kLinger);
  EXPECT_THAT(arrange(exchange(kLinger, kLinger, false)).serving, UnorderedElementsAre("blue", "green"));
  EXPECT_THAT(arrange(exchange(kLinger, kLinger)).serving, UnorderedElementsAre("blue-next", "green-next"));
}

TEST(Handover, HalfOfAnExchangeWaitsForTheOtherHalf) {
  auto all = exchange(kLinger, kLinger);
  all[1].departing = false;  // green keeps b: its release waits for approval
  all.erase(all.begin() + 3);
  EXPECT_THAT(arrange(all).serving, ElementsAre("green"));  // nobody asks for a any more
}

TEST(Handover, AnApplicationIsPartOfAResourcesName) {
  EXPECT_EQ(application_of("r.dev.shop.route.web-url"), "dev/shop");
  EXPECT_EQ(application_of("r.dev.shop.route.with.dots"), "dev/shop");
  EXPECT_THAT(application_of("nothing"), IsEmpty());
}

// Whatever stands, and however it changes: at most one serves each host and path, what is served by a live
// route goes on being served unless nobody wants it, and nobody is put out who has not given it up.
TEST(Handover, HoldsForEverything) {
  std::uint64_t state = 88172645463325252ULL;
  const auto below = [&](std::uint64_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
  };
  for (int turn = 0; turn < 20'000; ++turn) {
    std::vector<Standing> all;
    std::set<std::string> held;
    for (std::uint64_t i = 0, n = 1 + below(6); i < n; ++i) {
      auto one = of(standing(fmt::format("b{}", i), fmt::format("h{}", below(3)), i),
                    fmt::format("app{}", below(2)));
      one.resource = fmt::format("r.dev.app.route.r{}", below(3));
      one.serves = held.insert(one.host).second || false;
      one.alive = below(3) > 0;
      one.departing = one.serves && below(2) == 0;
      one.leaving = below(4) == 0;
      one.outgoing = Millis(below(4) * 1'000);
      all.push_back(one);
    }
    const auto out = arrange(all);
    std::map<std::string, int> per_host;
    for (const auto& one : all) {
      if (out.serving.contains(one.backend)) ++per_host[one.host];
      const bool put_out = one.serves && !out.serving.contains(one.backend);
      if (!put_out) continue;
      EXPECT_TRUE(one.departing || one.leaving) << turn;
      if (!one.alive) continue;
      const bool followed = std::ranges::any_of(all, [&](const Standing& next) {
        return next.host == one.host && next.alive && out.serving.contains(next.backend);
      });
      const bool wanted = std::ranges::any_of(all, [&](const Standing& next) {
        return next.host == one.host && !next.departing && !next.leaving && next.backend != one.backend;
      });
      EXPECT_TRUE(followed || (!wanted && one.outgoing >= kLinger)) << turn;
    }
    for (const auto& [host, count] : per_host) EXPECT_EQ(count, 1) << turn << " " << host;
    // It comes to rest: nobody takes turns.
    auto serving = out.serving;
    bool rests = false;
    for (int round = 0; round < 4 && !rests; ++round) {
      for (auto& one : all) one.serves = serving.contains(one.backend);
      std::erase_if(all, [](const Standing& one) { return one.departing && !one.serves; });
      auto again = arrange(all).serving;
      rests = again == serving;
      serving = std::move(again);
    }
    EXPECT_TRUE(rests) << turn;
  }
}

}  // namespace
}  // namespace qleet::route
