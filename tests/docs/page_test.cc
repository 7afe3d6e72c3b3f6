// How pages are read.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/docs/page.h"
#include "tests/support/temp_dir.h"

namespace qleet::test {
namespace {

DocPage page(const std::string& text) {
  const TempDir folder;
  std::ofstream(folder / "page.md") << text;
  return read_page(folder / "page.md");
}

TEST(Page, HasBlocksWithWhatIsSaidOfThem) {
  const auto read = page(
      "# A page\n\n```sh\nqleet status\n```\n<!-- test: not run: another host -->\n```console\n$ a\n```\n"
      "<!-- test: file app.yaml -->\n```yaml\nkind: Application\n```\n");
  ASSERT_EQ(read.blocks.size(), 3U);
  EXPECT_EQ(read.blocks[0].text, "qleet status\n");
  EXPECT_EQ(read.blocks[0].line, 3U);
  EXPECT_EQ(read.blocks[1].not_run, "another host");
  EXPECT_EQ(read.blocks[2].file, "app.yaml");
  EXPECT_TRUE(read.blocks[2].not_run.empty());
}

TEST(Page, RefusesWhatItDoesNotKnow) {
  EXPECT_THROW(page("<!-- test: skip -->\n```sh\nls\n```\n"), std::runtime_error);
  EXPECT_THROW(page("<!-- test: fails -->\ntext\n```sh\nls\n```\n"), std::runtime_error);
  EXPECT_THROW(page("```sh\nls\n"), std::runtime_error);
}

TEST(Page, HasCommandsWithWhatTheyShow) {
  const auto commands =
      commands_of({.language = "console", .text = "$ cat <<E\n> a\n> E\na\n$ true\n", .line = 1});
  ASSERT_EQ(commands.size(), 2U);
  EXPECT_EQ(commands[0].command, "cat <<E\na\nE");
  EXPECT_EQ(commands[0].shown, std::vector<std::string>{"a"});
  EXPECT_EQ(commands[1].line, 6U);
  EXPECT_TRUE(commands_of({.language = "yaml", .text = "$ a\n"}).empty());
}

TEST(Page, ThreeDotsStandForAnyLines) {
  EXPECT_TRUE(shows({}, {"anything"}));
  EXPECT_TRUE(shows({"a", "...", "c"}, {"a", "b", "b", "c"}));
  EXPECT_TRUE(shows({"a", "...", "c"}, {"a", "c"}));
  EXPECT_FALSE(shows({"a", "...", "c"}, {"a", "b"}));
  EXPECT_TRUE(shows({"it says: ..."}, {"it says: whatever"}));
  EXPECT_FALSE(shows({"it says: ..."}, {"it is silent"}));
  EXPECT_FALSE(shows({"a"}, {"a", "b"}));
  EXPECT_FALSE(shows({"a", "b"}, {"a"}));
}

}  // namespace
}  // namespace qleet::test
