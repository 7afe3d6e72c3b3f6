// What others wrote, shown: on terminals (tests/unit/cli_test.cc has the table) and in the daemons' logs.
#include <gtest/gtest.h>

#include "common/log/log.h"
#include "common/text/visible.h"

namespace qleet {
namespace {

std::string logged(const std::string& value) {
  const auto line = log::line_of(log::Level::kWarn, "test", "said", {{"what", value}});
  return line.substr(line.find("what="));
}

// One value, one place in one line.
TEST(Log, NoValueEndsItsLineOrReachesATerminal) {
  EXPECT_EQ(logged("plain"), "what=plain\n");
  EXPECT_EQ(logged("grün"), "what=grün\n");
  EXPECT_EQ(logged(""), "what=\"\"\n");
  EXPECT_EQ(logged("two words"), "what=\"two words\"\n");
  EXPECT_EQ(logged("say \"x\" \\"), "what=\"say \\\"x\\\" \\\\\"\n");
  EXPECT_EQ(logged("a\n2026-01-01T00:00:00Z error component=store msg=forged"),
            "what=\"a\\n2026-01-01T00:00:00Z error component=store msg=forged\"\n");
  EXPECT_EQ(logged("a\rb"), "what=\"a\\rb\"\n");
  EXPECT_EQ(logged("\x1b[2J"), "what=\"\\u001b[2J\"\n");
  EXPECT_EQ(logged("\x9b[2J"), "what=\"\\x9b[2J\"\n");
  EXPECT_EQ(logged("\u202egnp.exe"), "what=\"\\u202egnp.exe\"\n");
}

TEST(Visible, SaysHowMuchItUsed) {
  std::string out;
  EXPECT_EQ(text::append_visible(out, "ab\xe2\x9c", {.whole = false}), 2U);
  EXPECT_EQ(text::append_visible(out, "\r", {.whole = false}), 0U);
  EXPECT_EQ(out, "ab");
  EXPECT_EQ(text::append_visible(out, "\r"), 1U);
  EXPECT_EQ(out, "ab\\r");
}

}  // namespace
}  // namespace qleet
