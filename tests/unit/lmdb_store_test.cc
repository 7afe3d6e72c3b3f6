#include "hub/store/lmdb_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "hub/store/lmdb_env.h"
#include "tests/support/small_disk.h"
#include "tests/support/temp_dir.h"

namespace qleet::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

LmdbOptions small() {
  LmdbOptions options;
  options.map_bytes = options.max_map_bytes = 256 << 20;
  return options;
}

Result<Revision> put(Store& store, const std::string& key, const std::string& value) {
  return store.transact([&](Txn& txn) -> Result<> {
    txn.put(key, value);
    return {};
  });
}

std::string value(const Store& store, const std::string& key) {
  auto entry = store.snapshot().value()->get(key).value();
  return entry ? entry->value : "(none)";
}

TEST(LmdbStore, RefusesASecondOwnerNamingTheFirst) {
  test::TempDir dir;
  auto first = LmdbStore::open(dir / "s", small()).value();
  auto second = LmdbStore::open(dir / "s", small());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(::getpid())));
  first.reset();
  EXPECT_TRUE(LmdbStore::open(dir / "s", small()));
}

TEST(LmdbStore, RefusesAFormatThatItDoesNotKnow) {
  test::TempDir dir;
  {
    ASSERT_TRUE(LmdbStore::open(dir / "s", small()));
  }
  {
    auto env = lmdb::Env::open(dir / "s", {}).value();
    auto txn = lmdb::TxnHandle::begin(*env, false).value();
    ASSERT_EQ(lmdb::put_meta(*env, txn.get(), lmdb::meta::kFormat, "7"), 0);
    ASSERT_EQ(txn.commit(), 0);
  }
  auto opened = LmdbStore::open(dir / "s", small());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnsupported);
  EXPECT_THAT(opened.error().message,
              HasSubstr("has format 7, this hub reads format 1 to 2: start the newer version"));
}

TEST(LmdbStore, RefusesSomebodyElsesFile) {
  test::TempDir dir;
  MDB_env* env = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_open(env, dir.path().c_str(), 0, 0600), 0);
  MDB_txn* txn = nullptr;
  ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
  MDB_dbi dbi = 0;
  ASSERT_EQ(mdb_dbi_open(txn, nullptr, 0, &dbi), 0);
  MDB_val word{3, const_cast<char*>("abc")};
  ASSERT_EQ(mdb_put(txn, dbi, &word, &word, 0), 0);
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
  auto opened = LmdbStore::open(dir.path(), small());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("is not a hub's store"));
}

TEST(LmdbStore, RefusesADamagedFile) {
  test::TempDir dir;
  std::ofstream(dir / "data.mdb") << std::string(64 << 10, 'x');
  auto opened = LmdbStore::open(dir.path(), small());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("restore a backup"));
}

TEST(LmdbStore, TheDirectoryIsItsOwnersAlone) {
  test::TempDir dir;
  auto store = LmdbStore::open(dir / "a" / "s").value();
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(dir / "a" / "s").permissions(), perms::owner_all);
  EXPECT_EQ(std::filesystem::status(dir / "a" / "s" / "data.mdb").permissions(),
            perms::owner_read | perms::owner_write);
}

TEST(LmdbStore, ASmallMapGrowsAndALimitIsKept) {
  test::TempDir dir;
  LmdbOptions options = small();
  options.map_bytes = 1 << 20;
  options.max_map_bytes = 8 << 20;
  options.max_log_entries = 2;
  auto store = LmdbStore::open(dir / "s", options).value();
  const std::string half(512 << 10, 'v');
  int stored = 0;
  Result<Revision> result = 0;
  while (stored < 100 && (result = put(*store, "o/" + std::to_string(stored), half))) ++stored;
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kFull);
  EXPECT_THAT(result.error().message, HasSubstr("maximum size: raise it"));
  EXPECT_GE(stored, 8);
  EXPECT_LE(store->stats()->file_bytes, options.max_map_bytes);
  // Still readable, and usable when there is room.
  EXPECT_EQ(value(*store, "o/0"), half);
  EXPECT_TRUE(put(*store, "x/small", "1"));
  EXPECT_TRUE(put(*store, "o/0", "small"));
  EXPECT_TRUE(put(*store, "o/1", "small"));
}

TEST(LmdbStore, GrowingWaitsForReadersButNotForever) {
  test::TempDir dir;
  LmdbOptions options = small();
  options.map_bytes = 1 << 20;
  options.grow_wait = std::chrono::milliseconds(20);
  auto store = LmdbStore::open(dir / "s", options).value();
  auto snapshot = store->snapshot().value();
  auto result = put(*store, "o/large", std::string(2 << 20, 'v'));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kUnavailable);
  snapshot.reset();
  EXPECT_TRUE(put(*store, "o/large", std::string(2 << 20, 'v')));
}

TEST(LmdbStore, WhatDoesNotFitDoesNotTakeOthersWithIt) {
  test::TempDir dir;
  LmdbOptions options = small();
  options.map_bytes = options.max_map_bytes = 8 << 20;
  auto store = LmdbStore::open(dir / "s", options).value();
  std::atomic<int> kept = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        if (t == 0) {
          refused += put(*store, "o/huge", std::string(16 << 20, 'v')).has_value() ? 0 : 1;
        } else {
          kept += put(*store, "x/" + std::to_string(t), std::to_string(i)).has_value() ? 1 : 0;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refused, 20);
  EXPECT_EQ(kept, 7 * 20);
}

TEST(LmdbStore, WhoIsDoneNeedNotWaitForAllThatWriteAfterHim) {
  test::TempDir dir;
  auto store = LmdbStore::open(dir / "s", small()).value();
  using Steady = std::chrono::steady_clock;
  const auto within_10s = [](const std::atomic<int>& number, int reached) {
    const auto end = Steady::now() + std::chrono::seconds(10);
    while (number < reached && Steady::now() < end) std::this_thread::yield();
    return number >= reached;
  };
  std::atomic<int> submitting = 0;
  std::atomic<int> answered = 0;
  std::atomic<int> waited_for = 0;
  std::vector<std::thread> threads;
  const auto submit = [&](const std::string& key, const TxnFunction& function) {
    threads.emplace_back([&, key, function] {
      ++submitting;
      EXPECT_TRUE(store->transact([&](Txn& txn) -> Result<> {
        TRY(function(txn));
        txn.put(key, "1");
        return {};
      }));
      ++answered;
    });
  };
  // Holds the writer until the others wait behind it.
  submit("first", [&](Txn&) -> Result<> {
    within_10s(submitting, 6);
    const auto end = Steady::now() + std::chrono::milliseconds(50);
    while (Steady::now() < end) std::this_thread::yield();
    return {};
  });
  within_10s(submitting, 1);
  // Each needs two thirds of what a commit may take; the last to run wants to see somebody answered.
  for (int i = 0; i < 5; ++i)
    submit("key-" + std::to_string(i), [&](Txn&) -> Result<> {
      const auto end = Steady::now() + std::chrono::milliseconds(70);
      while (Steady::now() < end) std::this_thread::yield();
      if (++waited_for == 5) EXPECT_TRUE(within_10s(answered, 3));
      return {};
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answered, 6);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(value(*store, "key-" + std::to_string(i)), "1");
}

TEST(LmdbStore, TheLogIsBoundedBySizeToo) {
  test::TempDir dir;
  LmdbOptions options = small();
  options.max_log_bytes = 1 << 20;
  auto store = LmdbStore::open(dir / "s", options).value();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(put(*store, "o/a", std::string(100 << 10, 'v')));
  const auto stats = store->stats().value();
  EXPECT_LE(stats.log_bytes, options.max_log_bytes);
  EXPECT_GE(stats.log_entries, 5U);
  EXPECT_LT(stats.file_bytes, 8U << 20);
  EXPECT_EQ(store->changes(0, 1).error().code, Code::kCompacted);
  EXPECT_EQ(store->changes(stats.log_floor, 1000)->size(), stats.log_entries);
}

TEST(LmdbStore, ABackupIsConsistentWhileWritesGoOn) {
  test::TempDir dir;
  auto store = LmdbStore::open(dir / "s", small()).value();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(put(*store, "o/n" + std::to_string(i), std::string(20'000, 'v')));
  std::atomic<bool> stop = false;
  std::atomic<int> writes = 0;
  std::thread writer([&] {
    for (int i = 0; !stop; ++i, ++writes) {
      // Both or none.
      ASSERT_TRUE(store->transact([&](Txn& txn) -> Result<> {
        txn.put("o/left", std::to_string(i));
        txn.put("x/right", std::to_string(i));
        return {};
      }));
    }
  });
  while (writes == 0) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) {
    const auto to = dir / ("b" + std::to_string(i));
    const auto revision = store->backup(to);
    ASSERT_TRUE(revision) << revision.error().message;
    ASSERT_TRUE(restore_lmdb(to, dir / ("r" + std::to_string(i))));
    auto restored = LmdbStore::open(dir / ("r" + std::to_string(i)), small()).value();
    EXPECT_EQ(value(*restored, "o/left"), value(*restored, "x/right"));
    EXPECT_EQ(restored->snapshot().value()->get("o/left").value()->revision, *revision);
  }
  stop = true;
  writer.join();
  EXPECT_FALSE(std::filesystem::exists(dir / "b0.partial"));
}

TEST(LmdbStore, ABackupOverwritesNothing) {
  test::TempDir dir;
  auto store = LmdbStore::open(dir / "s", small()).value();
  std::filesystem::create_directory(dir / "b");
  EXPECT_TRUE(store->backup(dir / "b"));
  auto again = store->backup(dir / "b");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  EXPECT_THAT(again.error().message, HasSubstr("is not empty"));
}

TEST(LmdbStore, ARestoredStoreIsANewLifeOfTheOldOne) {
  test::TempDir dir;
  StoreIdentity old;
  {
    auto store = LmdbStore::open(dir / "s", small()).value();
    old = store->identity();
    EXPECT_EQ(old.epoch.size(), 32U);
    EXPECT_TRUE(old.lineage.empty());
    ASSERT_TRUE(put(*store, "o/a", "1"));
    ASSERT_TRUE(store->backup(dir / "b"));
    ASSERT_TRUE(put(*store, "o/a", "lost"));
  }
  const auto identity = restore_lmdb(dir / "b", dir / "r");
  ASSERT_TRUE(identity) << identity.error().message;
  auto store = LmdbStore::open(dir / "r", small()).value();
  EXPECT_EQ(store->identity().epoch, identity->epoch);
  EXPECT_NE(store->identity().epoch, old.epoch);
  EXPECT_THAT(store->identity().lineage, ElementsAre(old.epoch));
  EXPECT_EQ(value(*store, "o/a"), "1");
  // The lost revision 2 is not given out again, nor taken for one of this store.
  EXPECT_EQ(store->changes(2, 10).error().code, Code::kCompacted);
  EXPECT_GT(put(*store, "o/a", "2").value(), 1U << 31);

  ASSERT_TRUE(store->backup(dir / "b2"));
  ASSERT_TRUE(restore_lmdb(dir / "b2", dir / "r2"));
  EXPECT_THAT(LmdbStore::open(dir / "r2", small()).value()->identity().lineage,
              ElementsAre(identity->epoch, old.epoch));
}

TEST(LmdbStore, TwoRestoresOfOneBackupGiveOutOtherRevisions) {
  std::uint64_t next = 41;
  const Random random = [&next] { return next++; };
  const auto first = revision_after_restore(7, random);
  const auto second = revision_after_restore(7, random);
  EXPECT_GE(second - first, Revision{1} << 32);
  EXPECT_GT(first, Revision{1} << 32);
}

TEST(LmdbStore, RestoreRefusesWhatWouldLoseSomething) {
  test::TempDir dir;
  auto store = LmdbStore::open(dir / "s", small()).value();
  ASSERT_TRUE(store->backup(dir / "b"));
  EXPECT_EQ(restore_lmdb(dir / "missing", dir / "r").error().code, Code::kNotFound);
  EXPECT_EQ(restore_lmdb(dir / "s", dir / "r").error().code, Code::kUnavailable);
  EXPECT_EQ(restore_lmdb(dir / "b", dir / "s").error().code, Code::kConflict);
  std::filesystem::create_directory(dir / "full");
  std::ofstream(dir / "full" / "file") << "x";
  const auto full = restore_lmdb(dir / "b", dir / "full");
  EXPECT_EQ(full.error().code, Code::kConflict);
  EXPECT_THAT(full.error().message, HasSubstr("is not empty (it holds file)"));
}

TEST(LmdbStore, ARestoreThatWasCutOffIsNoEmptyStore) {
  test::TempDir dir;
  {
    ASSERT_TRUE(LmdbStore::open(dir / "s", small()).value()->backup(dir / "b"));
  }
  std::filesystem::create_directories(dir / "r" / "restoring");
  auto opened = LmdbStore::open(dir / "r", small());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("run the restore again"));
  EXPECT_TRUE(restore_lmdb(dir / "b", dir / "r"));
  EXPECT_TRUE(LmdbStore::open(dir / "r", small()));
}

// Writes one key per transaction and reports each revision when it is acknowledged; never returns.
[[noreturn]] void write_until_killed(const std::filesystem::path& dir, int out) {
  auto store = LmdbStore::open(dir, small());
  if (!store) ::_exit(1);
  for (;;) {
    auto revision = (*store)->transact([&](Txn& txn) -> Result<> {
      txn.put("o/" + std::to_string(txn.revision()), std::string(3000, 'v'));
      txn.put("x/last", std::to_string(txn.revision()));
      return {};
    });
    if (!revision || ::write(out, &*revision, sizeof *revision) != sizeof *revision) ::_exit(1);
  }
}

TEST(LmdbStore, WhatWasAcknowledgedSurvivesKill9) {
  test::TempDir dir;
  Revision acknowledged = 0;
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(dir / "s", ends[1]);
    ::close(ends[1]);
    for (int i = 0; i < 40 + 23 * round; ++i) {
      ASSERT_EQ(::read(ends[0], &acknowledged, sizeof acknowledged), ssize_t(sizeof acknowledged));
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    while (::read(ends[0], &acknowledged, sizeof acknowledged) > 0) continue;
    ::close(ends[0]);

    auto store = LmdbStore::open(dir / "s", small());
    ASSERT_TRUE(store) << store.error().message;
    auto snapshot = (*store)->snapshot().value();
    // One more may have become durable without its acknowledgement.
    EXPECT_GE(snapshot->revision(), acknowledged);
    EXPECT_LE(snapshot->revision(), acknowledged + 1);
    EXPECT_EQ(snapshot->get("x/last").value()->value, std::to_string(snapshot->revision()));
    const auto changes = (*store)->changes(0, SIZE_MAX).value();
    ASSERT_EQ(changes.size(), snapshot->revision());
    for (size_t i = 0; i < changes.size(); ++i) {
      ASSERT_EQ(changes[i].revision, i + 1);
      ASSERT_TRUE(snapshot->get("o/" + std::to_string(i + 1)).value());
    }
  }
}

TEST(LmdbStore, AFullDiskIsSaidAndSurvived) {
  test::TempDir dir;
  test::SmallDisk disk(dir / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a small tmpfs: " << disk.reason();
  const auto ballast = dir / "disk" / "ballast";
  std::ofstream(ballast) << std::string(2 << 20, 'b');
  Revision last = 0;
  {
    auto store = LmdbStore::open(dir / "disk" / "s", small()).value();
    Result<Revision> result = 0;
    int i = 0;
    for (; i < 1000 && (result = put(*store, "x/" + std::to_string(i), std::string(10'000, 'v'))); ++i) {
      last = *result;
    }
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kFull);
    EXPECT_THAT(result.error().message, HasSubstr("the disk is full"));
    EXPECT_EQ(value(*store, "x/0").size(), 10'000U);
    EXPECT_EQ(value(*store, "x/" + std::to_string(i)), "(none)");
    EXPECT_EQ(store->backup(dir / "disk" / "b").error().code, Code::kFull);
    EXPECT_FALSE(std::filesystem::exists(dir / "disk" / "b"));
    // Room is made: it goes on without having been opened again.
    std::filesystem::remove(ballast);
    auto next = put(*store, "x/next", std::string(10'000, 'v'));
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_EQ(*next, last + 1);
  }
  auto store = LmdbStore::open(dir / "disk" / "s", small()).value();
  EXPECT_EQ(store->snapshot().value()->revision(), last + 1);
}

}  // namespace
}  // namespace qleet::hub
