// Everything that an earlier version wrote is read by this one, and what this one writes is understood by the
// rules of the oldest version that is supported. docs/protocol.md and docs/operations/upgrade.md hold the
// rules.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "agent/engine/engine.h"
#include "agent/journal/lmdb_journal.h"
#include "common/log/log.h"
#include "common/sync/accept.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "hub/fleet/report_check.h"
#include "hub/store/keys.h"
#include "hub/store/lmdb_store.h"
#include "qleet/agent/v1/identity.pb.h"
#include "qleet/agent/v1/journal.pb.h"
#include "qleet/v1/operations.pb.h"
#include "qleet/wire/v1/wire.pb.h"
#include "tests/corpus/dump.h"
#include "tests/support/temp_dir.h"

namespace qleet::corpus {
namespace {

namespace fs = std::filesystem;
namespace pb = google::protobuf;

const fs::path kTop = QLEET_SOURCE_DIR "/tests/corpus";

std::vector<fs::path> folders(const std::string& what, const std::string& prefix) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(kTop / what))
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

std::vector<fs::path> messages_of(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".bin") found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

std::string kind_of_file(const fs::path& file) {
  const std::string name = file.stem();
  return name.substr(0, name.rfind('-'));
}

TEST(Corpus, EveryRecordedMessageIsReadAsItWasMeant) {
  const auto versions = folders("protocol", "v");
  EXPECT_GE(versions.size(), sync::kProtocolMax - sync::kProtocolMin + 1)
      << "record a corpus: tests/corpus/record";
  for (const auto& version : versions) {
    std::set<std::string> kinds;
    for (const auto& file : messages_of(version)) {
      const std::string kind = kind_of_file(file);
      kinds.insert(kind);
      std::string bytes = read_file(file);
      auto json = file;
      json.replace_extension(".json");
      const auto message = new_message(kind);
      ASSERT_TRUE(message->ParseFromString(bytes)) << file;
      EXPECT_EQ(json_of(*message), read_file(json)) << file;
      // A field that this version does not know changes nothing: number 1000, a text.
      bytes += std::string("\xc2\x3e\x03new", 6);
      const auto newer = new_message(kind);
      ASSERT_TRUE(newer->ParseFromString(bytes)) << file;
      EXPECT_EQ(json_of(*newer), read_file(json)) << file;
      EXPECT_EQ(newer->SerializeAsString().size(), bytes.size())
          << "unknown fields are kept where it is passed on";
      if (kind == "Heartbeat") EXPECT_TRUE(hub::check_heartbeat(bytes, {})) << file;
      if (kind == "StatusReport") {
        const auto report = hub::check_report(bytes, "eu-1", {});
        ASSERT_TRUE(report) << file;
        EXPECT_EQ(report->dropped, 0U) << file;
      }
    }
    EXPECT_EQ(kinds, std::set<std::string>(std::begin(kKinds), std::end(kKinds))) << version;
  }
}

TEST(Corpus, AnAbsentFieldMeansTheOldBehaviour) {
  // Of the first agents: no lower bound, no trouble.
  EXPECT_EQ(sync::negotiate(0, 1), 1U);
  wire::v1::Heartbeat beat;
  beat.set_protocol(1);
  beat.set_boot_id("1-a");
  const auto checked = hub::check_heartbeat(beat.SerializeAsString(), {});
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->trouble(), "");
}

// What an older program makes of a message: its own descriptors, and nothing of today's.
class OldSchema {
 public:
  explicit OldSchema(const fs::path& file) {
    if (!set_.ParseFromString(read_file(file))) throw std::runtime_error(file.string());
    for (const auto& one : set_.file())
      if (!pool_.BuildFile(one)) throw std::runtime_error(one.name());
  }
  const pb::FileDescriptorSet& files() const { return set_; }
  std::unique_ptr<pb::Message> message(const std::string& type) {
    return std::unique_ptr<pb::Message>(factory_.GetPrototype(pool_.FindMessageTypeByName(type))->New());
  }
  const pb::Descriptor* type(const std::string& name) const { return pool_.FindMessageTypeByName(name); }

 private:
  pb::FileDescriptorSet set_;
  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_{&pool_};
};

void expect_only_added(const pb::Descriptor& old) {
  if (old.full_name().starts_with("google.") || old.options().map_entry()) return;
  const auto* now = pb::DescriptorPool::generated_pool()->FindMessageTypeByName(old.full_name());
  ASSERT_NE(now, nullptr) << old.full_name() << " is gone";
  for (int i = 0; i < old.field_count(); ++i) {
    const auto* was = old.field(i);
    const auto* is = now->FindFieldByNumber(was->number());
    ASSERT_NE(is, nullptr) << was->full_name() << " is gone: its number must stay";
    EXPECT_EQ(is->name(), was->name()) << was->full_name();
    EXPECT_EQ(is->json_name(), was->json_name()) << was->full_name();
    EXPECT_EQ(is->type(), was->type()) << was->full_name();
    EXPECT_EQ(is->is_repeated(), was->is_repeated()) << was->full_name();
    if (was->type() == pb::FieldDescriptor::TYPE_MESSAGE)
      EXPECT_EQ(is->message_type()->full_name(), was->message_type()->full_name());
  }
  for (int i = 0; i < old.nested_type_count(); ++i) expect_only_added(*old.nested_type(i));
}

TEST(Corpus, OfOldSchemasNothingWasTakenAwayOrGivenAnotherMeaning) {
  // So that they are known at all.
  (void)wire::v1::Delta::descriptor();
  (void)agent::v1::Meta::descriptor();
  (void)agent::v1::Identity::descriptor();
  (void)v1::EnrolRequest::descriptor();
  std::size_t messages = 0;
  for (const auto& version : folders("protocol", "v")) {
    OldSchema schema(version / "schema.desc");
    for (const auto& file : schema.files().file()) {
      for (const auto& message : file.message_type()) {
        expect_only_added(*schema.type(file.package() + "." + message.name()));
        ++messages;
      }
    }
  }
  EXPECT_GT(messages, 50U);
}

// The newest recording is what today's code writes; it says nothing that the oldest reader would take for
// something else.
TEST(Corpus, WhatIsWrittenTodayIsUnderstoodByTheOldest) {
  const auto versions = folders("protocol", "v");
  OldSchema oldest(versions.front() / "schema.desc");
  for (const auto& file : messages_of(versions.back())) {
    auto message = new_message(kind_of_file(file));
    ASSERT_TRUE(message->ParseFromString(read_file(file)));
    if (kind_of_file(file) == "Heartbeat")
      static_cast<wire::v1::Heartbeat&>(*message).set_trouble("new in a later one");
    const auto old = oldest.message(message->GetDescriptor()->full_name());
    ASSERT_TRUE(old->ParseFromString(message->SerializeAsString())) << file;
    // What it does not know it passes on; what it knows it reads as it was said.
    const auto back = new_message(kind_of_file(file));
    ASSERT_TRUE(back->ParseFromString(old->SerializeAsString()));
    EXPECT_EQ(json_of(*back), json_of(*message)) << file;
    old->DiscardUnknownFields();
    auto known = json_of(*old);
    auto json = file;
    json.replace_extension(".json");
    EXPECT_EQ(known, read_file(json)) << file;
  }
}

TEST(Corpus, EveryRecordedStoreIsReadAsItWasWritten) {
  log::set_level(log::Level::kError);
  const auto formats = folders("store", "format-");
  EXPECT_EQ(formats.size(), hub::keys::kFormat) << "record a corpus: tests/corpus/record";
  for (const auto& format : formats) {
    test::TempDir dir;
    fs::create_directory(dir / "s");
    fs::copy_file(format / "data.mdb", dir / "s" / "data.mdb");
    auto store = hub::LmdbStore::open(dir / "s");
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(dump(**store), read_file(format / "expected.txt")) << format;
    // It goes on with it.
    const auto written = (*store)->transact([](hub::Txn& txn) -> Result<> {
      txn.put("x/after", "");
      return {};
    });
    EXPECT_TRUE(written);
  }
}

// A backup is taken before an upgrade, and may be needed after it.
TEST(Corpus, ABackupOfEveryRecordedStoreIsRestored) {
  log::set_level(log::Level::kError);
  for (const auto& format : folders("store", "format-")) {
    test::TempDir dir;
    fs::create_directory(dir / "s");
    fs::copy_file(format / "data.mdb", dir / "s" / "data.mdb");
    ASSERT_TRUE(hub::backup_lmdb(dir / "s", dir / "b"));
    const auto identity = hub::restore_lmdb(dir / "b", dir / "r");
    ASSERT_TRUE(identity) << identity.error().message;
    auto original = hub::LmdbStore::open(dir / "s").value();
    auto restored = hub::LmdbStore::open(dir / "r");
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(original->snapshot().value()->scan({}).value().size(),
              (*restored)->snapshot().value()->scan({}).value().size());
    EXPECT_EQ((*restored)->identity().lineage.front(), original->identity().epoch);
  }
}

TEST(Corpus, EveryRecordedJournalIsReadAsItWasWritten) {
  const auto formats = folders("journal", "format-");
  EXPECT_EQ(formats.size(), agent::keys::kFormat) << "record a corpus: tests/corpus/record";
  for (const auto& format : formats) {
    test::TempDir dir;
    fs::create_directory(dir / "j");
    fs::copy_file(format / "data.mdb", dir / "j" / "data.mdb");
    fs::copy_file(format / "journal.key", dir / "key");
    fs::permissions(dir / "key", fs::perms::owner_read | fs::perms::owner_write);
    crypto::SystemRandom random;
    const auto sealer = crypto::Sealer::open_or_create(dir / "key", random).value();
    auto journal = agent::LmdbJournal::open({.folder = (dir / "j").string()}, sealer);
    ASSERT_TRUE(journal) << journal.error().message;
    const auto contents = (*journal)->load();
    ASSERT_TRUE(contents) << contents.error().message;
    EXPECT_EQ(dump(*contents), read_file(format / "expected.txt")) << format;
  }
}

// A journal of before secrets were kept with their data: from the first start on they are, and nothing else
// of it changes.
TEST(Corpus, TheSecretsOfARecordedJournalAreKeptWithTheirData) {
  log::set_level(log::Level::kError);
  for (const auto& format : folders("journal", "format-")) {
    test::TempDir dir;
    fs::create_directory(dir / "j");
    fs::copy_file(format / "data.mdb", dir / "j" / "data.mdb");
    fs::copy_file(format / "journal.key", dir / "key");
    fs::permissions(dir / "key", fs::perms::owner_read | fs::perms::owner_write);
    crypto::SystemRandom random;
    const auto sealer = crypto::Sealer::open_or_create(dir / "key", random).value();
    auto journal = agent::LmdbJournal::open({.folder = (dir / "j").string()}, sealer).value();
    const auto before = journal->load().value();
    SystemClock clock;
    Wake wake;
    agent::ThreadExecutor executor(1);
    ASSERT_TRUE(agent::Engine::open({.agent = "eu-1"}, {.journal = *journal,
                                                        .clock = clock,
                                                        .random = random,
                                                        .executor = executor,
                                                        .wake = wake,
                                                        .providers = {}}));
    auto after = journal->load().value();
    std::size_t kept = 0;
    for (auto& [name, runtime] : after.runtime) {
      for (const auto& [key, value] : runtime.secrets().kept()) {
        const auto parts = hub::keys::segments(key);
        ASSERT_EQ(parts.size(), 3U) << key;
        const auto& owner = before.runtime.at(std::string(parts[1]));
        EXPECT_EQ(owner.secrets().generated().at(std::string(parts[2])), value) << key;
        ++kept;
      }
      if (!runtime.secrets().kept().empty()) runtime.mutable_secrets()->clear_kept();
      EXPECT_EQ(json_of(runtime), json_of(before.runtime.at(name))) << name;
    }
    EXPECT_GE(kept, 2U) << "of the database and of the cache";
  }
}

}  // namespace
}  // namespace qleet::corpus
