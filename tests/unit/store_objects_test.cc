#include "hub/store/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "hub/store/keys.h"
#include "hub/store/memory_store.h"
#include "hub/store/wire_fields.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub {
namespace {

using objects::Written;
using ::testing::HasSubstr;
using v1::Deployment;

class ObjectsTest : public ::testing::Test {
 protected:
  // What `write` answers in a transaction of its own.
  template <class Write>
  auto with_txn(Write write) {
    decltype(write(std::declval<Txn&>(), stamp())) result;
    (void)store_.transact([&](Txn& txn) -> Result<> {
      result = write(txn, stamp());
      if (!result) return std::unexpected(result.error());
      return {};
    });
    return result;
  }
  Result<Written> put_spec(google::protobuf::Message& object) {
    return with_txn(
        [&](Txn& txn, const objects::Stamp& stamp) { return objects::put_spec(txn, object, stamp); });
  }
  Result<Written> put(google::protobuf::Message& object) {
    return with_txn([&](Txn& txn, const objects::Stamp& stamp) { return objects::put(txn, object, stamp); });
  }
  Result<Written> put_status(google::protobuf::Message& object) {
    return with_txn([&](Txn& txn, const objects::Stamp&) { return objects::put_status(txn, object); });
  }
  objects::Stamp stamp() { return {now_, random_}; }
  Revision revision() { return store_.snapshot().value()->revision(); }
  Deployment stored(const std::string& name) {
    return objects::get<Deployment>(*store_.snapshot().value(), name).value().value();
  }
  static Deployment deployment(const std::string& name, unsigned release) {
    Deployment d;
    d.mutable_metadata()->set_name(name);
    d.mutable_spec()->set_release(release);
    return d;
  }

  MemoryStore store_;
  WallTime now_{Millis(1'700'000'000'123)};
  std::uint64_t next_ = 0x0123456789abcdef;
  Random random_ = [this] { return next_++; };
};

TEST_F(ObjectsTest, CreatingSetsWhatOnlyTheHubSets) {
  auto d = deployment("shop.prod", 1);
  d.mutable_metadata()->set_uid("mine");
  d.mutable_metadata()->set_generation(7);
  d.mutable_metadata()->set_resource_version(99);
  d.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  d.mutable_status()->set_state("Ready");
  EXPECT_EQ(put_spec(d), Written::kCreated);
  const auto found = stored("shop.prod");
  EXPECT_EQ(found.api_version(), "qleet.io/v1");
  EXPECT_EQ(found.kind(), "Deployment");
  EXPECT_EQ(found.metadata().uid(), "01234567-89ab-4def-8123-456789abcdf0");
  EXPECT_EQ(found.metadata().generation(), 1U);
  EXPECT_EQ(found.metadata().resource_version(), 1U);
  EXPECT_EQ(objects::wall_time(found.metadata().creation_timestamp()), now_);
  EXPECT_FALSE(found.metadata().has_deletion_timestamp());
  EXPECT_FALSE(found.has_status());
  EXPECT_EQ(objects::serialize(found), objects::serialize(d));
}

TEST_F(ObjectsTest, TheRevisionIsNotStored) {
  auto d = deployment("shop.prod", 1);
  ASSERT_TRUE(put_spec(d));
  Deployment raw;
  ASSERT_TRUE(raw.ParseFromString(store_.snapshot().value()->get("o/deployments/shop.prod").value()->value));
  EXPECT_EQ(raw.metadata().resource_version(), 0U);
}

TEST_F(ObjectsTest, TheSameSpecWritesNothing) {
  auto d = deployment("shop.prod", 1);
  (*d.mutable_metadata()->mutable_labels())["a"] = "1";
  (*d.mutable_metadata()->mutable_labels())["b"] = "2";
  ASSERT_TRUE(put_spec(d));
  now_ += Millis(1000);
  auto again = deployment("shop.prod", 1);
  (*again.mutable_metadata()->mutable_labels())["b"] = "2";
  (*again.mutable_metadata()->mutable_labels())["a"] = "1";
  EXPECT_EQ(put_spec(again), Written::kNothing);
  EXPECT_EQ(again.metadata().resource_version(), 1U);
  EXPECT_EQ(again.metadata().uid(), d.metadata().uid());
  EXPECT_EQ(revision(), 1U);
}

TEST_F(ObjectsTest, GenerationCountsChangesOfSpecAlone) {
  auto d = deployment("shop.prod", 1);
  ASSERT_TRUE(put_spec(d));
  d.mutable_spec()->set_release(2);
  EXPECT_EQ(put_spec(d), Written::kChanged);
  EXPECT_EQ(stored("shop.prod").metadata().generation(), 2U);
  (*d.mutable_metadata()->mutable_labels())["team"] = "web";
  EXPECT_EQ(put_spec(d), Written::kChanged);
  EXPECT_EQ(stored("shop.prod").metadata().generation(), 2U);
  EXPECT_EQ(stored("shop.prod").metadata().resource_version(), 3U);
}

TEST_F(ObjectsTest, SpecAndStatusLeaveEachOtherAlone) {
  auto d = deployment("shop.prod", 1);
  ASSERT_TRUE(put_spec(d));
  auto status = deployment("shop.prod", 77);
  status.mutable_status()->set_state("Ready");
  EXPECT_EQ(put_status(status), Written::kChanged);
  EXPECT_EQ(status.spec().release(), 1U);
  EXPECT_EQ(status.metadata().generation(), 1U);
  EXPECT_EQ(put_status(status), Written::kNothing);
  EXPECT_EQ(revision(), 2U);

  auto spec = deployment("shop.prod", 2);
  spec.mutable_status()->set_state("lie");
  EXPECT_EQ(put_spec(spec), Written::kChanged);
  EXPECT_EQ(stored("shop.prod").status().state(), "Ready");
  EXPECT_EQ(spec.status().state(), "Ready");
}

// With a sanitizer this sees memory that is gone; without, at least that it is elsewhere.
TEST_F(ObjectsTest, ReferencesToPartsOutliveWhatIsWritten) {
  auto object = deployment("a.b", 7);
  ASSERT_TRUE(put(object));
  object.mutable_status()->set_state("Ready");
  const auto& meta = object.metadata();
  const auto& spec = object.spec();
  const auto& status = object.status();
  ASSERT_EQ(put_status(object), Written::kChanged);
  EXPECT_EQ(&meta, &object.metadata());
  EXPECT_EQ(&spec, &object.spec());
  EXPECT_EQ(&status, &object.status());
  EXPECT_EQ(spec.release(), 7U);
  EXPECT_EQ(meta.resource_version(), object.metadata().resource_version());
  EXPECT_EQ(status.state(), "Ready");
}

TEST_F(ObjectsTest, PutTakesAllButIdentity) {
  auto d = deployment("shop.prod", 1);
  ASSERT_TRUE(put_spec(d));
  const std::string uid = d.metadata().uid();
  auto whole = deployment("shop.prod", 1);
  whole.mutable_status()->set_state("Deleting");
  *whole.mutable_metadata()->mutable_deletion_timestamp() = objects::timestamp(now_);
  EXPECT_EQ(put(whole), Written::kChanged);
  EXPECT_EQ(stored("shop.prod").status().state(), "Deleting");
  EXPECT_TRUE(stored("shop.prod").metadata().has_deletion_timestamp());
  EXPECT_EQ(stored("shop.prod").metadata().uid(), uid);
  EXPECT_EQ(stored("shop.prod").metadata().generation(), 1U);
  EXPECT_EQ(put(whole), Written::kNothing);
  // People cannot take back a delete by applying.
  auto applied = deployment("shop.prod", 1);
  EXPECT_EQ(put_spec(applied), Written::kNothing);
  EXPECT_TRUE(applied.metadata().has_deletion_timestamp());
}

TEST_F(ObjectsTest, KindsWithoutStatusHaveNone) {
  v1::Role role;
  role.mutable_metadata()->set_name("dev");
  EXPECT_EQ(put_spec(role), Written::kCreated);
  EXPECT_EQ(put_status(role).error().code, Code::kInternal);
}

TEST_F(ObjectsTest, StatusOfWhatIsNotThere) {
  auto d = deployment("shop.prod", 1);
  const auto error = put_status(d).error();
  EXPECT_EQ(error.code, Code::kNotFound);
  EXPECT_EQ(error.message, "deployment shop.prod does not exist");
}

TEST_F(ObjectsTest, RefusesNamesThatCannotBeInAKey) {
  for (const std::string& name : {std::string(), std::string("a/b"), std::string(600, 'n')}) {
    auto d = deployment(name, 1);
    const auto error = put_spec(d).error();
    EXPECT_EQ(error.code, Code::kInvalid);
    ASSERT_EQ(error.fields.size(), 1U);
    EXPECT_EQ(error.fields[0].field, "metadata.name");
  }
}

TEST_F(ObjectsTest, ReadsOneAndLists) {
  for (const char* name : {"shop.prod", "shop.dev", "blog.prod", "shop-x.dev"}) {
    auto d = deployment(name, 1);
    ASSERT_TRUE(put_spec(d));
  }
  auto snapshot = store_.snapshot().value();
  EXPECT_FALSE(objects::get<Deployment>(*snapshot, "none").value());
  EXPECT_FALSE(objects::get<v1::Release>(*snapshot, "shop.prod").value());
  auto names = [](const auto& found) {
    std::string text;
    for (const auto& d : found.value()) text += d.metadata().name() + " ";
    return text;
  };
  EXPECT_EQ(names(objects::list<Deployment>(*snapshot)), "blog.prod shop-x.dev shop.dev shop.prod ");
  EXPECT_EQ(names(objects::list<Deployment>(*snapshot, {.after = "shop-x.dev", .limit = 1})), "shop.dev ");
  EXPECT_EQ(names(objects::list<Deployment>(*snapshot, {.name_prefix = "shop."})), "shop.dev shop.prod ");

  const auto& kind = *model::find_kind("Deployment");
  EXPECT_EQ(model::meta(**objects::get(*snapshot, kind, "shop.dev")).resource_version(), 2U);
  EXPECT_FALSE(objects::get(*snapshot, kind, "none").value());
  EXPECT_EQ(objects::list(*snapshot, kind, {.limit = 3})->size(), 3U);
}

TEST_F(ObjectsTest, ErasesAndTellsFromTheLog) {
  auto d = deployment("shop.prod", 1);
  ASSERT_TRUE(put_spec(d));
  const auto& kind = *model::find_kind("Deployment");
  auto erase = [&](Txn& txn, const objects::Stamp&) { return objects::erase(txn, kind, "shop.prod"); };
  EXPECT_EQ(with_txn(erase), true);
  EXPECT_EQ(with_txn(erase), false);
  const auto changes = store_.changes(0, 10).value();
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_TRUE(changes[1].erased);
  const auto last = objects::decode(changes[1]).value();
  EXPECT_EQ(model::meta(*last).name(), "shop.prod");
  EXPECT_EQ(model::meta(*last).resource_version(), 2U);
}

TEST_F(ObjectsTest, VersionsAreCompared) {
  auto d = deployment("shop.prod", 1);
  ASSERT_TRUE(put_spec(d));
  EXPECT_TRUE(objects::check_version(d, 1));
  const auto error = objects::check_version(d, 5).error();
  EXPECT_EQ(error.code, Code::kConflict);
  EXPECT_THAT(error.message, HasSubstr("deployment shop.prod is at resourceVersion 1, not at 5"));
  EXPECT_EQ(objects::check_version(Entry{"o/deployments/shop.prod", "", 1}, 5).error().message,
            error.message);
}

TEST_F(ObjectsTest, WhatCannotBeReadIsSaid) {
  ASSERT_TRUE(store_.transact([](Txn& txn) -> Result<> {
    txn.put("o/deployments/bad", "\xff\xff\xff");
    return {};
  }));
  const auto found = objects::get<Deployment>(*store_.snapshot().value(), "bad");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("o/deployments/bad cannot be read"));
}

TEST(WireFields, AFieldIsReplacedWhereItStands) {
  using objects::serialize;
  v1::Resource resource;
  resource.mutable_metadata()->set_name("a");
  resource.mutable_spec()->set_deletes_repeated(300);
  resource.mutable_status()->set_state(std::string(200, 'x'));
  const auto bytes = serialize(resource);
  const int field = v1::Resource::kStatusFieldNumber;
  resource.mutable_status()->set_state("y");
  const auto status = serialize(resource.status());
  const auto changed = with_field(bytes, field, &status).value();
  EXPECT_EQ(changed, serialize(resource));
  resource.clear_status();
  EXPECT_EQ(with_field(bytes, field, nullptr).value(), serialize(resource));
  const auto without = serialize(resource);
  resource.mutable_status()->set_state("y");
  EXPECT_EQ(with_field(without, field, &status).value(), serialize(resource));
  for (size_t size = 1; size < bytes.size(); ++size) (void)with_field(bytes.substr(0, size), field, &status);
  EXPECT_FALSE(with_field("\xff\xff", field, &status));
  EXPECT_FALSE(with_field(std::string_view("\x0a\x7f", 2), field, &status));
  EXPECT_FALSE(with_field(std::string_view("\0\0", 2), field, &status));
}

TEST(ObjectKeys, AreParsed) {
  const auto parsed = objects::parse_key("o/deployments/shop.prod");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->kind->name, "Deployment");
  EXPECT_EQ(parsed->name, "shop.prod");
  for (const char* key :
       {"", "o/", "o/deployments", "o/deployments/", "o/none/a", "x/ref/a", "o/deployments/a/b"}) {
    EXPECT_FALSE(objects::parse_key(key)) << key;
  }
}

TEST(Keys, AreBuilt) {
  EXPECT_EQ(keys::object("releases", "shop.1"), "o/releases/shop.1");
  EXPECT_EQ(keys::ref("eu.prod.shop.redis.cache", "d:shop.prod"),
            "x/ref/eu.prod.shop.redis.cache/d:shop.prod");
  EXPECT_EQ(keys::region_pos("eu", 255, "r"), "x/region-pos/eu/00000000000000ff/r");
  EXPECT_EQ(keys::profile_rev("pg", 10), "x/profile-rev/pg/0000000a");
  EXPECT_EQ(keys::image("localhost:5000/shop", "shop"), "x/image/bG9jYWxob3N0OjUwMDAvc2hvcA/shop");
  EXPECT_EQ(keys::below("x/ref", "r"), "x/ref/r/");
  EXPECT_EQ(keys::last("x/ref/a/b"), "b");
  EXPECT_EQ(keys::segments("x//b").size(), 3U);
  EXPECT_LT(keys::unused(9, "r"), keys::unused(10, "a"));
}

TEST(Keys, Base64UrlOfAnyBytes) {
  EXPECT_EQ(keys::base64url(""), "");
  EXPECT_EQ(keys::base64url("f"), "Zg");
  EXPECT_EQ(keys::base64url("fo"), "Zm8");
  EXPECT_EQ(keys::base64url("foo"), "Zm9v");
  EXPECT_EQ(keys::base64url("\xff\xfe\xfd"), "__79");
}

}  // namespace
}  // namespace qleet::hub
