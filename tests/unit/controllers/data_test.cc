// Data goes only when somebody said so: what is kept, what is asked to go, what an environment protects, and
// what the answers, events and audit records say of it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/model/reasons.h"
#include "hub/controllers/events.h"
#include "hub/controllers/resources.h"
#include "hub/store/lmdb_store.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/controllers/shop.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using std::chrono::minutes;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

const std::string kHost = "lab.-.-.container-host.default";
const std::string kDatabase = "lab.default.shop.postgres.web.db";
const std::string kVolume = "lab.default.shop.volume.postgres.web.db.data";
const std::string kFiles = "lab.default.shop.volume.web.files";

class Data : public testing::Test {
 protected:
  Data() { world_.join("lab"); }

  void apply(const std::string& yaml) {
    last_ = world_.apply(yaml);
    world_.settle();
  }
  static std::string app(const std::string& resources, const std::string& name = "shop",
                         const std::string& workload = "web") {
    return fmt::format(
        "{{apiVersion: qleet.io/v1, kind: Application, metadata: {{name: {}}}, spec: {{workloads: {{{}: "
        "{{score: {{containers: {{main: {{image: i}}}}, resources: {}}}}}}}}}}}",
        name, workload, resources);
  }
  static std::string protect(bool on) {
    return fmt::format(
        "{{apiVersion: qleet.io/v1, kind: Environment, metadata: {{name: default}}, spec: {{protect: {{data: "
        "{}}}}}}}",
        on);
  }
  Result<v1::EraseResult> erase_with_data(const std::string& name = "shop") {
    auto result = frontend::erase(world_.context(), world_.caller, *model::find_kind("app"), name,
                                  {.delete_data = true});
    world_.settle();
    return result;
  }
  void pass_graces() {
    for (int i = 0; i < 6; ++i) world_.pass(minutes(11));
  }
  // "Kept name", of an answer.
  template <class T>
  static std::vector<std::string> fates(const T& answer) {
    std::vector<std::string> all;
    for (const auto& notice : answer.data()) all.push_back(notice.fate() + " " + notice.resource());
    return all;
  }
  std::vector<std::string> audit() {
    std::vector<std::string> all;
    for (const auto& record : objects::list<v1::AuditRecord>(*world_.store.snapshot().value()).value())
      if (record.spec().verb() == "delete-data")
        all.push_back(fmt::format("{} {}: {}", record.spec().subject(), record.spec().regarding_name(),
                                  record.spec().detail()));
    return all;
  }
  std::vector<std::string> events(const std::string& kind, const std::string& name) {
    std::vector<std::string> all;
    for (const auto& event : controllers::events_of(*world_.store.snapshot().value(), kind, name).value())
      if (event.spec().reason() == reasons::kDataDeleted) all.push_back(event.spec().message());
    return all;
  }
  void change_profile(const std::string& name, const std::function<void(v1::ProfileSpec&)>& change) {
    auto profile = world_.at<v1::Profile>(name);
    change(*profile.mutable_spec());
    apply(model::to_yaml(profile));
  }

  World world_;
  v1::ApplyResult last_;
};

TEST_F(Data, StaysWhenItsApplicationGoes) {
  apply(app("{db: {type: postgres}, files: {type: volume}}"));
  EXPECT_EQ(world_.erase("app", "shop"), "");
  pass_graces();
  EXPECT_THAT(world_.resources(), UnorderedElementsAre(kHost, kVolume, kFiles));
  EXPECT_THAT(frontend::why(world_.context(), "volume/web.files")->message(),
              HasSubstr("it keeps data, and stays until somebody deletes it"));
  EXPECT_THAT(audit(), IsEmpty());
  // And is what it was when somebody asks for it again.
  const auto before = world_.at<v1::Resource>(kVolume);
  apply(app("{db: {type: postgres}}"));
  const auto after = world_.at<v1::Resource>(kVolume);
  EXPECT_EQ(after.metadata().uid(), before.metadata().uid());
  EXPECT_EQ(after.spec().hash(), before.spec().hash());
  EXPECT_FALSE(after.status().has_unused_since());
}

TEST_F(Data, InASharedServerStaysWithTheServer) {
  apply(app("{db: {type: postgres, class: shared}}"));
  EXPECT_EQ(world_.erase("app", "shop"), "");
  pass_graces();
  EXPECT_THAT(world_.resources(),
              UnorderedElementsAre(kHost, kDatabase, "lab.default.-.postgres-server.default",
                                   "lab.default.-.volume.postgres-server.default.data"));
}

TEST_F(Data, OfACacheGoesAfterItsGracePeriodAndIsRecorded) {
  change_profile("volume-container", [](v1::ProfileSpec& spec) { spec.set_keeps_data(false); });
  apply(app("{files: {type: volume}}"));
  const auto erased = frontend::erase(world_.context(), world_.caller, *model::find_kind("app"), "shop");
  ASSERT_TRUE(erased);
  EXPECT_THAT(fates(*erased), IsEmpty());
  world_.settle();
  pass_graces();
  EXPECT_THAT(world_.resources(), IsEmpty());
  EXPECT_THAT(audit(), ElementsAre(StartsWith("hub " + kFiles +
                                              ": volume \"web.files\" (1Gi) of shop in default / lab")));
  EXPECT_THAT(events("Environment", "default"),
              ElementsAre(HasSubstr("profile volume-container says that it keeps no data")));
}

TEST_F(Data, GoesWithItsApplicationWhenSomebodyAsks) {
  apply(app("{db: {type: postgres}, files: {type: volume}, cache: {type: redis, id: common}}"));
  apply(app("{cache: {type: redis, id: common}}", "cart"));
  const auto erased = erase_with_data();
  ASSERT_TRUE(erased) << erased.error().message;
  EXPECT_THAT(fates(*erased), UnorderedElementsAre("Deleted " + kVolume, "Deleted " + kFiles));
  EXPECT_THAT(erased->data(0).message(), HasSubstr("10 min after nothing uses it any more"));
  EXPECT_THAT(erased->message(), HasSubstr("and its data with it"));
  EXPECT_THAT(audit(), IsEmpty());
  pass_graces();
  EXPECT_THAT(world_.resources(), Not(Contains(HasSubstr(".shop."))));
  EXPECT_THAT(world_.resources(), Contains("lab.default.-.volume.redis.common.data"));
  EXPECT_THAT(audit(), UnorderedElementsAre(StartsWith("serviceaccount:tester " + kVolume +
                                                       ": volume \"postgres.web.db.data\" (10Gi) of shop"),
                                            StartsWith("serviceaccount:tester " + kFiles + ": ")));
  EXPECT_THAT(
      events("Environment", "default"),
      UnorderedElementsAre(HasSubstr("volume \"postgres.web.db.data\""), HasSubstr("volume \"web.files\"")));
}

TEST_F(Data, ThatWasKeptGoesAtOnceWhenSomebodyAsks) {
  apply(app("{files: {type: volume}}"));
  apply(app("{}"));
  pass_graces();
  EXPECT_THAT(world_.resources(), Contains(kFiles));
  const auto erased = erase_with_data();
  ASSERT_TRUE(erased);
  EXPECT_THAT(fates(*erased), ElementsAre("Deleted " + kFiles));
  EXPECT_THAT(world_.resources(), Not(Contains(kFiles)));
}

TEST_F(Data, OfAnApplicationThatIsGoneGoesWhenSomebodyAsks) {
  apply(app("{files: {type: volume}}"));
  EXPECT_EQ(world_.erase("app", "shop"), "");
  pass_graces();
  const auto erased = erase_with_data();
  ASSERT_TRUE(erased) << erased.error().message;
  EXPECT_THAT(erased->message(), HasSubstr("is gone already"));
  pass_graces();
  EXPECT_THAT(world_.resources(), IsEmpty());
  EXPECT_FALSE(erase_with_data());
}

TEST_F(Data, IsKeptAfterAllWhenTheApplicationIsWantedAgain) {
  apply(app("{db: {type: postgres}}"));
  // Before the controllers have looked at it.
  ASSERT_TRUE(frontend::erase(world_.context(), world_.caller, *model::find_kind("app"), "shop",
                              {.delete_data = true}));
  apply(app("{db: {type: postgres}}"));
  EXPECT_FALSE(world_.at<v1::Resource>(kVolume).spec().data_may_go());
  // While its grace periods run.
  ASSERT_TRUE(erase_with_data());
  world_.pass(minutes(5));
  apply(app("{db: {type: postgres}}"));
  EXPECT_FALSE(world_.at<v1::Resource>(kVolume).spec().data_may_go());
  // When the server is gone, and its volume is not.
  ASSERT_TRUE(erase_with_data());
  world_.pass(minutes(11));
  EXPECT_THAT(world_.resources(), Not(Contains(kDatabase)));
  EXPECT_THAT(world_.resources(), Contains(kVolume));
  apply(app("{db: {type: postgres}}"));
  EXPECT_FALSE(world_.at<v1::Resource>(kVolume).spec().data_may_go());
  EXPECT_THAT(world_.at<v1::Resource>(kVolume).metadata().annotations(), IsEmpty());
  EXPECT_EQ(world_.erase("app", "shop"), "");
  pass_graces();
  EXPECT_THAT(world_.resources(), Contains(kVolume));
  EXPECT_THAT(audit(), IsEmpty());
}

TEST_F(Data, IsKeptAfterAllWhenAnotherApplicationUsesIt) {
  const std::string volume = "lab.default.-.volume.redis.common.data";
  apply(app("{cache: {type: redis, id: common}}"));
  ASSERT_TRUE(frontend::erase(world_.context(), world_.caller, *model::find_kind("app"), "shop",
                              {.delete_data = true}));
  EXPECT_TRUE(world_.at<v1::Resource>(volume).spec().data_may_go());
  apply(app("{cache: {type: redis, id: common}}", "cart"));
  EXPECT_FALSE(world_.at<v1::Resource>(volume).spec().data_may_go());
  EXPECT_EQ(world_.erase("app", "cart"), "");
  pass_graces();
  EXPECT_THAT(world_.resources(), Contains(volume));
}

TEST_F(Data, IsProtectedByItsEnvironmentWhoeverAsks) {
  change_profile("volume-container", [](v1::ProfileSpec& spec) { spec.set_keeps_data(false); });
  apply(app("{db: {type: postgres, class: shared}, files: {type: volume}}"));
  apply(protect(true));
  EXPECT_EQ(frontend::erase(world_.context(), world_.caller, *model::find_kind("app"), "shop",
                            {.delete_data = true})
                .error()
                .message,
            "application \"shop\": environment default protects its data (postgres \"web.db\" of shop in "
            "default / lab); "
            "delete it without its data, or take spec.protect.data out of the environment first");
  EXPECT_FALSE(world_.at<v1::Application>("shop").metadata().has_deletion_timestamp());
  EXPECT_FALSE(world_.at<v1::Resource>(kDatabase).spec().data_may_go());
  EXPECT_EQ(world_.erase("app", "shop"), "");
  pass_graces();
  // A cache, too.
  EXPECT_THAT(world_.resources(), Contains(kFiles));
  EXPECT_EQ(
      world_.erase("resource", kFiles),
      "volume \"web.files\" (1Gi) of shop in default / lab: environment default protects its data; take "
      "spec.protect.data out of the environment first");
  EXPECT_EQ(world_.erase("app", "shop"), "application shop does not exist");
  apply(protect(false));
  EXPECT_EQ(world_.erase("resource", kFiles), "");
  world_.settle();
  EXPECT_THAT(world_.resources(), Not(Contains(kFiles)));
}

// An agent may keep what a restored store wants deleted, until that is asked for again.
TEST_F(Data, OfATombstoneIsProtectedAndRecordedAsWell) {
  apply(app("{files: {type: volume}}"));
  EXPECT_EQ(world_.erase("app", "shop"), "");
  world_.settle();
  world_.silent = {"lab"};
  EXPECT_EQ(world_.erase("resource", kFiles), "");
  ASSERT_TRUE(world_.at<v1::Resource>(kFiles).spec().deleted());
  ASSERT_EQ(audit().size(), 1U);
  apply(protect(true));
  EXPECT_THAT(world_.erase("resource", kFiles), HasSubstr("environment default protects its data"));
  EXPECT_EQ(world_.at<v1::Resource>(kFiles).spec().deletes_repeated(), 0U);
  apply(protect(false));
  EXPECT_EQ(world_.erase("resource", kFiles), "");
  EXPECT_EQ(world_.at<v1::Resource>(kFiles).spec().deletes_repeated(), 1U);
  EXPECT_EQ(audit().size(), 2U);
}

TEST_F(Data, WhatWasToGoStaysWhenItsEnvironmentIsProtectedMeanwhile) {
  apply(app("{files: {type: volume}}"));
  ASSERT_TRUE(erase_with_data());
  world_.pass(minutes(5));
  apply(protect(true));
  pass_graces();
  EXPECT_THAT(world_.resources(), Contains(kFiles));
  EXPECT_FALSE(world_.at<v1::Resource>(kFiles).spec().data_may_go());
}

TEST_F(Data, OfClassRetainedStaysWhateverItsApplicationAsks) {
  apply(
      app("{db: {type: postgres, class: retained}, my: {type: mysql, class: retained}, cache: {type: redis, "
          "class: "
          "retained, id: sessions}, files: {type: volume, class: retained}}"));
  EXPECT_EQ(world_.state("shop.default"), "Ready 1");
  const auto erased = erase_with_data();
  ASSERT_TRUE(erased) << erased.error().message;
  EXPECT_THAT(fates(*erased), Contains("Kept " + kFiles));
  EXPECT_THAT(fates(*erased), Not(Contains(StartsWith("Deleted"))));
  pass_graces();
  EXPECT_THAT(world_.resources(), Contains(kDatabase));
  EXPECT_THAT(world_.resources(), Contains(kVolume));
  EXPECT_THAT(world_.resources(), Contains("lab.default.shop.mysql.web.my"));
  EXPECT_THAT(world_.resources(), Contains("lab.default.-.redis.sessions"));
  EXPECT_EQ(world_.erase("resource", kDatabase), "");
  pass_graces();
  EXPECT_THAT(world_.resources(), Not(Contains(kDatabase)));
  EXPECT_THAT(world_.resources(), Contains(kVolume));
}

// The answers of an operation, and of the plan for it.
TEST_F(Data, ThatAnApplyLeavesBehindIsNamed) {
  struct Case {
    const char* change;
    std::string from, to;
    std::vector<std::string> fates;
  };
  const auto a = [](const std::string& resources, const std::string& workload = "web") {
    return app(resources, "shop", workload);
  };
  const std::vector<Case> cases = {
      {"renamed workload",
       a("{files: {type: volume}}"),
       a("{files: {type: volume}}", "api"),
       {"Kept " + kFiles}},
      {"renamed resource", a("{files: {type: volume}}"), a("{docs: {type: volume}}"), {"Kept " + kFiles}},
      {"another id",
       a("{files: {type: volume}}"),
       a("{files: {type: volume, id: docs}}"),
       {"Kept " + kFiles}},
      {"another type", a("{db: {type: postgres}}"), a("{db: {type: mysql}}"), {}},
      {"another class",
       a("{db: {type: postgres, class: shared}}"),
       a("{db: {type: postgres}}"),
       {"Kept lab.default.-.volume.postgres-server.default.data", "Kept " + kDatabase}},
      {"no longer asked for", a("{db: {type: postgres}}"), a("{}"), {"Kept " + kVolume}},
      {"more of it", a("{db: {type: postgres}}"), a("{db: {type: postgres}, files: {type: volume}}"), {}},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.change);
    World fresh;
    fresh.join("lab");
    fresh.apply(one.from);
    fresh.settle();
    const auto planned =
        frontend::plan(fresh.context(), frontend::plan_apply(fresh.caller, *model::decode(one.to), {}));
    ASSERT_TRUE(planned);
    const auto dry =
        frontend::apply(fresh.context(), fresh.caller, *model::decode(one.to), {.dry_run = true});
    const auto applied = fresh.apply(one.to);
    const auto said = [](const auto& answer) {
      std::string text;
      for (const auto& notice : answer.data()) text += notice.ShortDebugString() + "\n";
      return text;
    };
    EXPECT_EQ(said(applied), said(*planned));
    EXPECT_EQ(said(*dry), said(*planned));
    if (!one.fates.empty()) EXPECT_EQ(fates(applied), one.fates);
    for (const auto& notice : applied.data()) {
      EXPECT_THAT(planned->text(), HasSubstr(notice.message()));
      EXPECT_EQ(notice.fate(), "Kept");
    }
    // It is said exactly where data is taken out of use.
    fresh.settle();
    std::vector<std::string> unused;
    for (const auto& resource : objects::list<v1::Resource>(*fresh.store.snapshot().value()).value())
      if (resource.status().has_unused_since() && resource.spec().type() == "volume")
        unused.push_back("Kept " + resource.metadata().name());
    EXPECT_THAT(unused, testing::IsSubsetOf(fates(applied)));
  }
}

TEST_F(Data, NoticesSayHowToHaveItOtherwise) {
  apply(app("{files: {type: volume}}"));
  apply(app("{}"));
  ASSERT_EQ(last_.data_size(), 1);
  const auto& notice = last_.data(0);
  EXPECT_EQ(notice.type(), "volume");
  EXPECT_EQ(notice.id(), "web.files");
  EXPECT_EQ(notice.application(), "shop");
  EXPECT_EQ(notice.environment(), "default");
  EXPECT_EQ(notice.region(), "lab");
  EXPECT_EQ(
      notice.message(),
      "volume \"web.files\" (1Gi) of shop in default / lab is kept; it is used again when web "
      "(resources.files) asks "
      "for it as before (a workload that was renamed: renamedFrom). To delete it: qleet delete resource " +
          kFiles);
}

TEST_F(Data, ThatARegionLeavesBehindIsNamed) {
  world_.join("other", {{"tier", "x"}});
  apply(app("{files: {type: volume}}"));
  apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: default}, spec: {regions: {selector: "
      "\"tier=x\"}}}");
  EXPECT_THAT(fates(last_), ElementsAre("Kept " + kFiles));
  pass_graces();
  ASSERT_TRUE(frontend::revoke_agent(world_.context(), world_.caller, "agent-lab") ||
              frontend::revoke_agent(world_.context(), world_.caller, "lab"));
  const auto erased = frontend::erase(world_.context(), world_.caller, *model::find_kind("region"), "lab");
  ASSERT_TRUE(erased) << erased.error().message;
  EXPECT_THAT(fates(*erased), ElementsAre("Kept " + kFiles));
}

TEST_F(Data, OutlivesItsEnvironmentUnlessThatProtectsIt) {
  const std::string dev =
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: dev}, spec: {protect: {data: ";
  apply(dev + "true}}}");
  apply(
      "{apiVersion: qleet.io/v1, kind: Application, metadata: {name: shop}, spec: {environments: [dev], "
      "workloads: {web: "
      "{score: {containers: {main: {image: i}}, resources: {files: {type: volume}}}}}}}");
  EXPECT_EQ(world_.erase("app", "shop"), "");
  pass_graces();
  EXPECT_EQ(world_.erase("environment", "dev"),
            "environment \"dev\": it protects data that is there (volume \"web.files\" (1Gi) of shop in dev "
            "/ lab); take "
            "spec.protect.data out of it first");
  apply(dev + "false}}}");
  const auto erased =
      frontend::erase(world_.context(), world_.caller, *model::find_kind("environment"), "dev");
  ASSERT_TRUE(erased) << erased.error().message;
  EXPECT_THAT(fates(*erased), ElementsAre("Kept lab.dev.shop.volume.web.files"));
  pass_graces();
  EXPECT_THAT(world_.resources(), Contains("lab.dev.shop.volume.web.files"));
}

TEST_F(Data, IsNotLostToAnotherProvider) {
  apply(app("{files: {type: volume}}"));
  change_profile("volume-container", [](v1::ProfileSpec& spec) { spec.set_provider("noop"); });
  EXPECT_EQ(world_.state("shop.default"), "Blocked 1");
  EXPECT_EQ(world_.at<v1::Resource>(kFiles).spec().provider(), "container");
  const auto described = frontend::describe(world_.context(), *model::find_kind("app"), "shop");
  EXPECT_THAT(described->summary(), HasSubstr("volume \"web.files\" (1Gi) of shop in default / lab keeps "
                                              "data with provider \"container\" (profile "
                                              "volume-container), which would be lost: profile "
                                              "volume-container makes it with provider \"noop\""));
  change_profile("volume-container", [](v1::ProfileSpec& spec) {
    spec.set_provider("container");
    spec.set_keeps_data(false);
  });
  EXPECT_THAT(world_.state("shop.default"), StartsWith("Ready"));
  EXPECT_THAT(audit(), IsEmpty());
  // A cache may, and that is recorded.
  change_profile("volume-container", [](v1::ProfileSpec& spec) { spec.set_provider("noop"); });
  EXPECT_EQ(world_.at<v1::Resource>(kFiles).spec().provider(), "noop");
  EXPECT_THAT(audit(), ElementsAre(HasSubstr("provider noop makes it anew")));
}

TEST_F(Data, PlanOfADeleteSaysTheSameAsTheDelete) {
  apply(app("{db: {type: postgres}, files: {type: volume}}"));
  for (const bool with_data : {false, true}) {
    const frontend::EraseOptions options{.delete_data = with_data};
    const auto planned = frontend::plan(
        world_.context(), frontend::plan_erase(world_.caller, *model::find_kind("app"), "shop", options));
    ASSERT_TRUE(planned);
    auto dry = options;
    dry.dry_run = true;
    const auto tried =
        frontend::erase(world_.context(), world_.caller, *model::find_kind("app"), "shop", dry);
    EXPECT_EQ(fates(*planned), fates(*tried));
    EXPECT_THAT(fates(*planned), UnorderedElementsAre((with_data ? "Deleted " : "Kept ") + kFiles,
                                                      (with_data ? "Deleted " : "Kept ") + kVolume));
    world_.expect_planned(
        frontend::plan_erase(world_.caller, *model::find_kind("app"), "shop", options), [&] {
          ASSERT_TRUE(
              frontend::erase(world_.context(), world_.caller, *model::find_kind("app"), "shop", options));
        });
    apply(app("{db: {type: postgres}, files: {type: volume}}"));
  }
}

TEST_F(Data, OnlyAnApplicationIsDeletedWithItsData) {
  const auto refused = frontend::erase(world_.context(), world_.caller, *model::find_kind("environment"),
                                       "default", {.delete_data = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().message,
      "deleteData: only an application is deleted with its data; to delete a Environment, leave it out");
}

// Its application was deleted under a hub that deleted volumes after their grace period.
TEST(RecordedStore, KeepsItsDataAsItIs) {
  test::TempDir folder;
  std::filesystem::create_directory(folder / "store");
  std::filesystem::copy_file(QLEET_SOURCE_DIR "/tests/corpus/store/format-1/data.mdb",
                             folder / "store" / "data.mdb");
  const auto store = LmdbStore::open(folder / "store").value();
  const std::vector<std::string> volumes = {"eu-1.dev.-.volume.redis-default-data",
                                            "eu-1.dev.shop.volume.web-db-data"};
  std::map<std::string, v1::Resource> before;
  for (const auto& name : volumes)
    before[name] = objects::get<v1::Resource>(*store->snapshot().value(), name).value().value();
  World world(*store, "");
  for (int i = 0; i < 6; ++i) world.pass(minutes(11));
  EXPECT_THAT(world.resources(), Not(Contains("eu-1.dev.shop.postgres.web-db")));
  for (const auto& name : volumes) {
    const auto after = world.at<v1::Resource>(name);
    EXPECT_EQ(after.metadata().uid(), before[name].metadata().uid());
    EXPECT_EQ(after.metadata().generation(), before[name].metadata().generation());
    EXPECT_EQ(after.spec().SerializeAsString(), before[name].spec().SerializeAsString());
    EXPECT_TRUE(after.status().has_unused_since());
  }
}

TEST_F(Data, ThatIsKeptStandsInTheTreeOfItsApplication) {
  apply(app("{files: {type: volume}}"));
  apply(app("{}"));
  pass_graces();
  const auto tree = frontend::tree(world_.context(), "shop");
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->places(0).roots_size(), 2);
  EXPECT_EQ(tree->places(0).roots(1).resource(), kFiles);
  EXPECT_EQ(tree->places(0).roots(1).state(), "Retained");
}

}  // namespace
}  // namespace qleet::hub::tests
