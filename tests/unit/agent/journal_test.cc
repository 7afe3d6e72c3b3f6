#include "agent/journal/journal.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>

#include "agent/journal/codec.h"
#include "agent/journal/keys.h"
#include "agent/journal/lmdb_journal.h"
#include "agent/journal/memory_journal.h"
#include "tests/support/temp_dir.h"

namespace qleet::agent {
namespace {

v1::Desired desired(const std::string& name, unsigned generation) {
  v1::Desired d;
  d.mutable_resource()->set_name(name);
  d.mutable_resource()->set_generation(generation);
  d.set_epoch("e1");
  return d;
}

v1::Runtime runtime(const std::string& password) {
  v1::Runtime r;
  r.set_applied_hash("h1");
  (*r.mutable_secrets()->mutable_generated())["password"] = password;
  auto& output = (*r.mutable_secrets()->mutable_outputs())["url"];
  output.mutable_value()->set_string_value("postgres://:" + password);
  output.set_secret(true);
  return r;
}

wire::v1::EventReport event(const std::string& id) {
  wire::v1::EventReport e;
  e.set_id(id);
  return e;
}

enum class Kind { kLmdb, kMemory };

// The same tests over both; `reopen` is a restart of the agent.
class JournalTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    sealer_ =
        std::make_unique<crypto::Sealer>(crypto::Sealer::open_or_create(folder_ / "key", random_).value());
    memory_ = std::make_unique<MemoryJournal>(*sealer_);
    reopen();
  }
  void reopen() {
    if (GetParam() == Kind::kMemory) return;
    lmdb_.reset();
    auto opened = LmdbJournal::open({.folder = folder_.path() / "journal"}, *sealer_);
    ASSERT_TRUE(opened) << opened.error().message;
    lmdb_ = std::move(*opened);
  }
  Journal& journal() { return lmdb_ ? static_cast<Journal&>(*lmdb_) : *memory_; }
  JournalContents load() {
    auto contents = journal().load();
    EXPECT_TRUE(contents) << contents.error().message;
    return contents.value_or(JournalContents{});
  }

  test::TempDir folder_;
  crypto::SystemRandom random_;
  std::unique_ptr<crypto::Sealer> sealer_;
  std::unique_ptr<MemoryJournal> memory_;
  std::unique_ptr<LmdbJournal> lmdb_;
};

TEST_P(JournalTest, StartsEmpty) {
  const auto contents = load();
  EXPECT_EQ(contents.meta.epoch(), "");
  EXPECT_TRUE(contents.desired.empty());
  EXPECT_TRUE(contents.runtime.empty());
  EXPECT_TRUE(contents.events.empty());
}

TEST_P(JournalTest, KeepsEverythingOverARestart) {
  JournalChanges changes;
  changes.meta.emplace();
  changes.meta->set_epoch("e1");
  changes.meta->set_position(7);
  changes.meta->set_hash_key("0123456789abcdef");
  changes.desired["eu.dev.shop.postgres.db"] = desired("eu.dev.shop.postgres.db", 3);
  changes.runtime["eu.dev.shop.postgres.db"] = runtime("correct-horse");
  changes.events[1] = event("b-1");
  changes.events[300] = event("b-2");
  ASSERT_TRUE(journal().commit(changes));
  reopen();

  const auto contents = load();
  EXPECT_EQ(contents.meta.epoch(), "e1");
  EXPECT_EQ(contents.meta.position(), 7u);
  EXPECT_EQ(contents.meta.hash_key(), "0123456789abcdef");
  EXPECT_EQ(contents.desired.at("eu.dev.shop.postgres.db").resource().generation(), 3u);
  const auto& kept = contents.runtime.at("eu.dev.shop.postgres.db");
  EXPECT_EQ(kept.applied_hash(), "h1");
  EXPECT_EQ(kept.secrets().generated().at("password"), "correct-horse");
  EXPECT_TRUE(kept.secrets().outputs().at("url").secret());
  ASSERT_EQ(contents.events.size(), 2u);
  EXPECT_EQ(contents.events.at(300).id(), "b-2");
}

TEST_P(JournalTest, ErasesAndReplaces) {
  JournalChanges first;
  first.desired["a"] = desired("a", 1);
  first.desired["b"] = desired("b", 1);
  first.runtime["a"] = runtime("x");
  first.events[1] = event("1");
  ASSERT_TRUE(journal().commit(first));
  JournalChanges second;
  second.desired["a"] = desired("a", 2);
  second.desired["b"] = std::nullopt;
  second.runtime["a"] = std::nullopt;
  second.runtime["never there"] = std::nullopt;
  second.events[1] = std::nullopt;
  ASSERT_TRUE(journal().commit(second));
  reopen();
  const auto contents = load();
  ASSERT_EQ(contents.desired.size(), 1u);
  EXPECT_EQ(contents.desired.at("a").resource().generation(), 2u);
  EXPECT_TRUE(contents.runtime.empty());
  EXPECT_TRUE(contents.events.empty());
}

TEST_P(JournalTest, ARefusedNameChangesNothing) {
  JournalChanges changes;
  changes.desired["a"] = desired("a", 1);
  changes.desired[std::string(501, 'x')] = desired("x", 1);
  const auto committed = journal().commit(changes);
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, Code::kInvalid);
  EXPECT_EQ(committed.error().message, "resource name of 501 characters: must have 1 to 500");
  EXPECT_TRUE(load().desired.empty());
}

INSTANTIATE_TEST_SUITE_P(Journals, JournalTest, testing::Values(Kind::kLmdb, Kind::kMemory),
                         [](const auto& info) { return info.param == Kind::kLmdb ? "Lmdb" : "Memory"; });

class LmdbJournalTest : public testing::Test {
 protected:
  Result<std::unique_ptr<LmdbJournal>> open() {
    return LmdbJournal::open({.folder = folder_.path() / "journal"}, sealer_);
  }

  test::TempDir folder_;
  crypto::SystemRandom random_;
  crypto::Sealer sealer_ = crypto::Sealer::open_or_create(folder_ / "key", random_).value();
};

TEST_F(LmdbJournalTest, NoSecretStandsInTheFile) {
  {
    auto journal = open().value();
    JournalChanges changes;
    changes.runtime["a"] = runtime("correct-horse-battery");
    changes.meta.emplace();
    changes.meta->set_hash_key("a-key-of-the-hashes");
    ASSERT_TRUE(journal->commit(changes));
  }
  std::ifstream in(folder_ / "journal" / "data.mdb", std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  ASSERT_GT(bytes.str().size(), 0u);
  EXPECT_EQ(bytes.str().find("correct-horse"), std::string::npos);
  EXPECT_EQ(bytes.str().find("a-key-of-the-hashes"), std::string::npos);
}

TEST_F(LmdbJournalTest, ASecondProcessIsRefused) {
  auto first = open().value();
  auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_NE(second.error().message.find("is in use by another process"), std::string::npos);
}

TEST_F(LmdbJournalTest, AnotherKeyFileOpensNothing) {
  {
    auto journal = open().value();
    JournalChanges changes;
    changes.runtime["a"] = runtime("x");
    ASSERT_TRUE(journal->commit(changes));
  }
  const auto other = crypto::Sealer::open_or_create(folder_ / "other-key", random_).value();
  auto journal = LmdbJournal::open({.folder = folder_.path() / "journal"}, other).value();
  const auto loaded = journal->load();
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(loaded.error().message.starts_with("secrets of journal entry r/a: ")) << loaded.error().message;
}

TEST(JournalFormatTest, AnUnknownEntryIsDamage) {
  test::TempDir folder;
  crypto::SystemRandom random;
  const auto sealer = crypto::Sealer::open_or_create(folder / "key", random).value();
  JournalContents contents;
  ASSERT_TRUE(decode("q/what", "", sealer, contents));
  ASSERT_EQ(contents.damaged.size(), 1u);
  EXPECT_EQ(contents.damaged[0].key, "q/what");
}

// As every agent before this one wrote them: without a check.
TEST(JournalFormatTest, AnEntryWithoutACheckIsRead) {
  test::TempDir folder;
  crypto::SystemRandom random;
  const auto sealer = crypto::Sealer::open_or_create(folder / "key", random).value();
  JournalContents contents;
  ASSERT_TRUE(decode("d/web", desired("web", 3).SerializeAsString(), sealer, contents));
  EXPECT_TRUE(contents.damaged.empty());
  EXPECT_EQ(contents.desired.at("web").resource().generation(), 3u);
}

// What is sealed may end with anything.
TEST(JournalFormatTest, SealedBytesThatLookLikeACheckAreNone) {
  test::TempDir folder;
  crypto::SystemRandom random;
  const auto sealer = crypto::Sealer::open_or_create(folder / "key", random).value();
  for (int tries = 0; tries < 1'000'000; ++tries) {
    v1::StoredRuntime stored;
    stored.set_sealed_secrets(sealer.seal(runtime("x").secrets().SerializeAsString(), "r/web"));
    const auto bytes = stored.SerializeAsString();
    if (bytes[bytes.size() - 5] != 0x7d || bytes[bytes.size() - 4] != static_cast<char>(bytes.size() - 5))
      continue;
    JournalContents contents;
    ASSERT_TRUE(decode("r/web", bytes, sealer, contents));
    EXPECT_TRUE(contents.damaged.empty());
    EXPECT_EQ(contents.runtime.at("web").secrets().generated().at("password"), "x");
    return;
  }
}

// It keeps the check as a field that it does not know, and writes it back behind what it changed.
TEST(JournalFormatTest, AnEntryThatAnOlderAgentChangedIsRead) {
  test::TempDir folder;
  crypto::SystemRandom random;
  const auto sealer = crypto::Sealer::open_or_create(folder / "key", random).value();
  JournalChanges changes;
  changes.desired["web"] = desired("web", 3);
  JournalContents contents;
  ASSERT_TRUE(encode(changes, sealer, [&](const std::string& key, const std::string* value) {
    v1::Desired older;
    EXPECT_TRUE(older.ParseFromString(*value));
    older.clear_epoch();
    return decode(key, older.SerializeAsString(), sealer, contents);
  }));
  EXPECT_TRUE(contents.damaged.empty());
  EXPECT_EQ(contents.desired.at("web").epoch(), "");
  EXPECT_EQ(contents.desired.at("web").resource().generation(), 3u);
}

TEST(JournalFormatTest, NoFlippedBitGoesUnnoticedAndNoneIsFatal) {
  test::TempDir folder;
  crypto::SystemRandom random;
  const auto sealer = crypto::Sealer::open_or_create(folder / "key", random).value();
  JournalChanges changes;
  changes.meta.emplace();
  changes.meta->set_epoch("e1");
  changes.meta->set_hash_key("a-key-of-the-hashes");
  changes.desired["web"] = desired("web", 3);
  changes.runtime["web"] = runtime("x");
  changes.events[7] = event("7");
  std::map<std::string, std::string> entries;
  ASSERT_TRUE(encode(changes, sealer, [&](const std::string& key, const std::string* value) -> Result<> {
    entries[key] = *value;
    return {};
  }));
  for (const auto& [key, value] : entries) {
    for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
      std::string flipped = value;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      JournalContents contents;
      ASSERT_TRUE(decode(key, flipped, sealer, contents)) << key << " bit " << bit;
      // Where the check itself is no check any more, the rest is what was written.
      if (bit / 8 == value.size() - 5 || bit / 8 == value.size() - 4) continue;
      EXPECT_EQ(contents.damaged.size(), 1u) << key << " bit " << bit;
    }
  }
}

TEST(JournalFormatTest, AnEntryUnderAWrongKeyIsTakenUnderItsOwn) {
  test::TempDir folder;
  crypto::SystemRandom random;
  const auto sealer = crypto::Sealer::open_or_create(folder / "key", random).value();
  JournalChanges changes;
  changes.desired["web"] = desired("web", 3);
  JournalContents contents;
  ASSERT_TRUE(encode(changes, sealer, [&](const std::string&, const std::string* value) {
    return decode("d/wef", *value, sealer, contents);
  }));
  ASSERT_EQ(contents.damaged.size(), 1u);
  EXPECT_EQ(contents.damaged[0].belongs_to, "web");
  EXPECT_EQ(contents.desired.at("web").resource().generation(), 3u);
  EXPECT_FALSE(contents.desired.contains("wef"));
}

// A child commits and says so, one number at a time, until it is killed: everything it said is there.
TEST_F(LmdbJournalTest, KillNineLosesNothingThatWasCommitted) {
  int said[2];
  ASSERT_EQ(::pipe(said), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto journal = open();
    for (unsigned i = 1; journal && i < 100'000; ++i) {
      JournalChanges changes;
      changes.desired["n" + std::to_string(i)] = desired("n" + std::to_string(i), i);
      changes.meta.emplace();
      changes.meta->set_position(i);
      if (!(*journal)->commit(changes)) break;
      if (::write(said[1], &i, sizeof i) != sizeof i) break;
    }
    ::_exit(1);
  }
  ::close(said[1]);
  unsigned last = 0;
  while (last < 50) ASSERT_EQ(::read(said[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  unsigned more = 0;
  while (::read(said[0], &more, sizeof more) == static_cast<ssize_t>(sizeof more)) last = more;
  ::close(said[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));

  const auto contents = open().value()->load().value();
  EXPECT_GE(contents.meta.position(), last);
  EXPECT_LE(contents.meta.position(), last + 1);
  EXPECT_EQ(contents.desired.size(), contents.meta.position());
}

}  // namespace
}  // namespace qleet::agent
