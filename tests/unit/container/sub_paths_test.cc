// Paths inside volumes, shown where only root may enter. Needs the right to mount, as the agent does.
#include "providers/container/sub_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/temp_dir.h"

namespace qleet::container {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class SubPaths : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(volume_);
    const auto shown = ShownPath::show(volume_, "probe", place_);
    if (!shown && shown.error().code == Code::kDenied) GTEST_SKIP() << shown.error().message;
    ASSERT_TRUE(shown) << shown.error().message;
  }

  test::TempDir dir_;
  const fs::path volume_ = fs::path(dir_.path()) / "volume";
  const fs::path place_ = fs::path(dir_.path()) / "places/web/0";
};

TEST_F(SubPaths, WhatIsMissingIsMadeLikeTheFolderThatItIsIn) {
  ASSERT_EQ(::chown(volume_.c_str(), 1234, 5678), 0);
  ASSERT_EQ(::chmod(volume_.c_str(), 02770), 0);
  {
    const auto shown = ShownPath::show(volume_, "/sub//dir/", place_);
    ASSERT_TRUE(shown) << shown.error().message;
    std::ofstream(place_ / "f") << "x";
  }
  EXPECT_FALSE(fs::exists(place_));  // so that nothing starts with an empty one
  EXPECT_TRUE(fs::exists(volume_ / "sub/dir/f"));
  struct stat status{};
  ASSERT_EQ(::stat((volume_ / "sub/dir").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 1234U);
  EXPECT_EQ(status.st_gid, 5678U);
  EXPECT_EQ(status.st_mode & 07777, 02770U);
}

TEST_F(SubPaths, AFileIsShownAsOne) {
  std::ofstream(volume_ / "one.conf") << "text";
  ASSERT_TRUE(prepare_place(place_));
  EXPECT_TRUE(fs::is_empty(place_));
  const auto shown = ShownPath::show(volume_, "one.conf", place_);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(fs::file_size(place_), 4U);
}

// What a workload wrote into its volume leads nowhere else on the host.
TEST_F(SubPaths, NoLinkIsFollowed) {
  fs::create_directories(fs::path(dir_.path()) / "secret");
  fs::create_directory_symlink("../secret", volume_ / "out");
  fs::create_directory_symlink("/etc", volume_ / "absolute");
  fs::create_directories(volume_ / "in");
  fs::create_directory_symlink("in", volume_ / "within");
  ASSERT_EQ(::mkfifo((volume_ / "fifo").c_str(), 0600), 0);
  for (const std::string path : {"out", "absolute", "absolute/ssh", "out/x", "within"}) {
    const auto shown = ShownPath::show(volume_, path, place_);
    ASSERT_FALSE(shown) << path;
    EXPECT_EQ(shown.error().code, Code::kInvalid);
    EXPECT_THAT(shown.error().message, HasSubstr("leads through a symbolic link, which is not followed"))
        << path;
  }
  EXPECT_THAT(ShownPath::show(volume_, "fifo", place_).error().message,
              HasSubstr("neither a folder nor a file"));
  // lexically_normal never lets one out.
  ASSERT_TRUE(ShownPath::show(volume_, "../../in", place_));
  EXPECT_TRUE(fs::is_empty(fs::path(dir_.path()) / "secret"));
}

// An agent that was killed in the middle has left it there.
TEST_F(SubPaths, WhatWasLeftIsTakenAwayAndNothingInIt) {
  fs::create_directories(volume_ / "data");
  std::ofstream(volume_ / "data/f") << "x";
  auto left = ShownPath::show(volume_, "data", place_);
  ASSERT_TRUE(left);
  const auto again = ShownPath::show(volume_, "data", place_);
  ASSERT_TRUE(again) << again.error().message;
  clear_place(place_);
  EXPECT_FALSE(fs::exists(place_));
  EXPECT_TRUE(fs::exists(volume_ / "data/f"));
}

}  // namespace
}  // namespace qleet::container
