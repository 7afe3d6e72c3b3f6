// Plan equals apply: what plan says is what then happens, for each kind of operation.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using testing::HasSubstr;

std::string app(const std::string& name, const std::string& resources,
                const std::string& more = "replicas: 2", const std::string& variables = "{}") {
  return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: {}}}
spec:
  workloads:
    web:
      score:
        containers: {{main: {{image: reg.example/shop/web, variables: {}}}}}
        resources: {}
      builds: {{image: reg.example/shop/web, tags: "main-*"}}
      {}
)",
                     name, variables, resources, more);
}

class Planning : public testing::Test {
 protected:
  Planning() {
    world_.join("lab");
    world_.settle();
  }

  void apply(const std::string& yaml) {
    const auto objects = model::decode(yaml);
    ASSERT_TRUE(objects) << objects.error().message;
    world_.expect_planned(frontend::plan_apply(world_.caller, *objects, {}), [&] { world_.apply(yaml); });
  }
  void erase(const std::string& kind, const std::string& name, const frontend::EraseOptions& options = {}) {
    world_.expect_planned(frontend::plan_erase(world_.caller, *model::find_kind(kind), name, options),
                          [&] { EXPECT_EQ(world_.erase(kind, name, options), ""); });
  }
  void build(const std::string& tag, char digest) {
    v1::BuildSpec build;
    build.set_image("reg.example/shop/web");
    build.set_tag(tag);
    build.set_digest("sha256:" + std::string(64, digest));
    world_.expect_planned(frontend::plan_build(world_.caller, build),
                          [&] { world_.build(build.image(), tag, digest); });
  }
  std::string text(const std::string& yaml) {
    const auto planned =
        frontend::plan(world_.context(), frontend::plan_apply(world_.caller, *model::decode(yaml), {}));
    return planned ? planned->text() : planned.error().message;
  }

  World world_;
};

TEST_F(Planning, NamesTheGapWhereAVolumeCannotBeShared) {
  const auto mounting = [](const std::string& value, const std::string& replicas) {
    return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: shop}}
spec:
  workloads:
    web:
      score:
        containers:
          main:
            image: reg.example/shop/web
            variables: {{A: {}}}
            volumes: [{{source: "${{resources.data}}", target: /data}}]
        resources: {{data: {{type: volume}}}}
      {}
)",
                       value, replicas);
  };
  world_.apply(mounting("one", "replicas: 1"));
  world_.settle();
  EXPECT_THAT(text(mounting("two", "replicas: 1")),
              HasSubstr("~ web        stops before it starts again: its volume data cannot be shared"));
  EXPECT_THAT(text(mounting("one", "replicas: 2")), HasSubstr("scales"));
  world_.apply(mounting("one", "replicas: 2"));
  world_.settle();
  EXPECT_THAT(text(mounting("two", "replicas: 2")), HasSubstr("rolls 2 replicas"));
}

TEST_F(Planning, EqualsApplyOnEachOperation) {
  apply(app("shop", "{db: {type: postgres}}"));
  apply(app("shop", "{db: {type: postgres}, cache: {type: redis}}"));
  apply(app("shop", "{db: {type: postgres}, cache: {type: redis}}"));
  build("main-1", 'a');
  build("main-2", 'b');
  build("other", 'c');
  apply(app("shop", "{cache: {type: redis}}"));
  apply(app("cart", "{db: {type: postgres, class: shared}, cache: {type: redis}}"));
  apply(app("shop", "{db: {type: postgres, class: shared}, files: {type: volume, class: retained}}"));
  erase("app", "cart");
  apply(app("shop", "{}"));
  apply(app("shop", "{files: {type: volume, class: retained}}"));
  erase("app", "shop", {.delete_data = true});
  erase("resource", "lab.default.shop.volume.web.files");
  // What the two shared is nobody's.
  erase("resource", "lab.default.cart.postgres.web.db");
  erase("resource", "lab.default.-.volume.postgres-server.default.data");
  erase("resource", "lab.default.cart.volume.redis.web.cache.data");
  EXPECT_EQ(world_.resources(), std::vector<std::string>());
}

TEST_F(Planning, EqualsRollback) {
  apply(app("shop", "{db: {type: postgres}}"));
  apply(app("shop", "{cache: {type: redis}}"));
  v1::RollbackRequest back;
  back.set_application("shop");
  world_.expect_planned(frontend::plan_rollback(world_.caller, back),
                        [&] { ASSERT_TRUE(frontend::rollback(world_.context(), world_.caller, back)); });
}

TEST_F(Planning, EqualsAProfilesChange) {
  apply(app("shop", "{db: {type: postgres}, cache: {type: redis}}"));
  auto profile = world_.at<v1::Profile>("redis-container");
  (*profile.mutable_spec()->mutable_template_()->mutable_fields())["note"].set_string_value("new");
  apply(model::to_yaml(profile));
}

TEST_F(Planning, EqualsARegionsChange) {
  world_.join("other", {{"tier", "x"}});
  world_.settle();
  apply(app("shop", "{db: {type: postgres}}"));
  apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: default}, spec: {regions: {selector: "
      "\"tier=x\"}}}");
  apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: default}, spec: {regions: {count: 1}}}");
  apply("{apiVersion: qleet.io/v1, kind: Region, metadata: {name: lab, labels: {tier: x}}}");
}

TEST_F(Planning, EqualsAnApproval) {
  world_.apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: default}, spec: {builds: {by: "
      "approval}}}");
  const auto yaml = app("shop", "{db: {type: postgres}}");
  EXPECT_EQ(text(yaml), "default         waits for approval\nnothing is touched.\n");
  apply(yaml);
  v1::ApproveRequest request;
  request.set_application("shop");
  request.set_environment("default");
  world_.expect_planned(frontend::plan_approve(world_.caller, request),
                        [&] { ASSERT_TRUE(frontend::approve(world_.context(), world_.caller, request)); });
}

// As the real one does: every look at it is later than the one before.
class RunningClock final : public Clock {
 public:
  explicit RunningClock(WallTime start) : wall_(start) {}
  WallTime wall() const override { return wall_ += Millis(1); }
  MonoTime mono() const override { return mono_ += Millis(1); }

 private:
  mutable WallTime wall_;
  mutable MonoTime mono_{};
};

TEST_F(Planning, SeesWhatGoesLaterAlsoWhileTimePasses) {
  world_.apply(app("shop", "{db: {type: postgres}}"));
  world_.settle();
  const auto context = world_.context();
  const RunningClock clock(context.clock.wall());
  const auto planned = frontend::plan(
      {context.store, clock},
      frontend::plan_erase(world_.caller, *model::find_kind("app"), "shop", {.delete_data = true}));
  ASSERT_TRUE(planned) << planned.error().message;
  for (const auto& place : planned->places()) {
    for (const auto& change : place.changes()) EXPECT_EQ(change.action(), "remove") << change.resource();
  }
  EXPECT_GE(planned->to_remove(), 3u) << planned->text();
}

TEST_F(Planning, WritesNothing) {
  world_.apply(app("shop", "{db: {type: postgres}}"));
  world_.settle();
  const auto revision = world_.store.snapshot().value()->revision();
  text(app("shop", "{}"));
  EXPECT_EQ(world_.store.snapshot().value()->revision(), revision);
}

TEST_F(Planning, IsPrintedForPeople) {
  world_.apply(app("shop", "{uploads: {type: volume}}"));
  world_.build("reg.example/shop/web", "main-4f2c", 'a');
  world_.settle();
  EXPECT_EQ(text(app("shop", "{sessions: {type: redis}}", "replicas: 3")), R"(default / lab
  ~ web        rolls 3 replicas      replicas 2 -> 3, +sessions, -uploads
  + redis      web.sessions          new: asked for by web
  + volume     redis.web.sessions.data new: asked for by redis web.sessions
  = volume     web.uploads           no longer asked for; kept until somebody deletes it
! volume "web.uploads" (1Gi) of shop in default / lab is kept; it is used again when web (resources.uploads) asks for it as before (a workload that was renamed: renamedFrom). To delete it: qleet delete resource lab.default.shop.volume.web.uploads
2 to add, 1 to change, 0 to remove; nothing else is touched.
)");
  v1::BuildSpec build;
  build.set_image("reg.example/shop/web");
  build.set_tag("main-9d01");
  build.set_digest("sha256:" + std::string(64, 'b'));
  const auto planned = frontend::plan(world_.context(), frontend::plan_build(world_.caller, build));
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->text(), R"(default / lab
  ~ web        rolls 2 replicas      image main-4f2c -> main-9d01
0 to add, 1 to change, 0 to remove; nothing else is touched.
)");
  EXPECT_EQ(text(app("shop", "{uploads: {type: volume}}", "replicas: 4")), R"(default / lab
  ~ web        scales                replicas 2 -> 4
0 to add, 1 to change, 0 to remove; nothing else is touched.
)");
}

TEST_F(Planning, IsRefusedAsTheOperationWouldBe) {
  EXPECT_EQ(text(app("shop", "{db: {type: postgre}}")),
            "spec.workloads.web.score.resources.db.type: no profile satisfies type \"postgre\"; did you mean "
            "\"postgres\"?");
}

}  // namespace
}  // namespace qleet::hub::tests
