// What every Store must do, whatever is behind it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "hub/store/lmdb_store.h"
#include "hub/store/memory_store.h"
#include "hub/store/overlay_store.h"
#include "tests/conformance/store_harness.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

namespace qleet::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LmdbHarness final : public StoreHarness {
 public:
  explicit LmdbHarness(size_t max_log_entries) {
    options_.max_log_entries = max_log_entries;
    options_.max_map_bytes = options_.map_bytes = 256 << 20;
    open();
  }
  Store& store() override { return *store_; }
  Result<> compact(Revision before) override { return store_->compact(before); }
  void reopen() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    auto opened = LmdbStore::open(dir_ / "store", options_);
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
  }
  test::TempDir dir_;
  LmdbOptions options_;
  std::unique_ptr<LmdbStore> store_;
};

class MemoryHarness final : public StoreHarness {
 public:
  explicit MemoryHarness(size_t max_log_entries)
      : store_({.epoch = "e", .lineage = {}}, {.max_log_entries = max_log_entries}) {}
  Store& store() override { return store_; }
  Result<> compact(Revision before) override { return store_.compact(before); }

 private:
  MemoryStore store_;
};

// Over a base that has written and erased what the tests use, so that what lies below would show.
class OverlayHarness final : public StoreHarness {
 public:
  explicit OverlayHarness(size_t max_log_entries) {
    auto made = base_.transact([](Txn& txn) -> Result<> {
      txn.put("o/a", "base");
      txn.put("x/k", "base");
      return {};
    });
    if (made)
      made = base_.transact([](Txn& txn) -> Result<> {
        txn.erase("o/a");
        txn.erase("x/k");
        return {};
      });
    if (!made) throw std::runtime_error(made.error().message);
    auto overlay = OverlayStore::over(base_, {.max_log_entries = max_log_entries});
    if (!overlay) throw std::runtime_error(overlay.error().message);
    store_ = std::move(*overlay);
  }
  Store& store() override { return *store_; }
  Result<> compact(Revision before) override { return store_->compact(before); }

 private:
  MemoryStore base_;
  std::unique_ptr<OverlayStore> store_;
};

class StoreTest : public ::testing::TestWithParam<StoreImplementation> {
 protected:
  void SetUp() override { make(1'000'000); }
  void make(size_t max_log_entries) {
    harness_ = GetParam().make(max_log_entries);
    start_ = current();
  }
  Store& store() { return harness_->store(); }

  Revision current() { return store().snapshot().value()->revision(); }
  Revision put(const std::string& key, const std::string& value) {
    return store()
        .transact([&](Txn& txn) -> Result<> {
          txn.put(key, value);
          return {};
        })
        .value();
  }
  Revision erase(const std::string& key) {
    return store()
        .transact([&](Txn& txn) -> Result<> {
          txn.erase(key);
          return {};
        })
        .value();
  }
  std::string value(const std::string& key) {
    auto entry = store().snapshot().value()->get(key).value();
    return entry ? entry->value : "(none)";
  }
  static std::vector<std::string> keys(const Result<std::vector<Entry>>& entries) {
    std::vector<std::string> keys;
    for (const auto& entry : entries.value()) keys.push_back(entry.key);
    return keys;
  }
  std::vector<std::string> log(Revision after, size_t limit = SIZE_MAX) {
    std::vector<std::string> lines;
    for (const auto& change : store().changes(after, limit).value()) {
      lines.push_back(std::to_string(change.revision - start_) +
                      (change.created  ? "+"
                       : change.erased ? "-"
                                       : "=") +
                      change.key + ":" + change.value);
    }
    return lines;
  }

  std::unique_ptr<StoreHarness> harness_;
  Revision start_ = 0;
};

TEST_P(StoreTest, EveryWritingTransactionIsARevisionOfItsOwn) {
  EXPECT_EQ(put("o/a", "1"), start_ + 1);
  EXPECT_EQ(put("x/k", "1"), start_ + 2);
  EXPECT_EQ(erase("o/a"), start_ + 3);
  EXPECT_EQ(current(), start_ + 3);
}

TEST_P(StoreTest, WritingNothingMakesNoRevision) {
  put("o/a", "1");
  EXPECT_EQ(store().transact([](Txn&) -> Result<> { return {}; }).value(), start_ + 1);
  EXPECT_EQ(erase("o/missing"), start_ + 1);
  EXPECT_EQ(store()
                .transact([](Txn& txn) -> Result<> {
                  txn.put("o/b", "1");
                  txn.erase("o/b");
                  return {};
                })
                .value(),
            start_ + 1);
  EXPECT_EQ(current(), start_ + 1);
  EXPECT_THAT(log(start_), ElementsAre("1+o/a:1"));
}

TEST_P(StoreTest, EntriesCarryTheRevisionThatWroteThemLast) {
  put("o/a", "1");
  put("o/b", "1");
  put("o/a", "2");
  auto snapshot = store().snapshot().value();
  EXPECT_EQ(snapshot->get("o/a").value()->revision, start_ + 3);
  EXPECT_EQ(snapshot->get("o/b").value()->revision, start_ + 2);
  EXPECT_EQ(snapshot->scan({.prefix = "o/"}).value()[0].revision, start_ + 3);
}

TEST_P(StoreTest, ATransactionReadsItsOwnWrites) {
  put("o/a", "1");
  ASSERT_TRUE(store().transact([&](Txn& txn) -> Result<> {
    EXPECT_EQ(txn.revision(), start_ + 2);
    txn.put("o/a", "2");
    auto entry = TRY(txn.get("o/a"));
    EXPECT_EQ(entry->value, "2");
    EXPECT_EQ(entry->revision, start_ + 2);
    txn.erase("o/a");
    EXPECT_FALSE(TRY(txn.get("o/a")));
    txn.put("o/a", "3");
    return {};
  }));
  EXPECT_EQ(value("o/a"), "3");
}

TEST_P(StoreTest, ScansInByteOrderWithAfterAndLimit) {
  for (const char* key : {"o/b", "o/a", "o/a/1", "o/\xff", "p/z", "n/z", "o/B"}) put(key, "v");
  auto snapshot = store().snapshot().value();
  EXPECT_THAT(keys(snapshot->scan({.prefix = "o/"})), ElementsAre("o/B", "o/a", "o/a/1", "o/b", "o/\xff"));
  EXPECT_THAT(keys(snapshot->scan({.prefix = "o/", .after = "o/a"})), ElementsAre("o/a/1", "o/b", "o/\xff"));
  EXPECT_THAT(keys(snapshot->scan({.prefix = "o/", .after = "o/a0"})), ElementsAre("o/b", "o/\xff"));
  EXPECT_THAT(keys(snapshot->scan({.prefix = "o/", .after = "o/a", .limit = 1})), ElementsAre("o/a/1"));
  EXPECT_THAT(keys(snapshot->scan({.prefix = "o/", .after = "a"})),
              ElementsAre("o/B", "o/a", "o/a/1", "o/b", "o/\xff"));
  EXPECT_THAT(keys(snapshot->scan({.prefix = "o/", .after = "p"})), IsEmpty());
  EXPECT_THAT(keys(snapshot->scan({.prefix = "o/", .limit = 0})), IsEmpty());
  EXPECT_THAT(keys(snapshot->scan({})), ElementsAre("n/z", "o/B", "o/a", "o/a/1", "o/b", "o/\xff", "p/z"));
  EXPECT_THAT(keys(snapshot->scan({.prefix = "q/"})), IsEmpty());
}

TEST_P(StoreTest, ScansSeeUncommittedWritesAndErases) {
  for (const char* key : {"o/a", "o/c", "o/e", "o/g"}) put(key, "old");
  ASSERT_TRUE(store().transact([&](Txn& txn) -> Result<> {
    txn.put("o/b", "new");
    txn.put("o/c", "new");
    txn.erase("o/a");
    txn.erase("o/e");
    txn.put("n/z", "new");
    txn.put("p/z", "new");
    EXPECT_THAT(keys(txn.scan({.prefix = "o/"})), ElementsAre("o/b", "o/c", "o/g"));
    EXPECT_THAT(keys(txn.scan({.prefix = "o/", .limit = 2})), ElementsAre("o/b", "o/c"));
    EXPECT_THAT(keys(txn.scan({.prefix = "o/", .after = "o/b", .limit = 2})), ElementsAre("o/c", "o/g"));
    EXPECT_THAT(keys(txn.scan({.prefix = "o/", .after = "o/c", .limit = 1})), ElementsAre("o/g"));
    EXPECT_THAT(keys(txn.scan({.prefix = "o/", .limit = 0})), IsEmpty());
    auto entries = TRY(txn.scan({.prefix = "o/"}));
    EXPECT_EQ(entries[1].value, "new");
    EXPECT_EQ(entries[1].revision, start_ + 5);
    EXPECT_EQ(entries[2].revision, start_ + 4);
    return {};
  }));
  EXPECT_THAT(keys(store().snapshot().value()->scan({.prefix = "o/"})), ElementsAre("o/b", "o/c", "o/g"));
}

TEST_P(StoreTest, AnErrorLeavesNoTrace) {
  put("o/a", "1");
  auto result = store().transact([](Txn& txn) -> Result<> {
    txn.put("o/a", "2");
    txn.put("o/b", "2");
    return fail(Code::kConflict, "no");
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kConflict);
  EXPECT_EQ(result.error().message, "no");
  EXPECT_EQ(value("o/a"), "1");
  EXPECT_EQ(value("o/b"), "(none)");
  EXPECT_EQ(current(), start_ + 1);
  EXPECT_EQ(put("o/c", "1"), start_ + 2);
  EXPECT_THAT(log(start_), ElementsAre("1+o/a:1", "2+o/c:1"));
}

TEST_P(StoreTest, AnExceptionReachesTheCallerAndLeavesNoTrace) {
  EXPECT_THROW((void)store().transact([](Txn& txn) -> Result<> {
    txn.put("o/a", "1");
    throw std::logic_error("bug");
  }),
               std::logic_error);
  EXPECT_EQ(value("o/a"), "(none)");
  EXPECT_EQ(put("o/a", "2"), start_ + 1);
}

TEST_P(StoreTest, ATransactionWithinATransactionIsRefused) {
  auto result = store().transact([&](Txn&) -> Result<> {
    TRY(store().transact([](Txn&) -> Result<> { return {}; }));
    return {};
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kInternal);
  EXPECT_EQ(put("o/a", "1"), start_ + 1);
}

TEST_P(StoreTest, RefusesKeysThatCannotBe) {
  const std::string longest(511, 'k');
  EXPECT_EQ(put(longest, "1"), start_ + 1);
  EXPECT_EQ(value(longest), "1");
  EXPECT_THAT(keys(store().snapshot().value()->scan({.prefix = "k", .after = longest})), IsEmpty());
  for (const std::string& key : {std::string(512, 'k'), std::string()}) {
    auto result = store().transact([&](Txn& txn) -> Result<> {
      txn.put("o/a", "1");
      txn.put(key, "1");
      return {};
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kInvalid);
    EXPECT_EQ(store().snapshot().value()->get(key).error().code, Code::kInvalid);
  }
  EXPECT_EQ(value("o/a"), "(none)");
}

TEST_P(StoreTest, KeepsLargeAndBinaryValues) {
  std::string large(5 << 20, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7);
  put("o/large", large);
  put("o/empty", "");
  EXPECT_EQ(value("o/large"), large);
  EXPECT_EQ(value("o/empty"), "");
  auto changes = store().changes(start_, 10).value();
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].value, large);
}

TEST_P(StoreTest, ASnapshotStaysAsItWas) {
  put("o/a", "1");
  put("o/b", "1");
  auto snapshot = store().snapshot().value();
  put("o/a", "2");
  erase("o/b");
  put("o/c", "2");
  EXPECT_EQ(snapshot->revision(), start_ + 2);
  EXPECT_EQ(snapshot->get("o/a").value()->value, "1");
  EXPECT_THAT(keys(snapshot->scan({.prefix = "o/"})), ElementsAre("o/a", "o/b"));
  EXPECT_FALSE(snapshot->get("o/c").value());
  snapshot.reset();
  EXPECT_THAT(keys(store().snapshot().value()->scan({.prefix = "o/"})), ElementsAre("o/a", "o/c"));
  erase("o/a");
  EXPECT_THAT(keys(store().snapshot().value()->scan({.prefix = "o/"})), ElementsAre("o/c"));
}

TEST_P(StoreTest, ConcurrentCountersLoseNothing) {
  constexpr int kThreads = 8;
  constexpr int kEach = 50;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        auto result = store().transact([&](Txn& txn) -> Result<> {
          auto entry = TRY(txn.get("c/n"));
          txn.put("c/n", std::to_string(entry ? std::stoi(entry->value) + 1 : 1));
          // Every third gives up after having written.
          if ((i + t) % 3 == 0) return fail(Code::kConflict, "gives up");
          return {};
        });
        if (!result) ++failures;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::stoi(value("c/n")), kThreads * kEach - failures);
  EXPECT_EQ(current(), start_ + kThreads * kEach - failures);
}

TEST_P(StoreTest, TheLogHoldsObjectsAloneInOrder) {
  put("o/b", "1");
  put("x/k", "1");
  ASSERT_TRUE(store().transact([](Txn& txn) -> Result<> {
    txn.put("o/c", "1");
    txn.put("x/k", "2");
    txn.put("o/b", "lost");
    txn.put("o/b", "2");
    txn.put("o/a", "1");
    return {};
  }));
  erase("o/b");
  EXPECT_THAT(log(start_), ElementsAre("1+o/b:1", "3+o/a:1", "3=o/b:2", "3+o/c:1", "4-o/b:2"));
  EXPECT_THAT(log(start_ + 1, 1), ElementsAre("3+o/a:1", "3=o/b:2", "3+o/c:1"));
  EXPECT_THAT(log(start_ + 3), ElementsAre("4-o/b:2"));
  EXPECT_THAT(log(start_ + 4), IsEmpty());
  EXPECT_EQ(put("o/b", "3"), start_ + 5);
  EXPECT_THAT(log(start_ + 4), ElementsAre("5+o/b:3"));
}

TEST_P(StoreTest, APositionAheadOfTheStoreIsFromAnotherLife) {
  EXPECT_EQ(store().changes(start_ + 1, 1).error().code, Code::kCompacted);
}

TEST_P(StoreTest, CompactingForgetsWhatCameBefore) {
  for (int i = 1; i <= 5; ++i) put("o/a", std::to_string(i));
  ASSERT_TRUE(harness_->compact(start_ + 4));
  EXPECT_EQ(store().changes(start_ + 2, 10).error().code, Code::kCompacted);
  EXPECT_THAT(log(start_ + 3), ElementsAre("4=o/a:4", "5=o/a:5"));
  ASSERT_TRUE(harness_->compact(start_ + 1));
  EXPECT_THAT(log(start_ + 3), ElementsAre("4=o/a:4", "5=o/a:5"));
  ASSERT_TRUE(harness_->compact(start_ + 1000));
  EXPECT_EQ(store().changes(start_ + 4, 10).error().code, Code::kCompacted);
  EXPECT_THAT(log(start_ + 5), IsEmpty());
  put("o/a", "6");
  EXPECT_THAT(log(start_ + 5), ElementsAre("6=o/a:6"));
  EXPECT_EQ(value("o/a"), "6");
}

TEST_P(StoreTest, TheLogIsBounded) {
  make(3);
  for (int i = 1; i <= 10; ++i) put("o/a", std::to_string(i));
  EXPECT_EQ(store().changes(start_ + 6, 10).error().code, Code::kCompacted);
  EXPECT_THAT(log(start_ + 7), ElementsAre("8=o/a:8", "9=o/a:9", "10=o/a:10"));
  // A revision larger than the bound is kept whole, for whoever follows closely.
  ASSERT_TRUE(store().transact([](Txn& txn) -> Result<> {
    for (int i = 0; i < 5; ++i) txn.put("o/n" + std::to_string(i), "1");
    return {};
  }));
  EXPECT_EQ(log(start_ + 10).size(), 5U);
}

TEST_P(StoreTest, WakesSubscribersAfterEachCommitUntilTheyLeave) {
  struct Follower {
    std::mutex mutex;
    std::condition_variable woken;
    Revision last = 0;
    void wake(Revision revision) {
      std::lock_guard lock(mutex);
      last = revision;
      woken.notify_all();
    }
    bool reaches(Revision revision) {
      std::unique_lock lock(mutex);
      return woken.wait_for(lock, test::patient(std::chrono::seconds(10)), [&] { return last >= revision; });
    }
  };
  Follower leaves;
  Follower stays;
  auto leaving = store().subscribe([&](Revision revision) { leaves.wake(revision); });
  auto staying = store().subscribe([&](Revision revision) { stays.wake(revision); });
  Revision committed = 0;
  for (int i = 0; i < 10; ++i) {
    committed = put("x/k", std::to_string(i));
    ASSERT_TRUE(leaves.reaches(committed));
  }
  leaving.reset();
  ASSERT_TRUE(stays.reaches(put("x/k", "unseen")));
  EXPECT_EQ(leaves.last, committed);
}

TEST_P(StoreTest, ASubscriberMayLeaveWhileItIsWoken) {
  std::promise<void> left;
  std::shared_ptr<void> handle;
  handle = store().subscribe([&](Revision) {
    handle.reset();
    left.set_value();
  });
  put("x/k", "1");
  ASSERT_EQ(left.get_future().wait_for(test::patient(std::chrono::seconds(10))), std::future_status::ready);
  put("x/k", "2");
}

TEST_P(StoreTest, AFollowerOfTheLogMissesNothing) {
  constexpr int kWrites = 200;
  std::thread writer([&] {
    for (int i = 0; i < kWrites; ++i) put("o/n" + std::to_string(i), std::to_string(i));
  });
  std::vector<std::string> seen;
  Revision at = start_;
  const auto deadline = std::chrono::steady_clock::now() + test::patient(std::chrono::seconds(30));
  while (seen.size() < kWrites && std::chrono::steady_clock::now() < deadline) {
    for (const auto& change : store().changes(at, 7).value()) {
      EXPECT_GE(change.revision, at);
      at = change.revision;
      seen.push_back(change.value);
    }
    std::this_thread::yield();
  }
  writer.join();
  ASSERT_EQ(seen.size(), static_cast<size_t>(kWrites));
  for (int i = 0; i < kWrites; ++i) EXPECT_EQ(seen[i], std::to_string(i));
}

class DurableStoreTest : public StoreTest {};

TEST_P(DurableStoreTest, IsAsItWasWhenOpenedAgain) {
  put("o/a", "1");
  put("o/b", "1");
  erase("o/a");
  const StoreIdentity before = store().identity();
  harness_->reopen();
  EXPECT_EQ(current(), start_ + 3);
  EXPECT_EQ(value("o/a"), "(none)");
  EXPECT_EQ(value("o/b"), "1");
  EXPECT_THAT(log(start_), ElementsAre("1+o/a:1", "2+o/b:1", "3-o/a:1"));
  EXPECT_EQ(store().identity().epoch, before.epoch);
  EXPECT_EQ(store().identity().lineage, before.lineage);
  EXPECT_EQ(put("o/a", "2"), start_ + 4);
}

TEST_P(StoreTest, HasAnEpoch) { EXPECT_FALSE(store().identity().epoch.empty()); }

template <class Harness>
StoreImplementation implementation(const char* name) {
  return {name, [](size_t max_log_entries) { return std::make_unique<Harness>(max_log_entries); }};
}

std::string name_of(const ::testing::TestParamInfo<StoreImplementation>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(All, StoreTest,
                         ::testing::Values(implementation<LmdbHarness>("Lmdb"),
                                           implementation<MemoryHarness>("Memory"),
                                           implementation<OverlayHarness>("Overlay")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(All, DurableStoreTest, ::testing::Values(implementation<LmdbHarness>("Lmdb")),
                         name_of);

}  // namespace
}  // namespace qleet::hub
