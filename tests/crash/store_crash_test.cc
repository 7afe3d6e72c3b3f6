// The hub's store, opened after a cut at each write to the disk. QLEET_CRASH_SEEDS=n runs n seeds instead of
// a few, QLEET_CRASH_SEED=n that one alone.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <lmdb.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "common/log/log.h"
#include "hub/store/lmdb_env.h"
#include "hub/store/lmdb_store.h"
#include "hub/store/objects.h"
#include "tests/crash/images.h"
#include "tests/crash/seeds.h"
#include "tests/crash/store_history.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

namespace fs = std::filesystem;
using test::CrashPoint;
using test::DiskOp;

struct Recording {
  std::vector<DiskOp> ops;
  StoreHistory history;
  std::string epoch;
  std::size_t opened_at = 0;  // operations when the store had been opened
};

LmdbOptions options() {
  LmdbOptions options;
  options.map_bytes = options.max_map_bytes = 64 << 20;
  options.max_readers = 16;
  options.max_log_entries = 60;
  return options;
}

void write_at_random(Store& store, std::uint64_t seed, int transactions) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < transactions; ++i) {
    const auto writes = 1 + random() % 4;
    std::vector<std::pair<std::string, std::optional<std::string>>> planned;
    for (std::uint64_t n = 0; n < writes; ++n) {
      const std::string key = fmt::format("{}{}", random() % 3 ? "o/widgets/w" : "x/index/i", random() % 30);
      if (random() % 5 == 0) {
        planned.emplace_back(key, std::nullopt);
      } else {
        const auto size = random() % 8 == 0 ? random() % 20'000 : random() % 200;
        planned.emplace_back(key, std::string(size, static_cast<char>('a' + random() % 26)));
      }
    }
    const auto done = store.transact([&](Txn& txn) -> Result<> {
      for (const auto& [key, value] : planned) {
        if (value) {
          txn.put(key, *value);
        } else {
          txn.erase(key);
        }
      }
      txn.put("x/revision", std::to_string(txn.revision()));
      return {};
    });
    ASSERT_TRUE(done) << done.error().message;
  }
}

// Writers side by side share commits.
void record_random(const fs::path& dir, std::uint64_t seed, Recording& out) {
  test::DiskTape tape(dir);
  {
    auto store = LmdbStore::open(dir / "s", options()).value();
    out.epoch = store->identity().epoch;
    out.opened_at = tape.size();
    RecordingStore recording(*store, out.history, [&] { return tape.size(); });
    if (seed % 2 == 0) {
      write_at_random(recording, seed, 60);
    } else {
      std::vector<std::thread> writers;
      for (int i = 0; i < 4; ++i)
        writers.emplace_back([&, i] { write_at_random(recording, seed * 10 + i, 20); });
      for (auto& writer : writers) writer.join();
    }
    ASSERT_TRUE(store->compact(recording.snapshot().value()->revision() - 5));
    write_at_random(recording, seed + 1, 5);
  }
  out.ops = tape.ops();
  out.history.seal();
}

const char* const kSites = R"(
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: dev}
spec: {regions: {selector: "tier=dev"}}
)";

std::string application(const std::string& name, const std::string& resources) {
  return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: {}}}
spec:
  environments: [dev]
  workloads:
    web:
      score:
        containers: {{web: {{image: "reg.example/{}/web:1"}}}}
        resources: {}
)",
                     name, name, resources);
}

// What people and controllers do: objects, references, positions, due keys, tombstones.
void record_hub(const fs::path& dir, std::uint64_t seed, Recording& out) {
  test::DiskTape tape(dir);
  {
    auto store = LmdbStore::open(dir / "s", options()).value();
    out.epoch = store->identity().epoch;
    out.opened_at = tape.size();
    RecordingStore recording(*store, out.history, [&] { return tape.size(); });
    World world(recording, QLEET_SOURCE_DIR "/tests/e2e/profiles");
    std::mt19937_64 random(seed);
    world.apply(kSites);
    world.join("eu-1", {{"tier", "dev"}});
    const std::vector<std::string> needs{"{db: {type: postgres}}", "{}",
                                         "{db: {type: postgres, params: {size: 5Gi}}}"};
    for (int i = 0; i < 6; ++i) {
      const std::string name = random() % 2 ? "shop" : "cart";
      if (random() % 4 == 0) {
        if (world.get<v1::Application>(name)) EXPECT_EQ(world.erase("Application", name), "");
      } else {
        world.apply(application(name, needs[random() % needs.size()]));
      }
      if (random() % 2) world.settle();
      if (random() % 3 == 0) world.pass(std::chrono::seconds(3));
    }
    world.settle();
  }
  out.ops = tape.ops();
  out.history.seal();
}

// Whether all pages of the file are either in use or free, once: LMDB counts them when it copies.
std::string check_pages(const fs::path& dir) {
  const auto env = lmdb::Env::open(dir, {.read_only = true});
  if (!env) return env.error().message;
  const std::unique_ptr<FILE, int (*)(FILE*)> nowhere(std::fopen("/dev/null", "w"), std::fclose);
  const int rc = mdb_env_copyfd2((*env)->handle(), ::fileno(nowhere.get()), MDB_CP_COMPACT);
  return rc == 0 ? "" : fmt::format("the pages do not add up: {}", mdb_strerror(rc));
}

std::string check_objects(const Store& store) {
  const auto reader = store.snapshot().value();
  const auto entries = reader->scan({.prefix = "o/"}).value();
  for (const auto& entry : entries) {
    const auto object = objects::decode(entry);
    if (!object) return entry.key + ": " + object.error().message;
  }
  return {};
}

struct Checker {
  const Recording& recording;
  fs::path folder;
  bool real_objects = false;
  std::set<Revision> seen = {};

  std::string operator()(const CrashPoint& point) {
    test::DiskModel::write(*point.image, folder);
    const Revision at_least = recording.history.acknowledged_at(point.position);
    const auto fresh = !fs::exists(folder / "s" / "data.mdb");
    if (fresh && at_least > 0) return "the store is gone";
    {
      auto store = LmdbStore::open(folder / "s", options());
      if (!store) return "cannot be opened: " + store.error().message;
      if (point.position >= recording.opened_at && (*store)->identity().epoch != recording.epoch)
        return "has another epoch";
      if (auto wrong = recording.history.check(**store, at_least); !wrong.empty()) return wrong;
      const Revision revision = (*store)->snapshot().value()->revision();
      if (seen.insert(revision).second && real_objects) {
        if (auto wrong = check_objects(**store); !wrong.empty()) return wrong;
        check_invariants(**store);
        if (testing::Test::HasFailure()) return fmt::format("indexes disagree at revision {}", revision);
      }
      // It goes on from there.
      const auto next = (*store)->transact([](Txn& txn) -> Result<> {
        txn.put("o/widgets/after", "the crash");
        return {};
      });
      if (!next) return "cannot be written: " + next.error().message;
      if (*next != revision + 1) return fmt::format("goes on with revision {} after {}", *next, revision);
    }
    return check_pages(folder / "s");
  }
};

std::string run(const Recording& recording, std::uint64_t seed, bool real_objects, std::size_t& images,
                const fs::path& folder) {
  Checker checker{recording, folder, real_objects};
  return test::visit_crashes(
      recording.ops, {.seed = seed}, [&](const CrashPoint& point) { return checker(point); }, &images);
}

class StoreCrash : public testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::kError); }
  test::TempDir disk_{test::fast_folder()};
  test::TempDir images_{test::fast_folder()};
};

TEST_F(StoreCrash, AfterACutAtAnyWriteItIsOneRevisionThatLacksNothing) {
  std::size_t images = 0;
  std::size_t operations = 0;
  for (const auto seed : test::crash_seeds(2)) {
    test::TempDir disk(test::fast_folder());
    Recording recording;
    record_random(disk.path(), seed, recording);
    operations += recording.ops.size();
    ASSERT_EQ(run(recording, seed, false, images, images_.path()), "");
  }
  std::cout << images << " images of " << operations << " operations\n";
}

TEST_F(StoreCrash, ObjectsAndIndexesAgreeAfterACutAtAnyWriteOfARealHub) {
  std::size_t images = 0;
  std::size_t operations = 0;
  for (const auto seed : test::crash_seeds(1)) {
    test::TempDir disk(test::fast_folder());
    Recording recording;
    record_hub(disk.path(), seed, recording);
    operations += recording.ops.size();
    ASSERT_EQ(run(recording, seed, true, images, images_.path()), "");
  }
  std::cout << images << " images of " << operations << " operations\n";
}

// The checks above can fail: each of these is a disk, or a store, that does not keep its word.

TEST_F(StoreCrash, AWriteThatASyncDidNotCoverIsFound) {
  Recording recording;
  record_random(disk_.path(), 2, recording);
  int tried = 0;
  int found = 0;
  for (std::size_t i = recording.opened_at; i < recording.ops.size() && tried < 5; i += 31) {
    while (recording.ops[i].kind != DiskOp::Kind::kWrite || recording.ops[i].through) ++i;
    auto ops = recording.ops;
    ops[i].error = EIO;  // may be there or not, whatever is synced later
    ++tried;
    found += test::finds_something_wrong([&] {
      Checker checker{recording, images_.path()};
      return test::visit_crashes(ops, {.seed = i, .random_images = 0},
                                 [&](const CrashPoint& point) { return checker(point); });
    });
  }
  // A page of the list of free pages is not missed before it is needed.
  EXPECT_GE(found, tried - 1);
}

TEST_F(StoreCrash, ADiskThatDoesNotSyncIsFound) {
  Recording recording;
  record_random(disk_.path(), 2, recording);
  // Nothing counts as acknowledged: what is found is torn, not missing.
  for (auto& op : recording.ops) {
    if (op.kind == DiskOp::Kind::kSync && op.file == "s/data.mdb") op.error = EIO;
  }
  EXPECT_TRUE(test::finds_something_wrong([&] {
    Checker checker{recording, images_.path()};
    return test::visit_crashes(recording.ops, {.seed = 1, .random_images = 4}, [&](const CrashPoint& point) {
      CrashPoint early = point;
      early.position = std::min(early.position, recording.opened_at);
      return checker(early);
    });
  }));
}

TEST_F(StoreCrash, AnAnswerBeforeItsSyncIsFound) {
  Recording recording;
  {
    test::DiskTape tape(disk_.path());
    auto store = LmdbStore::open(disk_ / "s", options()).value();
    recording.opened_at = tape.size();
    recording.epoch = store->identity().epoch;
    // Told of each commit when its last write is yet to come.
    RecordingStore early(*store, recording.history, [&] { return tape.size() - 1; });
    write_at_random(early, 3, 5);
    store.reset();
    recording.ops = tape.ops();
    recording.history.seal();
  }
  EXPECT_TRUE(test::finds_something_wrong([&] {
    std::size_t images = 0;
    return run(recording, 1, false, images, images_.path());
  }));
}

}  // namespace
}  // namespace qleet::hub::tests
