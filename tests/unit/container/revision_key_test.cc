// The key of the hashes that tell whether containers are as wanted: never guessed, never made anew over one
// that is there.
#include <gtest/gtest.h>

#include <fstream>

#include "common/crypto/private_file.h"
#include "providers/container/context.h"
#include "tests/support/driven_provider.h"
#include "tests/support/temp_dir.h"

namespace qleet::container {
namespace {

class RevisionKeyTest : public ::testing::Test {
 protected:
  Result<std::string> revision() {
    Context context({.socket = "/nonexistent", .state = dir_.path(), .registry_auth = {}}, clock_);
    return context.revision_of(test::resource("workload", "web", R"({"image": "i"})"));
  }
  std::filesystem::path file() { return dir_ / kRevisionKey; }

  ManualClock clock_;
  test::TempDir dir_;
};

TEST_F(RevisionKeyTest, IsMadeOnce) {
  const auto first = revision();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(crypto::read_private_file(file())->size(), 32u);
  EXPECT_EQ(revision().value(), *first);
}

TEST_F(RevisionKeyTest, OneThatIsDamagedOrCannotBeReadIsNotReplaced) {
  ASSERT_TRUE(crypto::write_private_file(file(), "cut off"));
  const auto damaged = revision();
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, Code::kUnavailable) << "what runs goes on";
  EXPECT_NE(damaged.error().message.find("has 7 bytes instead of 32"), std::string::npos);
  EXPECT_EQ(crypto::read_private_file(file()).value(), "cut off");
  std::filesystem::remove(file());
  std::filesystem::create_directory(file());  // reading it fails, whoever asks
  EXPECT_FALSE(revision());
  EXPECT_TRUE(std::filesystem::is_directory(file()));
}

}  // namespace
}  // namespace qleet::container
