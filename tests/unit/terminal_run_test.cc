// The harness for commands under a pseudo terminal, and what a screen makes of what it is sent.
#include "tests/support/terminal_run.h"

#include <gtest/gtest.h>

namespace qleet::test {
namespace {

using Rows = std::vector<std::string>;

TEST(Screen, WrapsScrollsAndDrawsOver) {
  Screen screen(5, 3);
  screen.feed("one\r\nabcdefg\r\n");
  EXPECT_EQ(screen.scrollback(), Rows{"one"});
  EXPECT_EQ(screen.rows(), (Rows{"abcde", "fg"}));
  screen.feed("\x1b[2A\x1b[2K\x1b[32mx\x1b[0m\r\n\x1b[J");
  EXPECT_EQ(screen.rows(), Rows{"x"});
  screen.feed("\xe2\x9c\x94\x1b");
  screen.feed("[9Zy");
  EXPECT_EQ(screen.rows(), (Rows{"x", "✔y"}));
  EXPECT_EQ(screen.unknown(), Rows{"\x1b[9Z"});
}

TEST(TerminalRun, ShowsWhatACommandPrintsAndItsExitCode) {
  TerminalRun ran({"/bin/sh", "-c", "stty size; printf '\\033[31mred\\033[0m\\n'; exit 3"});
  EXPECT_EQ(ran.wait(), 3);
  EXPECT_EQ(ran.text(), "24 80\nred\n");
  EXPECT_EQ(ran.screen().rows(), (Rows{"24 80", "red"}));
}

TEST(TerminalRun, TypesAndMakesTheWindowSmaller) {
  TerminalRun ran({"/bin/sh", "-c", "read word; echo got $word; stty size; read word"}, {.columns = 100});
  ran.resize(40, 10);
  ran.type("hello\n");
  EXPECT_TRUE(ran.wait_for("got hello\r\n10 40"));
  ran.type("\x03");
  EXPECT_EQ(ran.wait(), 130);
}

}  // namespace
}  // namespace qleet::test
