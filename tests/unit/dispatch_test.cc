// What dispatch derives from the store, and how it answers.
#include <gtest/gtest.h>

#include "common/sync/limits.h"
#include "hub/dispatch/agent_directory.h"
#include "hub/dispatch/desired_index.h"
#include "hub/dispatch/messages.h"
#include "hub/dispatch/sync_answer.h"
#include "hub/store/keys.h"
#include "hub/store/memory_store.h"
#include "hub/store/objects.h"
#include "hub/store/resource_sketch.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub {
namespace {

v1::Resource make(const std::string& name, std::uint32_t generation, size_t bytes = 10) {
  v1::Resource resource;
  resource.mutable_metadata()->set_name(name);
  resource.mutable_metadata()->set_uid("uid-" + name);
  resource.mutable_metadata()->set_generation(generation);
  (*resource.mutable_metadata()->mutable_labels())["a"] = "b";
  auto& spec = *resource.mutable_spec();
  spec.set_region(name.substr(0, name.find('.')));
  spec.set_hash("h" + std::to_string(generation));
  spec.set_profile_generation(7);
  (*spec.mutable_template_()->mutable_fields())["x"].set_string_value(std::string(bytes, 'x'));
  resource.mutable_status()->set_state("Ready");
  return resource;
}

// What a hub before this one wrote says nothing of data: there the type counts.
TEST(Messages, SayWhatKeepsData) {
  const auto told = [](const v1::Resource& resource) {
    return desired("o/resources/r", resource.SerializeAsString()).value().value().keeps_data();
  };
  auto resource = make("eu.dev.shop.volume.data", 1);
  EXPECT_FALSE(told(resource));
  resource.mutable_spec()->set_type("volume");
  resource.mutable_spec()->mutable_when_unused()->set_do_("delete");
  EXPECT_TRUE(told(resource));
  resource.mutable_spec()->mutable_when_unused()->set_do_("delete-data");
  EXPECT_FALSE(told(resource));
  resource.mutable_spec()->set_type("postgres");
  resource.mutable_spec()->set_keeps_data(true);
  resource.mutable_spec()->mutable_when_unused()->set_do_("delete");
  EXPECT_TRUE(told(resource));
  // That it stays does not say that there is data in it.
  resource.mutable_spec()->set_keeps_data(false);
  resource.mutable_spec()->mutable_when_unused()->set_do_("retain");
  EXPECT_FALSE(told(resource));
  resource.mutable_spec()->set_type("volume");
  EXPECT_TRUE(told(resource));
}

class DispatchTest : public ::testing::Test {
 protected:
  // In one transaction.
  Revision write(const std::vector<v1::Resource>& resources) {
    return *store_.transact([&](Txn& txn) -> Result<> {
      for (const auto& resource : resources) {
        const std::string& name = resource.metadata().name();
        if (const auto at = TRY(txn.get(keys::region_at(name))))
          txn.erase("x/region-pos/" + resource.spec().region() + "/" + at->value + "/" + name);
        txn.put(keys::object("resources", name), resource.SerializeAsString());
        txn.put(keys::region_at(name), keys::hex16(txn.revision()));
        txn.put(keys::region_pos(resource.spec().region(), txn.revision(), name), "");
      }
      return {};
    });
  }
  void put_agent(const std::string& name, const std::string& region, int created, bool revoked = false) {
    v1::Agent agent;
    agent.mutable_metadata()->set_name(name);
    agent.mutable_metadata()->mutable_creation_timestamp()->set_seconds(created);
    agent.mutable_spec()->set_region(region);
    agent.mutable_spec()->set_revoked(revoked);
    ASSERT_TRUE(store_.transact([&](Txn& txn) -> Result<> {
      txn.put(keys::object("agents", name), agent.SerializeAsString());
      return {};
    }));
  }
  std::vector<wire::v1::SyncBatch> answer(const wire::v1::SyncRequest& request, SyncLimits limits = {}) {
    const auto reader = *store_.snapshot();
    DesiredIndex index;
    EXPECT_TRUE(index.build(*reader, "eu", reader->revision(), {}));
    auto batches = answer_sync(*reader, {"eu", store_.identity(), *index.region("eu"), limits}, request);
    EXPECT_TRUE(batches) << batches.error().message;
    return batches ? *batches : std::vector<wire::v1::SyncBatch>{};
  }
  wire::v1::SyncRequest from(Revision position) {
    wire::v1::SyncRequest request;
    request.set_protocol(1);
    request.set_epoch(store_.identity().epoch);
    request.set_position(position);
    return request;
  }
  static std::vector<std::string> names(const std::vector<wire::v1::SyncBatch>& batches) {
    std::vector<std::string> out;
    for (const auto& batch : batches)
      for (const auto& resource : batch.resources()) out.push_back(resource.name());
    return out;
  }

  MemoryStore store_;
};

TEST_F(DispatchTest, ASketchReadsWhatTheMessageHolds) {
  auto resource = make("eu.a", 3);
  resource.mutable_spec()->set_deleted(true);
  const auto bytes = resource.SerializeAsString();
  const auto read = sketch(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "eu.a");
  EXPECT_EQ(read->uid, "uid-eu.a");
  EXPECT_EQ(read->generation, 3U);
  EXPECT_EQ(read->region, "eu");
  EXPECT_EQ(read->hash, "h3");
  EXPECT_TRUE(read->deleted);
}

TEST_F(DispatchTest, ASketchOfAnythingElseIsAnError) {
  const std::string good = make("eu.a", 3).SerializeAsString();
  EXPECT_FALSE(sketch(""));
  EXPECT_FALSE(sketch("garbage"));
  for (size_t size = 1; size < good.size(); ++size) (void)sketch(std::string_view(good).substr(0, size));
}

TEST_F(DispatchTest, ASyncGivesWhatChangedSinceInOrder) {
  const Revision first = write({make("eu.a", 1), make("eu.b", 1)});
  write({make("eu.c", 1), make("us.x", 1)});
  const Revision last = write({make("eu.a", 2)});
  EXPECT_EQ(names(answer(from(0))), (std::vector<std::string>{"eu.b", "eu.c", "eu.a"}));
  const auto later = answer(from(first));
  EXPECT_EQ(names(later), (std::vector<std::string>{"eu.c", "eu.a"}));
  EXPECT_EQ(later.back().position(), last);
  EXPECT_EQ(later.back().digest().size(), 16U);
  const auto none = answer(from(last));
  EXPECT_TRUE(names(none).empty());
  EXPECT_TRUE(none.back().last());
  EXPECT_EQ(none.back().position(), last);
}

TEST_F(DispatchTest, ALongAnswerEndsBehindAWholeRevision) {
  std::vector<v1::Resource> many;
  for (int i = 0; i < 5; ++i) many.push_back(make("eu.first" + std::to_string(i), 1));
  const Revision first = write(many);
  write({make("eu.second", 1)});
  const auto part = answer(from(0), {.max_resources = 3});
  EXPECT_EQ(names(part).size(), 5U);
  EXPECT_TRUE(part.back().more());
  EXPECT_EQ(part.back().position(), first);
  EXPECT_EQ(part.back().digest(), "");
  EXPECT_EQ(names(answer(from(first))), std::vector<std::string>{"eu.second"});
}

TEST_F(DispatchTest, BatchesFitIntoAMessage) {
  std::vector<v1::Resource> many;
  for (int i = 0; i < 30; ++i) many.push_back(make("eu.r" + std::to_string(i), 1, 30'000));
  write(many);
  const auto batches = answer(from(0));
  EXPECT_GE(batches.size(), 4U);
  for (size_t i = 0; i < batches.size(); ++i) {
    EXPECT_LE(batches[i].ByteSizeLong(), sync::kMaxMessageBytes);
    EXPECT_EQ(batches[i].index(), i);
    EXPECT_EQ(batches[i].last(), i + 1 == batches.size());
  }
  EXPECT_EQ(names(batches).size(), 30U);
}

TEST_F(DispatchTest, WhatFitsIntoNoMessageDoesNotHoldUpTheOthers) {
  const Revision last = write({make("eu.a", 1), make("eu.big", 1, 300'000), make("eu.z", 1)});
  const auto batches = answer(from(0));
  EXPECT_EQ(names(batches), (std::vector<std::string>{"eu.a", "eu.z"}));
  EXPECT_EQ(batches.back().position(), last);
}

TEST_F(DispatchTest, AnotherEpochIsAnsweredFromTheBeginning) {
  const Revision last = write({make("eu.a", 1)});
  auto request = from(last);
  request.set_epoch("older");
  request.set_manifest(true);
  EXPECT_EQ(names(answer(request)), std::vector<std::string>{"eu.a"});
}

TEST_F(DispatchTest, AManifestIsAnsweredByItsDifferences) {
  write({make("eu.a", 1), make("eu.b", 2), make("eu.c", 1), make("us.a", 1)});
  auto request = from(0);
  request.set_manifest(true);
  for (const char* name : {"eu.a", "eu.b", "eu.x", "us.a"}) {
    auto& held = *request.add_held();
    held.set_name(name);
    held.set_uid(std::string("uid-") + name);
    held.set_generation(1);
    held.set_hash("h1");
  }
  const auto batches = answer(request);
  EXPECT_EQ(names(batches), (std::vector<std::string>{"eu.b", "eu.c"}));
  std::vector<std::string> unclaimed;
  for (const auto& batch : batches)
    unclaimed.insert(unclaimed.end(), batch.unclaimed().begin(), batch.unclaimed().end());
  EXPECT_EQ(unclaimed, (std::vector<std::string>{"eu.x", "us.a"}));

  request.mutable_held(0)->set_disowned(true);
  request.mutable_held(1)->set_uid("another");
  EXPECT_EQ(names(answer(request)), (std::vector<std::string>{"eu.a", "eu.b", "eu.c"}));
}

TEST_F(DispatchTest, ALongAnswerToAManifestSaysHowFarItGoes) {
  write({make("eu.a", 1), make("eu.b", 1), make("eu.c", 1)});
  auto request = from(0);
  request.set_manifest(true);
  const auto batches = answer(request, {.max_resources = 2});
  EXPECT_EQ(names(batches), (std::vector<std::string>{"eu.a", "eu.b"}));
  EXPECT_TRUE(batches.back().more());
  EXPECT_EQ(batches.back().covered_until(), "eu.b");
  request.set_range_after("eu.b");
  EXPECT_EQ(names(answer(request, {.max_resources = 2})), std::vector<std::string>{"eu.c"});
}

TEST_F(DispatchTest, AManifestThatCannotBeMeantIsInvalid) {
  auto request = from(0);
  request.set_manifest(true);
  request.set_range_after("b");
  request.set_range_until("a");
  const auto reader = *store_.snapshot();
  const SyncContext context{"eu", store_.identity(), {}, {}};
  EXPECT_EQ(answer_sync(*reader, context, request).error().code, Code::kInvalid);
  request.set_range_until("c");
  request.add_held()->set_name("d");
  EXPECT_EQ(answer_sync(*reader, context, request).error().message,
            "held names d, which is outside of the range");
}

TEST_F(DispatchTest, TheNewestAgentThatIsNotRevokedServes) {
  put_agent("old", "eu", 1);
  put_agent("new", "eu", 2);
  AgentDirectory directory;
  ASSERT_TRUE(directory.rebuild(**store_.snapshot()));
  const Revision start = (*store_.snapshot())->revision();
  EXPECT_EQ(directory.serving("eu"), "new");
  EXPECT_EQ(directory.serving("us"), std::nullopt);
  EXPECT_EQ(directory.refusal("old")->code, "not-serving");
  EXPECT_EQ(directory.refusal("old")->text, "region eu is served by agent new, which was enrolled later");
  EXPECT_EQ(directory.refusal("who")->code, "unknown");
  EXPECT_FALSE(directory.refusal("new"));

  put_agent("new", "eu", 2, true);
  for (const auto& change : *store_.changes(start, 100)) ASSERT_TRUE(directory.apply(change));
  EXPECT_EQ(directory.serving("eu"), "old");
  EXPECT_EQ(directory.refusal("new")->text, "agent new was revoked");
}

// What cannot be read states nothing: its agent keeps it as unclaimed, and all others are answered.
TEST_F(DispatchTest, AResourceThatCannotBeReadHoldsUpNoOther) {
  write({make("eu.a", 1), make("eu.b", 1), make("eu.c", 1)});
  ASSERT_TRUE(store_.transact([&](Txn& txn) -> Result<> {
    txn.put(keys::object("resources", "eu.b"), "\xff\xff\xff");
    return {};
  }));
  EXPECT_EQ(names(answer(from(0))), (std::vector<std::string>{"eu.a", "eu.c"}));
  auto request = from(0);
  request.set_manifest(true);
  for (const char* name : {"eu.a", "eu.b"}) {
    auto& held = *request.add_held();
    held.set_name(name);
    held.set_uid(std::string("uid-") + name);
    held.set_generation(1);
    held.set_hash("h1");
  }
  const auto batches = answer(request);
  EXPECT_EQ(names(batches), (std::vector<std::string>{"eu.c"}));
  ASSERT_EQ(batches.back().unclaimed_size(), 1);
  EXPECT_EQ(batches.back().unclaimed(0), "eu.b");
}

TEST_F(DispatchTest, AnAgentThatCannotBeReadKeepsTheHubFromServingNobodyElse) {
  put_agent("good", "eu", 1);
  ASSERT_TRUE(store_.transact([&](Txn& txn) -> Result<> {
    txn.put(keys::object("agents", "damaged"), "\xff\xff\xff");
    return {};
  }));
  AgentDirectory directory;
  ASSERT_TRUE(directory.rebuild(**store_.snapshot()));
  EXPECT_EQ(directory.serving("eu"), "good");
  EXPECT_EQ(directory.refusal("damaged")->code, "unknown");
}

}  // namespace
}  // namespace qleet::hub
