// Secrets at rest: what the store, its log, its file and its backups hold of them, and what answers tell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "common/crypto/private_file.h"
#include "common/process/command.h"
#include "hub/assembly/state_backup.h"
#include "hub/frontend/frontend.h"
#include "hub/secrets/seal.h"
#include "hub/secrets/sealing_store.h"
#include "hub/secrets/start.h"
#include "hub/store/lmdb_store.h"
#include "hub/store/objects.h"
#include "tests/support/temp_dir.h"

namespace qleet::hub::secrets {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kClear = "correct-horse-battery-staple";
const frontend::Caller kCaller{"serviceaccount:dev"};

LmdbOptions small() {
  LmdbOptions options;
  options.map_bytes = options.max_map_bytes = 256 << 20;
  return options;
}

std::string document(const std::string& name, const std::string& value) {
  return "apiVersion: qleet.io/v1\nkind: Secret\nmetadata: {name: " + name +
         "}\nspec: {data: {key: " + value + "}}\n";
}

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Result<std::string> open_value(const v1::Secret& secret, const crypto::Sealer& sealer) {
  return secrets::open(secret, "key", sealer);
}

// Everything below a folder.
std::string all_bytes(const fs::path& folder) {
  std::string bytes;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += content(entry.path());
  }
  return bytes;
}

class SecretsTest : public testing::Test {
 protected:
  std::unique_ptr<LmdbStore> open() { return LmdbStore::open(dir_ / "store", small()).value(); }
  crypto::Sealer keys(Store& store) {
    auto sealer = open_keys({dir_ / kKeyFile, ""}, store, random_);
    if (!sealer) throw std::runtime_error(sealer.error().message);
    return *std::move(sealer);
  }
  v1::ApplyResult apply(Store& store, const std::string& text, bool dry_run = false) {
    const frontend::Context context{store, clock_};
    auto result = frontend::apply(context, kCaller, model::decode(text).value(), {.dry_run = dry_run});
    if (!result) throw std::runtime_error(result.error().message);
    return *std::move(result);
  }
  std::string action(Store& store, const std::string& text, bool dry_run = false) {
    return apply(store, text, dry_run).objects(0).action();
  }
  v1::Secret stored(Store& store, const std::string& name) {
    return objects::get<v1::Secret>(*store.snapshot().value(), name).value().value();
  }
  // As a hub did before.
  void put_clear(Store& store, const std::string& name) { apply(store, document(name, kClear)); }
  void erase(Store& store, const std::string& name) {
    const frontend::Context context{store, clock_};
    ASSERT_TRUE(frontend::erase(context, kCaller, *model::find_kind("Secret"), name));
  }

  test::TempDir dir_;
  SystemClock clock_;
  crypto::SystemRandom random_;
};

TEST_F(SecretsTest, TheStoreHoldsCiphertextAlone) {
  {
    auto store = open();
    const auto sealer = keys(*store);
    SealingStore sealing(*store, sealer);
    EXPECT_EQ(action(sealing, document("s", kClear)), "Created");
    EXPECT_EQ(open_value(stored(*store, "s"), sealer), kClear);
    action(sealing, document("gone", kClear));
    erase(sealing, "gone");
    for (const auto& change : store->changes(0, 1000).value())
      EXPECT_THAT(change.value, Not(HasSubstr(kClear)));
    for (const auto& entry : store->snapshot().value()->scan({}).value())
      EXPECT_THAT(entry.value, Not(HasSubstr(kClear))) << entry.key;
    ASSERT_TRUE(store->backup(dir_ / "backup"));
  }
  EXPECT_THAT(all_bytes(dir_.path()), Not(HasSubstr(kClear)));
}

// Who may write but not read learns nothing by trying values.
TEST_F(SecretsTest, AnAnswerDoesNotTellWhetherAValueIsTheSame) {
  auto store = open();
  const auto sealer = keys(*store);
  SealingStore sealing(*store, sealer);
  action(sealing, document("s", kClear));
  for (const bool dry_run : {true, false}) {
    const auto same = apply(sealing, document("s", kClear), dry_run);
    const auto other = apply(sealing, document("s", "guess"), dry_run);
    EXPECT_EQ(same.objects(0).action(), "Configured");
    EXPECT_EQ(other.objects(0).action(), "Configured");
    if (dry_run) EXPECT_EQ(same.objects(0).generation(), other.objects(0).generation());
    EXPECT_EQ(same.warnings_size() + same.releases_size(), other.warnings_size() + other.releases_size());
  }
  const frontend::Context context{sealing, clock_};
  const auto planned = [&](const std::string& value) {
    auto objects = model::decode(document("s", value)).value();
    const auto plan = frontend::plan(context, frontend::plan_apply(kCaller, objects, {})).value();
    return plan.text();
  };
  EXPECT_EQ(planned("guess"), planned(kClear));
  const std::string empty = "apiVersion: qleet.io/v1\nkind: Secret\nmetadata: {name: e}\nspec: {data: {}}\n";
  EXPECT_EQ(action(sealing, empty), "Created");
  EXPECT_EQ(action(sealing, empty), "Unchanged");
}

TEST_F(SecretsTest, AValueOpensWhereItBelongsAlone) {
  auto store = open();
  const auto sealer = keys(*store);
  v1::Secret secret;
  secret.mutable_metadata()->set_name("a");
  secret.mutable_metadata()->set_uid("1");
  (*secret.mutable_spec()->mutable_data())["key"] = kClear;
  EXPECT_EQ(seal(secret, sealer, false).sealed, 1U);
  EXPECT_EQ(secrets::open(secret, "key", sealer), kClear);
  EXPECT_FALSE(seal(secret, sealer, true).changed()) << "once is enough";
  auto copied = secret;
  copied.mutable_metadata()->set_name("b");
  EXPECT_EQ(secrets::open(copied, "key", sealer).error().code, Code::kInvalid);
  copied = secret;
  copied.mutable_metadata()->set_uid("2");
  EXPECT_EQ(secrets::open(copied, "key", sealer).error().code, Code::kInvalid);
  copied = secret;
  (*copied.mutable_spec()->mutable_data())["other"] = secret.spec().data().at("key");
  EXPECT_EQ(secrets::open(copied, "other", sealer).error().code, Code::kInvalid);
  EXPECT_EQ(secrets::open(secret, "none", sealer).error().code, Code::kNotFound);
}

TEST_F(SecretsTest, WhatWasClearTextIsSealedAndNothingIsLeftOfIt) {
  {
    auto store = open();
    put_clear(*store, "kept");
    put_clear(*store, "gone");
    erase(*store, "gone");
    // So that pages with the old values are free, and not used again.
    ASSERT_TRUE(store->compact(store->stats()->revision + 1));
    put_clear(*store, "kept");
  }
  ASSERT_THAT(all_bytes(dir_ / "store"), HasSubstr(kClear));
  auto store = open();
  const auto sealer = keys(*store);
  const auto before = stored(*store, "kept");
  const auto brought = bring_under_keys(*store, sealer).value();
  EXPECT_EQ(brought.sealed, 1U);
  EXPECT_TRUE(brought.remains);
  EXPECT_THAT(brought.closed, testing::IsEmpty());
  const auto after = stored(*store, "kept");
  EXPECT_EQ(open_value(after, sealer), kClear);
  EXPECT_EQ(after.metadata().uid(), before.metadata().uid());
  EXPECT_EQ(after.metadata().generation(), before.metadata().generation());
  EXPECT_TRUE(bring_under_keys(*store, sealer)->remains) << "until it was taken away";

  ASSERT_TRUE(log_tells_of_secrets(*store, store->stats()->log_floor).value());
  ASSERT_TRUE(store->compact(store->stats()->revision + 1));
  EXPECT_FALSE(log_tells_of_secrets(*store, store->stats()->log_floor).value());
  const auto epoch = store->identity().epoch;
  const auto revision = store->stats()->revision;
  EXPECT_EQ(scrub_lmdb(dir_ / "store").error().code, Code::kUnavailable) << "it is open";
  store.reset();
  ASSERT_TRUE(scrub_lmdb(dir_ / "store"));
  EXPECT_THAT(all_bytes(dir_ / "store"), Not(HasSubstr(kClear)));
  store = open();
  EXPECT_EQ(store->identity().epoch, epoch);
  EXPECT_EQ(store->stats()->revision, revision);
  EXPECT_EQ(open_value(stored(*store, "kept"), sealer), kClear);
  ASSERT_TRUE(forget_remains(*store));
  EXPECT_FALSE(bring_under_keys(*store, sealer)->remains);
}

TEST_F(SecretsTest, TheOldFileIsOverwritten) {
  {
    put_clear(*open(), "s");
  }
  fs::create_hard_link(dir_ / "store/data.mdb", dir_ / "old");
  ASSERT_THAT(content(dir_ / "old"), HasSubstr(kClear));
  ASSERT_TRUE(scrub_lmdb(dir_ / "store"));
  EXPECT_EQ(content(dir_ / "old").find_first_not_of('\0'), std::string::npos);
  EXPECT_EQ(stored(*open(), "s").spec().data().at("key"), kClear);
}

TEST_F(SecretsTest, AStoreThatIsMadeNowHasNoRemains) {
  auto store = open();
  EXPECT_FALSE(bring_under_keys(*store, keys(*store))->remains);
  EXPECT_FALSE(bring_under_keys(*store, keys(*store))->remains);
}

TEST_F(SecretsTest, ANewKeySealsEverythingAnew) {
  auto store = open();
  {
    const auto sealer = keys(*store);
    SealingStore sealing(*store, sealer);
    action(sealing, document("s", kClear));
  }
  const auto before = stored(*store, "s").spec().data().at("key");
  ASSERT_TRUE(rotate(dir_ / kKeyFile, random_));
  const auto sealer = keys(*store);
  EXPECT_EQ(open_value(stored(*store, "s"), sealer), kClear) << "the old key still opens";
  EXPECT_EQ(bring_under_keys(*store, sealer)->renewed, 1U);
  EXPECT_EQ(bring_under_keys(*store, sealer)->renewed, 0U);
  EXPECT_NE(stored(*store, "s").spec().data().at("key"), before);
  // The old one is needed no more.
  const auto both = *crypto::read_private_file(dir_ / kKeyFile);
  ASSERT_TRUE(crypto::write_private_file(dir_ / kKeyFile, both.substr(0, both.find('\n') + 1)));
  EXPECT_EQ(open_value(stored(*store, "s"), keys(*store)), kClear);
}

TEST_F(SecretsTest, ALostKeyIsNotMadeAnewInSilence) {
  auto store = open();
  {
    const auto sealer = keys(*store);
    SealingStore sealing(*store, sealer);
    action(sealing, document("s", kClear));
  }
  fs::remove(dir_ / kKeyFile);
  const auto lost = open_keys({dir_ / kKeyFile, ""}, *store, random_);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::kConflict);
  EXPECT_THAT(lost.error().message, HasSubstr("restore it"));
  EXPECT_FALSE(fs::exists(dir_ / kKeyFile));
  // Said on purpose, it is made, and what it cannot open is named.
  ASSERT_TRUE(rotate(dir_ / kKeyFile, random_));
  const auto sealer = keys(*store);
  EXPECT_THAT(bring_under_keys(*store, sealer)->closed, ElementsAre("s"));
  SealingStore sealing(*store, sealer);
  action(sealing, document("s", "again"));
  EXPECT_THAT(bring_under_keys(*store, sealer)->closed, testing::IsEmpty());
  EXPECT_EQ(open_value(stored(*store, "s"), sealer), "again");
}

TEST_F(SecretsTest, KeysMayComeFromACommand) {
  auto store = open();
  const std::string key = "qleet-key-1 " + std::string(43, 'A');
  const auto sealer = open_keys({dir_ / kKeyFile, "echo '" + key + "'"}, *store, random_);
  ASSERT_TRUE(sealer) << sealer.error().message;
  EXPECT_FALSE(fs::exists(dir_ / kKeyFile));
  EXPECT_EQ(open_keys({dir_ / kKeyFile, "echo secret; exit 3"}, *store, random_).error().message,
            "--secrets-key-command: ended with code 3");
  EXPECT_THAT(open_keys({dir_ / kKeyFile, "echo secret"}, *store, random_).error().message,
              HasSubstr("line 1 is not a key"));
}

TEST(Command, SaysWhatCameOfIt) {
  EXPECT_EQ(output_of("printf 'a\\nb'; exec 2>/dev/null", Millis(20'000), 100), "a\nb");
  EXPECT_EQ(output_of("kill -9 $$", Millis(20'000), 100).error().message, "was ended by signal 9");
  EXPECT_EQ(output_of("yes", Millis(20'000), 100).error().code, Code::kTooLarge);
  EXPECT_EQ(output_of("sleep 1000 & wait", Millis(50), 100).error().code, Code::kDeadline);
}

class BackupTest : public SecretsTest {
 protected:
  Result<> back_up(bool with_key) {
    fs::remove_all(dir_ / "to");
    return backup_state(dir_ / "hub", dir_ / "to",
                        [](const fs::path& store) -> Result<> { return make(store); },
                        {.secrets_key = with_key});
  }
  static Result<> make(const fs::path& folder) {
    fs::create_directories(folder);
    return {};
  }
};

TEST_F(BackupTest, TheKeyGoesAlongUnlessItIsKeptElsewhere) {
  ASSERT_TRUE(crypto::write_private_file(dir_ / "hub/secrets.key", "new\nold\n"));
  ASSERT_TRUE(back_up(false));
  EXPECT_FALSE(fs::exists(dir_ / "to/secrets.key"));
  ASSERT_TRUE(back_up(true));
  EXPECT_EQ(crypto::read_private_file(dir_ / "to/secrets.key"), "new\nold\n");

  // A restore brings back what the folder lacks, and takes no key away.
  ASSERT_TRUE(crypto::write_private_file(dir_ / "next/secrets.key", "newest\nnew\n"));
  ASSERT_TRUE(restore_state(dir_ / "to", dir_ / "next", make));
  EXPECT_EQ(crypto::read_private_file(dir_ / "next/secrets.key"), "newest\nnew\nold\n");
  ASSERT_TRUE(restore_state(dir_ / "to", dir_ / "empty", make));
  EXPECT_EQ(crypto::read_private_file(dir_ / "empty/secrets.key"), "new\nold\n");
}

}  // namespace
}  // namespace qleet::hub::secrets
