// A store that was written when ids were joined with "-": tests/corpus/names, recorded with the last version
// that did (tests/corpus/names_recorder.cc). Nothing in it is made anew, renamed or deleted.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/log/log.h"
#include "hub/store/lmdb_store.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;

class OldNames : public testing::Test {
 protected:
  OldNames() {
    log::set_level(log::Level::kError);
    fs::create_directory(dir_ / "s");
    fs::copy_file(fs::path(QLEET_SOURCE_DIR) / "tests/corpus/names/data.mdb", dir_ / "s" / "data.mdb");
    store_ = LmdbStore::open(dir_ / "s").value();
    world_ = std::make_unique<World>(*store_, "");
  }

  // Each resource with all that an agent acts upon.
  std::map<std::string, std::string> what_stands() {
    std::map<std::string, std::string> all;
    const auto reader = store_->snapshot().value();
    for (const auto& resource : objects::list<v1::Resource>(*reader).value()) {
      all[resource.metadata().name()] =
          fmt::format("{} {} {} {}", resource.metadata().uid(), resource.metadata().generation(),
                      resource.spec().hash(), resource.spec().deleted());
    }
    return all;
  }
  // The same application as one document, as it stands in the store, changed in what makes a new release.
  v1::Application changed(const std::string& name) {
    auto app = world_->at<v1::Application>(name);
    for (auto& [workload, definition] : *app.mutable_spec()->mutable_workloads())
      (*(*definition.mutable_score()->mutable_containers())["main"].mutable_variables())["NEW"] = "1";
    return app;
  }

  test::TempDir dir_;
  std::unique_ptr<LmdbStore> store_;
  std::unique_ptr<World> world_;
};

TEST_F(OldNames, NothingChangesOnTheFirstStart) {
  const auto before = what_stands();
  ASSERT_TRUE(before.contains("eu-1.default.shop.volume.web-db-data"));
  ASSERT_TRUE(before.contains("eu-1.default.-.redis.default"));
  ASSERT_TRUE(before.contains("eu-1.default.gone.postgres.web-db"));
  world_->settle();
  EXPECT_EQ(what_stands(), before);
}

TEST_F(OldNames, ANewReleaseKeepsThemAll) {
  auto before = what_stands();
  for (const auto* name : {"shop", "cart"}) world_->apply(model::to_yaml(changed(name)));
  world_->settle();
  EXPECT_EQ(world_->state("shop.default"), "Ready 2");
  EXPECT_EQ(world_->state("cart.default"), "Ready 2");
  auto after = what_stands();
  for (auto* all : {&before, &after})
    std::erase_if(*all, [](const auto& one) { return one.first.find(".workload.") != std::string::npos; });
  EXPECT_EQ(after, before);
}

TEST_F(OldNames, ThoseWhoMeetAreNamed) {
  const auto app = changed("shop");
  const auto planned = frontend::plan(
      world_->context(), frontend::plan_apply(world_->caller, *model::decode(model::to_yaml(app)), {}));
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_THAT(
      planned->text(),
      HasSubstr(
          R"(volume "web-api-db" is held by workload web as "api-db" and by workload web-api as "db")"));
  EXPECT_THAT(
      planned->text(),
      HasSubstr(
          R"(volume "web-db-data" is held by profile postgres-noop as "data" and by workload web-db as "data")"));
  EXPECT_THAT(
      planned->text(),
      HasSubstr(
          R"(redis "default" is held by workload web as "cache" and by cart/api as "cache" (default))"));
  world_->apply(model::to_yaml(app));
  world_->settle();
  const auto described =
      frontend::describe(world_->context(), *model::find_kind("deployment"), "shop.default");
  ASSERT_TRUE(described) << described.error().message;
  EXPECT_THAT(described->text(), HasSubstr("Separate False ResourcesMeet: "));
}

TEST_F(OldNames, WhoComesNewGetsHisOwn) {
  auto app = changed("shop");
  auto& workloads = *app.mutable_spec()->mutable_workloads();
  workloads["web-files-x"] = workloads["web-api"];
  auto& score = *workloads["web"].mutable_score();
  (*score.mutable_resources())["db-more"].set_type("volume");
  auto& web_db = *workloads["web-db"].mutable_score();
  (*web_db.mutable_resources())["cache"].set_type("redis");
  const auto before = what_stands();
  world_->apply(model::to_yaml(app));
  world_->settle();
  EXPECT_EQ(world_->state("shop.default"), "Ready 2");
  std::vector<std::string> fresh;
  for (const auto& [name, content] : what_stands())
    if (!before.contains(name)) fresh.push_back(name.substr(std::string("eu-1.default.").size()));
  EXPECT_THAT(fresh, testing::ElementsAre("shop.redis.web-db.cache", "shop.volume.redis.web-db.cache.data",
                                          "shop.volume.web-files-x.db", "shop.volume.web.db-more",
                                          "shop.workload.web-files-x"));
}

TEST_F(OldNames, WhatWasLeftIsFoundAgain) {
  const auto before = what_stands();
  world_->apply(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {name: gone}
spec:
  workloads:
    web:
      score:
        containers: {main: {image: i}}
        resources: {db: {type: postgres}, files: {type: volume}}
)");
  world_->settle();
  auto after = what_stands();
  EXPECT_EQ(after.erase("eu-1.default.gone.workload.web"), 1U);
  EXPECT_EQ(after, before);
  for (const auto& [name, content] : after)
    if (name.find(".gone.") != std::string::npos)
      EXPECT_FALSE(world_->at<v1::Resource>(name).status().has_unused_since()) << name;
}

TEST_F(OldNames, ARouteUnderAnOldNameKeepsItsHost) {
  ASSERT_TRUE(world_->get<v1::Resource>("eu-1.default.shop.route.web-url"));
  const auto other = [&](const std::string& path) {
    return world_->refusal(fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: other}}
spec:
  workloads:
    web:
      score:
        containers: {{main: {{image: i}}}}
        service: {{ports: {{http: {{port: 80}}}}}}
        resources: {{url: {{type: route, params: {{host: shop.example, path: {}}}}}}}
)",
                                       path));
  };
  EXPECT_THAT(other("/"), HasSubstr("shop.example/ is routed already, by application \"shop\""));
  EXPECT_THAT(other("/x"), HasSubstr("belongs to application \"shop\""));
}

TEST_F(OldNames, ARenameTakesThemAlong) {
  auto app = changed("shop");
  auto& workloads = *app.mutable_spec()->mutable_workloads();
  workloads["front"] = workloads["web"];
  workloads["front"].set_renamed_from("web");
  workloads.erase("web");
  auto before = what_stands();
  world_->apply(model::to_yaml(app));
  world_->settle();
  EXPECT_EQ(world_->state("shop.default"), "Ready 2");
  auto after = what_stands();
  for (auto* all : {&before, &after})
    std::erase_if(*all, [](const auto& one) {
      return one.first.find(".workload.") != std::string::npos ||
             one.first.find(".route.") != std::string::npos;
    });
  EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace qleet::hub::tests
