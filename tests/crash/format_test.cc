// Formats on the disk: a newer one is refused and left as it is, an older one becomes today's wholly or not
// at all, wherever the power is cut.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "agent/journal/lmdb_journal.h"
#include "common/log/log.h"
#include "hub/store/keys.h"
#include "hub/store/lmdb_env.h"
#include "hub/store/lmdb_store.h"
#include "tests/crash/images.h"
#include "tests/crash/seeds.h"
#include "tests/support/temp_dir.h"

namespace qleet {
namespace {

namespace fs = std::filesystem;
using hub::lmdb::Env;
using hub::lmdb::EnvOptions;
using hub::lmdb::TxnHandle;
using ::testing::HasSubstr;

std::string bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

hub::LmdbOptions small() {
  hub::LmdbOptions options;
  options.map_bytes = options.max_map_bytes = 64 << 20;
  return options;
}

// Formats of versions to come.
constexpr unsigned kToday = hub::keys::kFormat;
constexpr unsigned kNext = kToday + 1;
constexpr unsigned kThen = kToday + 2;

// A step that touches every entry, and then the next one.
EnvOptions two_formats_on(bool owner) {
  const auto step = [](const char* mark) {
    return [mark](const Env& env, MDB_txn* txn) {
      for (int i = 0; i < 40; ++i) {
        const std::string key = "o/widgets/" + std::to_string(i);
        MDB_val k = hub::lmdb::val(key);
        MDB_val old{};
        if (int rc = mdb_get(txn, env.data(), &k, &old)) return rc;
        const std::string value = std::string(hub::lmdb::view(old)) + mark;
        MDB_val v = hub::lmdb::val(value);
        if (int rc = mdb_put(txn, env.data(), &k, &v, 0)) return rc;
      }
      return 0;
    };
  };
  return {.map_bytes = 64 << 20,
          .owner = owner,
          .format = kThen,
          .migrations = {{kToday, step("+2")}, {kNext, step("+3")}}};
}

class Formats : public testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::kError); }
  test::TempDir disk_{test::fast_folder()};
  test::TempDir images_{test::fast_folder()};
};

TEST_F(Formats, ANewerStoreIsRefusedAndNotTouched) {
  {
    ASSERT_TRUE(hub::LmdbStore::open(disk_ / "s", small()));
  }
  {
    auto env = Env::open(
        disk_ / "s",
        {.owner = true, .format = kNext, .migrations = {{kToday, [](const Env&, MDB_txn*) { return 0; }}}});
    ASSERT_TRUE(env) << env.error().message;
  }
  const auto before = bytes(disk_ / "s" / "data.mdb");
  const auto opened = hub::LmdbStore::open(disk_ / "s", small());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnsupported);
  EXPECT_THAT(opened.error().message,
              HasSubstr(fmt::format("has format {}, this hub reads format 1 to {}: start the newer version",
                                    kNext, kToday)));
  EXPECT_EQ(bytes(disk_ / "s" / "data.mdb"), before);
}

TEST_F(Formats, AnOlderStoreWithoutAWayIsRefused) {
  {
    ASSERT_TRUE(hub::LmdbStore::open(disk_ / "s", small()));
  }
  const auto env = Env::open(
      disk_ / "s",
      {.owner = true, .format = kThen, .migrations = {{kNext, [](const Env&, MDB_txn*) { return 0; }}}});
  ASSERT_FALSE(env);
  EXPECT_THAT(env.error().message,
              HasSubstr(fmt::format("has format {}, this hub reads format {} to {}: start an older version",
                                    kToday, kNext, kThen)));
  // Somebody who only looks does not migrate.
  EXPECT_FALSE(Env::open(disk_ / "s", two_formats_on(false)));
  EXPECT_TRUE(hub::LmdbStore::open(disk_ / "s", small()));
}

TEST_F(Formats, AnOlderStoreIsMigratedWhollyOrNotAtAll) {
  {
    auto store = hub::LmdbStore::open(disk_ / "s", small()).value();
    const auto filled = store->transact([](hub::Txn& txn) -> Result<> {
      for (int i = 0; i < 40; ++i) txn.put("o/widgets/" + std::to_string(i), std::string(500, 'w'));
      return {};
    });
    ASSERT_TRUE(filled);
  }
  const std::string before = bytes(disk_ / "s" / "data.mdb");
  std::vector<test::DiskOp> ops{
      {.kind = test::DiskOp::Kind::kWrite, .file = "s/data.mdb", .bytes = before, .through = true}};
  {
    test::DiskTape tape(disk_.path());
    ASSERT_TRUE(Env::open(disk_ / "s", two_formats_on(true)));
    const auto migrating = tape.ops();
    ops.insert(ops.end(), migrating.begin(), migrating.end());
  }
  std::size_t images = 0;
  std::size_t migrated = 0;
  const auto wrong = test::visit_crashes(
      ops, {.seed = 1, .from = 1, .random_images = 20},
      [&](const test::CrashPoint& point) -> std::string {
        test::DiskModel::write(*point.image, images_.path());
        const bool old = Env::open(images_ / "s", {.read_only = true}).has_value();
        migrated += !old;
        auto env = Env::open(images_ / "s", two_formats_on(true));
        if (!env) return env.error().message;
        const auto txn = TxnHandle::begin(**env, true);
        for (int i = 0; i < 40; ++i) {
          const std::string key = "o/widgets/" + std::to_string(i);
          MDB_val k = hub::lmdb::val(key);
          MDB_val v{};
          if (mdb_get(txn->get(), (*env)->data(), &k, &v) != 0) return key + " is gone";
          if (!hub::lmdb::view(v).ends_with("w+2+3")) return key + " was migrated in part, or twice";
        }
        return "";
      },
      &images);
  EXPECT_EQ(wrong, "");
  EXPECT_GT(images, 20U);
  EXPECT_GT(migrated, 0U);
  EXPECT_LT(migrated, images);
}

TEST_F(Formats, AJournalIsRefusedOrMigratedInTheSameWay) {
  crypto::SystemRandom random;
  const auto sealer = crypto::Sealer::open_or_create(disk_ / "key", random).value();
  const std::string folder = (disk_ / "j").string();
  {
    auto journal = agent::LmdbJournal::open({.folder = folder, .max_bytes = 16 << 20}, sealer).value();
    agent::JournalChanges changes;
    for (int i = 0; i < 40; ++i)
      changes.events[static_cast<std::uint64_t>(i)].emplace().set_id("e" + std::to_string(i));
    ASSERT_TRUE(journal->commit(changes));
  }
  const agent::LmdbJournalOptions newer{
      .folder = folder,
      .max_bytes = 16 << 20,
      .format = 2,
      .migrations = {{1, [](std::map<std::string, std::string>& entries) -> Result<> {
                        for (auto& [key, value] : entries) {
                          if (!key.starts_with("e/")) continue;
                          wire::v1::EventReport event;
                          event.ParseFromString(value);
                          event.set_reason("Migrated");
                          value = event.SerializeAsString();
                        }
                        return {};
                      }}}};
  std::vector<test::DiskOp> ops{{.kind = test::DiskOp::Kind::kWrite,
                                 .file = "j/data.mdb",
                                 .bytes = bytes(disk_ / "j" / "data.mdb"),
                                 .through = true}};
  {
    test::DiskTape tape(disk_.path());
    ASSERT_TRUE(agent::LmdbJournal::open(newer, sealer));
    const auto migrating = tape.ops();
    ops.insert(ops.end(), migrating.begin(), migrating.end());
  }
  const std::string after = bytes(disk_ / "j" / "data.mdb");
  const auto opened = agent::LmdbJournal::open({.folder = folder, .max_bytes = 16 << 20}, sealer);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnsupported);
  EXPECT_THAT(opened.error().message, HasSubstr("has format 2, this agent knows 1"));
  EXPECT_EQ(bytes(disk_ / "j" / "data.mdb"), after);

  const auto wrong = test::visit_crashes(ops, {.seed = 1, .from = 1, .random_images = 20},
                                         [&](const test::CrashPoint& point) -> std::string {
                                           test::DiskModel::write(*point.image, images_.path());
                                           auto options = newer;
                                           options.folder = (images_ / "j").string();
                                           auto journal = agent::LmdbJournal::open(options, sealer);
                                           if (!journal) return journal.error().message;
                                           const auto contents = (*journal)->load();
                                           if (!contents) return contents.error().message;
                                           if (contents->events.size() != 40) return "lost an event";
                                           for (const auto& [sequence, event] : contents->events)
                                             if (event.reason() != "Migrated") return "migrated in part";
                                           return "";
                                         });
  EXPECT_EQ(wrong, "");
}

}  // namespace
}  // namespace qleet
