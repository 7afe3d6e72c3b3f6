// Lines of a log on their way: times, where a reader stands, what lies between reading and sending.
#include <gtest/gtest.h>

#include <thread>

#include "agent/link/log_queue.h"
#include "common/clock/duration.h"
#include "common/engine/frames.h"
#include "common/engine/log_assembler.h"
#include "common/text/log_line.h"

namespace qleet {
namespace {

using containers::FrameReader;
using containers::LogAssembler;
using containers::LogRecord;
using containers::Stream;

TEST(ParseTime, TakesWhatEnginesAndPeopleWrite) {
  const auto expect = WallTime(Millis(1'796'065'234'661));
  for (const char* text : {"2026-11-30T19:00:34.661350369Z", "2026-11-30t19:00:34.661z",
                           "2026-11-30T20:00:34.6613+01:00", "2026-11-30 13:30:34.661-05:30"})
    EXPECT_EQ(parse_time(text), expect) << text;
  EXPECT_EQ(parse_time(format_time(expect)), expect);
  for (const char* text : {"", "2026-11-30", "2026-13-30T19:00:34Z", "2026-02-30T19:00:34Z",
                           "2026-11-30T19:00:34", "2026-11-30T24:00:34Z", "2026-11-30T19:00:34.Z",
                           "2026-11-30T19:00:34Zx", "2026-11-30T19:00:34+1:00", "10m"})
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
}

TEST(SplitStamp, TellsATimeFromText) {
  const auto timed = split_stamp("2026-11-30T19:00:34.661Z two  words");
  EXPECT_EQ(timed.text, "two  words");
  EXPECT_EQ(timed.time, WallTime(Millis(1'796'065'234'661)));
  EXPECT_EQ(split_stamp("- x").text, "x");
  EXPECT_EQ(split_stamp("- ").text, "");
  for (const char* text : {"plain text", "-x", "", "-", "GET / 200"}) {
    EXPECT_EQ(split_stamp(text).text, text);
    EXPECT_FALSE(split_stamp(text).stamped) << text;
  }
}

// What Podman 4.3 sends: a frame for each piece, each with a time.
std::string frame(char stream, const std::string& text) {
  std::string out{stream, 0, 0, 0};
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(text.size() >> shift);
  return out + text;
}

std::string assembled(const std::string& bytes, size_t cut, size_t longest = kLongestLogLine) {
  std::string out;
  LogAssembler lines(
      [&](const LogRecord& record) {
        out += (record.stream == Stream::kOut ? "out " : "err ") + stamp(record.time) +
               std::string(record.text) + "|";
        return true;
      },
      longest);
  FrameReader frames([&](Stream stream, std::string_view piece) { return lines.feed(stream, piece); },
                     [&](Stream stream) { lines.frame_begins(stream); });
  for (size_t at = 0; at < bytes.size(); at += cut)
    EXPECT_TRUE(frames.feed(std::string_view(bytes).substr(at, cut)));
  lines.finish();
  return out;
}

TEST(LogAssembler, PutsLinesTogetherWhateverTheCut) {
  using namespace std::string_literals;  // NOLINT(google-build-using-namespace)
  const std::string bytes = frame(1, "2026-11-30T19:00:34Z one\n") + frame(1, "2026-11-30T19:00:34Z thr") +
                            frame(2, "2026-11-30T19:00:34Z two\n") + frame(1, "2026-11-30T19:00:35Z ee\n") +
                            frame(1, "2026-11-30T19:00:36Z \n") +
                            frame(1, "2026-11-30T19:00:36Z \0\xff\r\n"s) + frame(1, "no time at all\n") +
                            frame(2, "2026-11-30T19:00:37Z unended");
  const std::string expect =
      "out 2026-11-30T19:00:34.000Z one|err 2026-11-30T19:00:34.000Z two|out 2026-11-30T19:00:34.000Z three|"
      "out 2026-11-30T19:00:36.000Z |out 2026-11-30T19:00:36.000Z \0\xff\r|"
      "out 2026-11-30T19:00:36.000Z no time at all|err 2026-11-30T19:00:37.000Z unended|"s;
  for (const size_t cut : {1, 2, 3, 7, 1000}) EXPECT_EQ(assembled(bytes, cut), expect) << cut;
}

TEST(LogAssembler, ALineBeyondTheLongestIsCutAndSaysSo) {
  EXPECT_EQ(
      assembled(frame(1, "2026-11-30T19:00:34Z 0123456789") + frame(1, "2026-11-30T19:00:34Z abc\nnext\n"), 5,
                8),
      "out 2026-11-30T19:00:34.000Z 01234567 [5 more bytes of this line were left out]|"
      "out 2026-11-30T19:00:34.000Z next|");
}

TEST(LogCursor, GoesOnWhereItWasAlsoWithinASecond) {
  const auto at = [](int ms) { return std::optional(WallTime(Millis(ms))); };
  LogCursor cursor;
  EXPECT_EQ(cursor.resume_from(), std::nullopt);
  EXPECT_TRUE(cursor.take("a", at(1000)));
  EXPECT_TRUE(cursor.take("a", at(2000)));
  EXPECT_TRUE(cursor.take("a", at(2000)));
  EXPECT_TRUE(cursor.take("b", at(5000)));
  EXPECT_EQ(cursor.resume_from(), at(2000));
  for (int life = 0; life < 2; ++life) {
    cursor.interrupted();
    EXPECT_FALSE(cursor.take("a", at(1000)));
    EXPECT_FALSE(cursor.take("a", at(2000)));
    EXPECT_FALSE(cursor.take("a", at(2000)));
    if (life == 1) EXPECT_FALSE(cursor.take("a", at(2000)));
    EXPECT_TRUE(cursor.take("a", at(2000))) << "a line that came meanwhile";
    EXPECT_FALSE(cursor.take("b", at(5000)));
    EXPECT_TRUE(cursor.take("new in life " + std::to_string(life), at(1000)));
    EXPECT_TRUE(cursor.take("b", std::nullopt)) << "nothing is known of it";
  }
}

TEST(LogCursor, RemembersNotMoreThanSomeSources) {
  LogCursor cursor;
  for (int i = 0; i < 3000; ++i) EXPECT_TRUE(cursor.take(std::to_string(i), WallTime(Millis(5000))));
  cursor.interrupted();
  int again = 0;
  for (int i = 0; i < 3000; ++i) again += cursor.take(std::to_string(i), WallTime(Millis(5000))) ? 1 : 0;
  EXPECT_EQ(again, 2000);
}

TEST(LogQueue, JoinsLinesOfASourceAndKeepsTheirOrder) {
  agent::LogQueue queue({.max_bytes = 100, .piece_bytes = 8});
  for (const char* line : {"a1\n", "a2\n", "a3\n"}) EXPECT_TRUE(queue.push("a", line));
  EXPECT_TRUE(queue.push("b", "b1\n"));
  EXPECT_TRUE(queue.push("a", "a4\n"));
  std::string seen;
  queue.close(false);
  while (const auto piece = queue.pop(Millis(0))) seen += piece->source + ":" + piece->data + "|";
  EXPECT_EQ(seen, "a:a1\na2\n|a:a3\na4\n|b:b1\n|");
  EXPECT_FALSE(queue.push("a", "late\n"));
}

TEST(LogQueue, DropsWhenItIsFullAndSaysHowMany) {
  agent::LogQueue queue({.max_bytes = 10, .piece_bytes = 100, .drops = true});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(queue.push("a", "12345\n"));
  EXPECT_EQ(queue.pop(Millis(0))->data, "12345\n");
  EXPECT_TRUE(queue.push("a", "next\n"));
  const auto next = queue.pop(Millis(0));
  EXPECT_EQ(next->data, "next\n");
  EXPECT_EQ(next->dropped, 4U);
  EXPECT_TRUE(queue.push("a", std::string(50, 'x') + "\n")) << "one line fits whatever its size";
  EXPECT_TRUE(queue.push("a", "lost\n"));
  EXPECT_EQ(queue.pop(Millis(0))->data.size(), 51U);
  EXPECT_EQ(queue.pop(Millis(0))->dropped, 1U);
}

TEST(LogQueue, AFullOneThatDropsNothingHoldsItsWriter) {
  agent::LogQueue queue({.max_bytes = 10, .piece_bytes = 100});
  std::thread writer([&] {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(queue.push("a", "12345\n"));
    queue.close(false);
  });
  size_t bytes = 0;
  while (!queue.drained()) {
    if (const auto piece = queue.pop(Millis(10))) bytes += piece->data.size();
  }
  writer.join();
  EXPECT_EQ(bytes, 600U);
}

}  // namespace
}  // namespace qleet
