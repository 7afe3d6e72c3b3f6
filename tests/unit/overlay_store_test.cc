#include "hub/store/overlay_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hub/store/memory_store.h"

namespace qleet::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Revision put(Store& store, const std::string& key, const std::string& value) {
  return store
      .transact([&](Txn& txn) -> Result<> {
        txn.put(key, value);
        return {};
      })
      .value();
}

Revision erase(Store& store, const std::string& key) {
  return store
      .transact([&](Txn& txn) -> Result<> {
        txn.erase(key);
        return {};
      })
      .value();
}

std::vector<std::string> scan(const Store& store, const Range& range) {
  std::vector<std::string> found;
  for (const auto& entry : store.snapshot().value()->scan(range).value()) {
    found.push_back(entry.key + "=" + entry.value);
  }
  return found;
}

class OverlayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* key : {"o/a", "o/c", "o/e", "x/k"}) put(base_, key, "base");
    overlay_ = OverlayStore::over(base_).value();
  }
  MemoryStore base_{{.epoch = "e", .lineage = {"d"}}};
  std::unique_ptr<OverlayStore> overlay_;
};

TEST_F(OverlayTest, BeginsWithTheBaseAndItsIdentity) {
  EXPECT_EQ(overlay_->snapshot().value()->revision(), 4U);
  EXPECT_EQ(overlay_->identity().epoch, "e");
  EXPECT_THAT(overlay_->identity().lineage, ElementsAre("d"));
  EXPECT_THAT(scan(*overlay_, {.prefix = "o/"}), ElementsAre("o/a=base", "o/c=base", "o/e=base"));
  EXPECT_EQ(overlay_->snapshot().value()->get("o/c").value()->revision, 2U);
  EXPECT_THAT(overlay_->changes(4, 10).value(), IsEmpty());
  EXPECT_EQ(overlay_->changes(3, 10).error().code, Code::kCompacted);
}

TEST_F(OverlayTest, WritesDoNotReachTheBase) {
  EXPECT_EQ(put(*overlay_, "o/b", "over"), 5U);
  put(*overlay_, "o/c", "over");
  erase(*overlay_, "o/a");
  EXPECT_THAT(scan(*overlay_, {.prefix = "o/"}), ElementsAre("o/b=over", "o/c=over", "o/e=base"));
  EXPECT_THAT(scan(*overlay_, {.prefix = "o/", .limit = 1}), ElementsAre("o/b=over"));
  EXPECT_THAT(scan(*overlay_, {.prefix = "o/", .after = "o/c"}), ElementsAre("o/e=base"));
  EXPECT_THAT(scan(base_, {.prefix = "o/"}), ElementsAre("o/a=base", "o/c=base", "o/e=base"));
  const auto changes = overlay_->changes(4, 10).value();
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_TRUE(changes[0].created);
  EXPECT_FALSE(changes[1].created);
  EXPECT_TRUE(changes[2].erased);
  EXPECT_EQ(changes[2].value, "base");
}

TEST_F(OverlayTest, WritesOfTheBaseDoNotReachIt) {
  put(base_, "o/a", "later");
  put(base_, "o/z", "later");
  EXPECT_THAT(scan(*overlay_, {.prefix = "o/"}), ElementsAre("o/a=base", "o/c=base", "o/e=base"));
}

TEST_F(OverlayTest, WhatWasErasedCanComeBack) {
  erase(*overlay_, "o/a");
  EXPECT_EQ(erase(*overlay_, "o/a"), 5U);
  put(*overlay_, "o/a", "again");
  EXPECT_THAT(scan(*overlay_, {.prefix = "o/a"}), ElementsAre("o/a=again"));
  EXPECT_TRUE(overlay_->changes(5, 10).value()[0].created);
}

TEST_F(OverlayTest, SnapshotsSeeTheBaseBeneathLaterWrites) {
  auto before = overlay_->snapshot().value();
  put(*overlay_, "o/a", "over");
  auto between = overlay_->snapshot().value();
  erase(*overlay_, "o/a");
  put(*overlay_, "o/b", "over");
  EXPECT_EQ(before->get("o/a").value()->value, "base");
  EXPECT_EQ(before->scan({.prefix = "o/", .limit = 2}).value()[1].key, "o/c");
  EXPECT_EQ(between->get("o/a").value()->value, "over");
  EXPECT_THAT(scan(*overlay_, {.prefix = "o/"}), ElementsAre("o/b=over", "o/c=base", "o/e=base"));
}

TEST_F(OverlayTest, OverlaysCanBeStacked) {
  put(*overlay_, "o/a", "1");
  auto second = OverlayStore::over(*overlay_).value();
  put(*second, "o/b", "2");
  erase(*second, "o/c");
  EXPECT_THAT(scan(*second, {.prefix = "o/"}), ElementsAre("o/a=1", "o/b=2", "o/e=base"));
  EXPECT_THAT(scan(*overlay_, {.prefix = "o/"}), ElementsAre("o/a=1", "o/c=base", "o/e=base"));
}

}  // namespace
}  // namespace qleet::hub
