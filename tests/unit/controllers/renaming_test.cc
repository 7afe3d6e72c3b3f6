// Names through the whole hub: a declared rename takes data along, and back; what is shared is said.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

std::string app(const std::string& workloads) {
  return fmt::format(
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {{name: shop}}\nspec: {{workloads: {{{}}}}}\n",
      workloads);
}

std::string workload(const std::string& name, const std::string& resources, const std::string& more = "") {
  return fmt::format("{}: {{score: {{containers: {{main: {{image: i}}}}, resources: {{{}}}}}{}}}", name,
                     resources, more);
}

const std::string kData = "db: {type: postgres}, uploads: {type: volume}";

std::vector<std::string> data_of(World& world) {
  std::vector<std::string> found;
  for (const auto& name : world.resources())
    if (name.find(".volume.") != std::string::npos || name.find(".postgres.") != std::string::npos)
      found.push_back(name);
  return found;
}

std::string text_of(World& world, const std::string& yaml) {
  const auto planned =
      frontend::plan(world.context(), frontend::plan_apply(world.caller, *model::decode(yaml), {}));
  return planned ? planned->text() : planned.error().message;
}

void expect_planned(World& world, const std::string& yaml) {
  world.expect_planned(frontend::plan_apply(world.caller, *model::decode(yaml), {}),
                       [&] { world.apply(yaml); });
}

TEST(Renaming, TakesDataAlongAndBack) {
  World world;
  world.join("lab");
  world.apply(app(workload("web", kData)));
  world.settle();
  const auto before = data_of(world);
  ASSERT_THAT(before,
              UnorderedElementsAre("lab.default.shop.postgres.web.db", "lab.default.shop.volume.web.uploads",
                                   "lab.default.shop.volume.postgres.web.db.data"));
  const auto generation = world.at<v1::Resource>(before[0]).metadata().generation();

  EXPECT_THAT(text_of(world, app(workload("api", kData, ", renamedFrom: web"))),
              HasSubstr("takes over postgres web.db, takes over volume web.uploads"));
  expect_planned(world, app(workload("api", kData, ", renamedFrom: web")));
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 2");
  EXPECT_EQ(data_of(world), before);
  EXPECT_EQ(world.at<v1::Resource>(before[0]).metadata().generation(), generation);
  for (const auto& name : before) EXPECT_FALSE(world.at<v1::Resource>(name).status().has_unused_since());

  // The declaration may go; a second rename follows.
  world.apply(app(workload("api", kData)));
  world.settle();
  EXPECT_EQ(data_of(world), before);
  expect_planned(world, app(workload("backend", kData, ", renamedFrom: api")));
  world.settle();
  EXPECT_EQ(data_of(world), before);

  // Back to the first release, in which it is web.
  v1::RollbackRequest back;
  back.set_application("shop");
  back.set_to_release(1);
  world.expect_planned(frontend::plan_rollback(world.caller, back),
                       [&] { ASSERT_TRUE(frontend::rollback(world.context(), world.caller, back)); });
  world.settle();
  EXPECT_THAT(world.resources(), Contains("lab.default.shop.workload.web"));
  EXPECT_EQ(data_of(world), before);
  world.pass(std::chrono::hours(2));
  EXPECT_EQ(data_of(world), before);
}

TEST(Renaming, AWorkloadThatComesLaterUnderTheOldNameDoesNotGetTheData) {
  World world;
  world.join("lab");
  world.apply(app(workload("web", kData)));
  world.settle();
  world.apply(app(workload("api", kData, ", renamedFrom: web")));
  world.settle();
  const auto before = data_of(world);
  EXPECT_THAT(
      world.refusal(app(workload("api", kData) + ", " + workload("web", "uploads: {type: volume}"))),
      HasSubstr("volume \"web.uploads\" belongs to workload api as \"uploads\", which took it over from a "
                "workload of another name (renamedFrom); workload web as \"uploads\" would get it too: give "
                "that one an id of its own"));
  world.apply(app(workload("api", kData) + ", " + workload("web", "uploads: {type: volume, id: more}")));
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 3");
  auto after = data_of(world);
  EXPECT_EQ(std::erase(after, "lab.default.shop.volume.more"), 1U);
  EXPECT_EQ(after, before);
}

// It has data of its own by then: the apply says that this is left, as its plan does.
TEST(Renaming, ThatIsDeclaredLaterSaysWhatItLeaves) {
  World world;
  world.join("lab");
  world.apply(app(workload("old", "uploads: {type: volume}")));
  world.settle();
  world.apply(app(workload("web", "uploads: {type: volume}")));
  world.settle();
  const auto declared = app(workload("web", "uploads: {type: volume}", ", renamedFrom: old"));
  const auto planned =
      frontend::plan(world.context(), frontend::plan_apply(world.caller, *model::decode(declared), {}));
  ASSERT_TRUE(planned) << planned.error().message;
  const auto applied = world.apply(declared);
  ASSERT_EQ(applied.data_size(), 1);
  EXPECT_EQ(applied.data(0).resource(), "lab.default.shop.volume.web.uploads");
  EXPECT_EQ(applied.data(0).fate(), "Kept");
  ASSERT_EQ(planned->data_size(), 1);
  EXPECT_EQ(planned->data(0).message(), applied.data(0).message());
}

TEST(Renaming, NothingOfItIsLeftWhenTheDataIsGone) {
  World world;
  world.join("lab");
  world.apply(app(workload("web", kData + ", cache: {type: redis, id: one}")));
  world.settle();
  world.apply(app(workload("api", kData, ", renamedFrom: web")));
  world.settle();
  world.erase("app", "shop");
  for (int i = 0; i < 5; ++i) world.pass(std::chrono::minutes(11));
  for (const auto& name : data_of(world)) world.erase("resource", name);
  for (int i = 0; i < 5; ++i) world.pass(std::chrono::minutes(11));
  const auto reader = world.store.snapshot().value();
  for (const auto* prefix : {"x/taken/", "x/takers/", "x/by-id/"})
    EXPECT_THAT(reader->scan({.prefix = prefix}).value(), IsEmpty()) << prefix;
}

TEST(Sharing, OnlyWhatBothAskForById) {
  World world;
  world.join("lab");
  const auto redis = [](const std::string& name, const std::string& id) {
    return fmt::format(
        "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {{name: {}}}\nspec: {{workloads: {{{}}}}}\n",
        name, workload("web", "cache: {type: redis" + id + "}"));
  };
  world.apply(redis("one", ""));
  world.apply(redis("two", ""));
  world.settle();
  EXPECT_THAT(world.resources(), Contains("lab.default.one.redis.web.cache"));
  EXPECT_THAT(world.resources(), Contains("lab.default.two.redis.web.cache"));
  EXPECT_THAT(world.resources(), Not(Contains("lab.default.-.redis.default")));
  world.apply(redis("one", ", id: sessions"));
  world.settle();
  EXPECT_THAT(text_of(world, redis("two", ", id: sessions")),
              HasSubstr("shares redis sessions with one/web"));
  world.apply(redis("two", ", id: sessions"));
  world.settle();
  EXPECT_THAT(world.resources(), Contains("lab.default.-.redis.sessions"));
  EXPECT_EQ(world.state("two.default"), "Ready 2");
}

}  // namespace
}  // namespace qleet::hub::tests
