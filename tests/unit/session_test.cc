// Sessions at a shell: how they are written down, what is masked, and how they run.
#include "tests/support/session.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

#include "tests/support/temp_dir.h"

namespace qleet::test {
namespace {

const std::string kSession = R"(# A remark.
(until it shows "one")
$ printf 'one\n\n  two'
> echo three
| one
|
|   two
[no newline at the end]
[exit 3]

(at "name: " type "shop")
(at "shop" press Ctrl-C)
tty$ ask
colours$ paint
| ^[[32mgreen^[[0m
# The end.
)";

TEST(Session, IsReadAndWrittenAsItStands) {
  const auto session = read_session(kSession);
  ASSERT_EQ(session.steps.size(), 3U);
  const auto& first = session.steps[0];
  EXPECT_EQ(first.command, "printf 'one\\n\\n  two'\necho three");
  EXPECT_EQ(first.shown, "one\n\n  two");
  EXPECT_EQ(first.exit, 3);
  EXPECT_EQ(first.until, "one");
  EXPECT_EQ(session.steps[1].on, SessionStep::On::kScreen);
  EXPECT_EQ(session.steps[1].keys.size(), 2U);
  EXPECT_EQ(session.steps[2].on, SessionStep::On::kColours);
  EXPECT_EQ(write_session(session), kSession);
}

TEST(Session, RefusesWhatItDoesNotKnow) {
  for (const std::string text :
       {"| nothing was run\n", "$ ls\nfile\n", "$ ls\n[exit x]\n", "(until \"x\")\n$ ls\n"})
    EXPECT_THROW(read_session(text), std::runtime_error) << text;
}

TEST(Session, MasksWhatDiffersAndThenTheWidthOfColumns) {
  const auto masks = usual_masks();
  EXPECT_EQ(masked("NAME    AGE       X\n  shop   12.3 s    1\n", masks),
            "NAME   AGE   X\n  shop   <duration>   1\n");
  EXPECT_EQ(masked("NAME    X\nshop    1\n", masks), "NAME    X\nshop    1\n");
  EXPECT_EQ(masked("at 2026-11-30T19:00:00.123Z a@sha256:" + std::string(64, 'a'), masks),
            "at <time> a@sha256:<digest>");
}

class Played : public ::testing::Test {
 public:
  void play(const std::string& text) const {
    std::ofstream(folder / "a.session") << text;
    play_session(folder / "a.session", {.folder = folder.path(), .masks = usual_masks()});
  }
  const TempDir folder;
};

TEST_F(Played, OnAPipeAndOnATerminal) {
  play(R"($ echo hello; echo bad >&2; exit 4
| hello
| bad
[exit 4]
$ [ -t 1 ] && stty size
[exit 1]
tty$ stty size
| 24 80
colours$ printf '\033[31mred\033[0m\n'
| ^[[31mred^[[0m
(at "name: " type "shop")
tty$ printf 'name: '; read -r name; echo "it is $name"
| name: shop
| it is shop
(at "go" press Ctrl-C)
tty$ echo go; sleep 60
| go
| ^C
[exit 130]
(until it shows "xxx")
$ printf x >>file; cat file; echo
| xxx
)");
}

TEST_F(Played, SaysWhichLineDiffers) {
  static const Played* self = this;  // the macro takes no local variables
  EXPECT_NONFATAL_FAILURE(self->play("$ echo one; echo two\n| one\n| three\n"),
                          "line 2 is:\n  two\nand should be:\n  three");
  EXPECT_NONFATAL_FAILURE(self->play("$ false\n"), "exit 1, which should be 0");
}

}  // namespace
}  // namespace qleet::test
