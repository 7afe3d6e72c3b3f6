#include "agent/assembly/state_backup.h"

#include <gtest/gtest.h>

#include "agent/journal/lmdb_journal.h"
#include "common/crypto/private_file.h"
#include "tests/support/temp_dir.h"

namespace qleet::agent {
namespace {

TEST(AgentBackup, HoldsWhatProvidersCannotMakeAgain) {
  test::TempDir dir;
  crypto::SystemRandom random;
  const std::vector<std::filesystem::path> files{"container/revision.key", "other/not-there"};
  ASSERT_TRUE(crypto::write_private_file(dir / "a/container/revision.key", "the key"));
  {
    const auto sealer = crypto::Sealer::open_or_create(dir / "a/identity/journal.key", random).value();
    ASSERT_TRUE(LmdbJournal::open({.folder = dir / "a/journal"}, sealer));
  }
  ASSERT_TRUE(backup_state(dir / "a", dir / "backup", files));
  const auto restored = restore_state(dir / "backup", dir / "b", files);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(crypto::read_private_file(dir / "b/container/revision.key").value(), "the key");
  EXPECT_EQ(crypto::read_private_file(dir / "b/identity/journal.key").value(),
            crypto::read_private_file(dir / "a/identity/journal.key").value());
  EXPECT_FALSE(restore_state(dir / "backup", dir / "b", files)) << "over one that is there";
  std::filesystem::copy(dir / "backup", dir / "cut", std::filesystem::copy_options::recursive);
  std::filesystem::resize_file(dir / "cut/journal/data.mdb", 8192);
  EXPECT_FALSE(restore_state(dir / "cut", dir / "d", files));
  EXPECT_FALSE(std::filesystem::exists(dir / "d/identity")) << "nothing of it is taken";
  // A backup of before, without the file, and one that is there already.
  std::filesystem::remove_all(dir / "backup/container");
  ASSERT_TRUE(crypto::write_private_file(dir / "c/container/revision.key", "its own"));
  ASSERT_TRUE(restore_state(dir / "backup", dir / "c", files));
  EXPECT_EQ(crypto::read_private_file(dir / "c/container/revision.key").value(), "its own");
}

}  // namespace
}  // namespace qleet::agent
