// What stays because somebody needs it, and what goes when nobody does.
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
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

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
  EXPECT_EQ(why->askers(0).label(), "postgres api.db of one");
  EXPECT_EQ(why->askers(1).label(), "postgres api.db of two");
  EXPECT_EQ(why->askers(0).because(0).label(), "one/api");
  EXPECT_EQ(why->askers(0).because(0).asks_as(), "resources.db");
  const auto tree = frontend::tree(world.context(), "one");
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->places_size(), 1);
  EXPECT_EQ(tree->places(0).roots(0).state(), "Ready");
  world.erase("app", "one", {.delete_data = true});
  for (int i = 0; i < 4; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), Contains(server));
  EXPECT_THAT(world.resources(), Not(Contains("lab.default.one.postgres.api.db")));
  world.erase("app", "two", {.delete_data = true});
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
              ElementsAre("lab.-.-.container-host.default", "lab.default.shop.volume.web.data"));
  EXPECT_EQ(frontend::why(world.context(), "volume/web.data")->message().substr(0, 27),
            "nobody asks for it since 20");
  EXPECT_EQ(world.erase("resource", "lab.-.-.container-host.default"),
            "resource lab.-.-.container-host.default is needed by volume \"web.data\" as \"runtime\"");
  EXPECT_EQ(world.erase("resource", "lab.default.shop.volume.web.data"), "");
  for (int i = 0; i < 3; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), IsEmpty());
}

TEST(Flow, WhatIsAskedForAgainInTimeIsRevived) {
  World world;
  world.join("lab");
  world.apply(shop("[]"));
  world.settle();
  const auto before = world.get<v1::Resource>("lab.default.shop.postgres.web.db");
  world.apply(shop("[]", "{}", "{}"));
  world.settle();
  EXPECT_TRUE(world.at<v1::Resource>("lab.default.shop.postgres.web.db").status().has_unused_since());
  world.pass(minutes(5));
  world.apply(shop("[]"));
  world.settle();
  const auto after = world.get<v1::Resource>("lab.default.shop.postgres.web.db");
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
  const auto dead = world.get<v1::Resource>("lab.default.shop.postgres.web.db");
  ASSERT_TRUE(dead->spec().deleted());
  world.apply(shop("[]"));
  world.silent.clear();
  world.settle();
  const auto alive = world.get<v1::Resource>("lab.default.shop.postgres.web.db");
  EXPECT_FALSE(alive->spec().deleted());
  EXPECT_GT(alive->metadata().generation(), dead->metadata().generation());
  EXPECT_EQ(alive->metadata().uid(), dead->metadata().uid());
}

// Between the answer to an apply and the reconciliation that follows, its edges say nothing yet of what it
// asks for.
TEST(Flow, WhatIsAskedForAgainIsNotRemovedBeforeThatIsWorkedOut) {
  World world;
  world.join("eu", {{"tier", "dev"}, {"provider", "container"}});
  world.apply(kEnvironments);
  world.apply(shop("[dev]"));
  world.settle();
  const std::string db = "eu.dev.shop.postgres.web.db";
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
