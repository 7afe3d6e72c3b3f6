// What is said of a container that ended, and what is kept of how often it did.
#include "providers/container/ended.h"

#include <gtest/gtest.h>

#include "common/model/reasons.h"
#include "tests/support/temp_dir.h"

namespace qleet::container {
namespace {

constexpr std::int64_t kMebi = 1 << 20;

TEST(Ended, WhatWasStartedIsToldByWhatIsKnownOfIt) {
  using Asked = Starting::Asked;
  const containers::Ending three{.exit_code = 3};
  const struct {
    Starting starting;
    std::string text;
  } cases[] = {
      {{}, "is starting"},
      {{.asked = Asked::kProbe, .answer = "GET / on port 80 answers 503"}, "is starting"},
      {{.asked = Asked::kProbe, .answer = "GET / on port 80 answers 503", .tells = true},
       "waits for its probe: GET / on port 80 answers 503"},
      {{.asked = Asked::kPort, .answer = "nothing answers on port 80", .tells = true},
       "waits for its port: nothing answers on port 80"},
      {{.restarts = 23, .last = three}, "ended with code 3 as soon as it was started, restarted 23 times"},
      {{.tells = true, .restarts = 1, .last = three},
       "ended with code 3 as soon as it was started, restarted once"},
      {{.asked = Asked::kPort, .restarts = 2, .last = three},
       "ended with code 3 before it was ready, restarted 2 times"},
      {{.asked = Asked::kProbe, .answer = "no", .tells = true, .restarts = 2, .last = three},
       "waits for its probe: no; restarted 2 times, the last time after it ended with code 3"},
      {{.was_ready = true, .restarts = 1, .last = three},
       "is starting; restarted once, the last time after it ended with code 3"},
      {{.restarts = 4}, "is starting; restarted 4 times"},
  };
  for (const auto& one : cases) EXPECT_EQ(why_not_yet(one.starting), one.text);
}

TEST(Ended, WhatWasNeverReadyIsTriedInVainFromTheFifthRestart) {
  EXPECT_FALSE(tried_in_vain(4, false));
  EXPECT_TRUE(tried_in_vain(5, false));
  EXPECT_TRUE(tried_in_vain(37, false));
  EXPECT_FALSE(tried_in_vain(37, true));
}

TEST(Ended, ThatItWasReadyIsKeptAndGoesWithItsFiles) {
  test::TempDir dir;
  const Mounts mounts(dir.path());
  EXPECT_FALSE(was_noted_ready(mounts, "web", "a.0.main"));
  note_ready(mounts, "web", "a.0.main");
  EXPECT_TRUE(was_noted_ready(mounts, "web", "a.0.main"));
  EXPECT_FALSE(was_noted_ready(mounts, "web", "b.0.main")) << "another version";
  ASSERT_TRUE(mounts.remove("web", "a.0.main"));
  EXPECT_FALSE(was_noted_ready(mounts, "web", "a.0.main"));
}

TEST(Ended, SaysCodeLimitAndRestarts) {
  const struct {
    Ended ended;
    std::string text;
  } cases[] = {
      {{.ending = {.exit_code = 3}}, "ended with code 3"},
      {{.ending = {.exit_code = 3}, .restarts = 1}, "ended with code 3, restarted once"},
      {{.ending = {.exit_code = 3}, .restarts = 4}, "ended with code 3, restarted 4 times"},
      {{.ending = {.exit_code = 127}, .engine_says = "no such file"}, "ended with code 127: no such file"},
      {{.ending = {.exit_code = 137}, .memory = 32 * kMebi}, "ended with code 137"},
      {{.ending = {.exit_code = 137, .out_of_memory = true}, .memory = 32 * kMebi, .restarts = 2},
       "ended with code 137 (out of memory: it needs more than its limit of 32Mi), restarted 2 times; raise "
       "its memory limit, or have it use less"},
      {{.ending = {.exit_code = 1, .out_of_memory = true}, .memory = 2048 * kMebi},
       "ended with code 1 (out of memory: it needs more than its limit of 2Gi); raise its memory limit, or "
       "have it use less"},
      {{.ending = {.exit_code = 137, .out_of_memory = true}, .memory = 1000},
       "ended with code 137 (out of memory: it needs more than its limit of 1000 bytes); raise its memory "
       "limit, or have it use less"},
      {{.ending = {.exit_code = 137, .out_of_memory = true}},
       "ended with code 137 (out of memory: the host had none left)"},
  };
  for (const auto& one : cases) EXPECT_EQ(why_ended(one.ended), one.text);
  EXPECT_EQ(reason_of({.exit_code = 3}), reasons::kExited);
  EXPECT_EQ(reason_of({.exit_code = 137, .out_of_memory = true}), reasons::kOutOfMemory);
}

TEST(Ended, SaysItAlsoOfWhatRunsAgain) {
  EXPECT_EQ(restarted(0, containers::Ending{.exit_code = 3}, 0), "");
  EXPECT_EQ(restarted(2, std::nullopt, 0), "restarted 2 times");
  EXPECT_EQ(restarted(2, containers::Ending{.exit_code = 3}, 0),
            "restarted 2 times, the last time after it ended with code 3");
}

TEST(Ended, RestartsAreCountedOverThoseThatTheEngineForgets) {
  test::TempDir folder;
  const Mounts mounts(folder.path() / "mounts");
  containers::ContainerDetails details;
  details.restarts = 3;
  EXPECT_EQ(restarts_of(mounts, "web", "v1.0.main", details), 3U);
  note_restart(mounts, "web", "v1.0.main", details);
  details.restarts = 0;  // counted anew by the engine
  EXPECT_EQ(restarts_of(mounts, "web", "v1.0.main", details), 4U);
  details.restarts = 2;
  EXPECT_EQ(restarts_of(Mounts(folder.path() / "mounts"), "web", "v1.0.main", details), 6U)
      << "also after a restart of the agent";
  EXPECT_EQ(restarts_of(mounts, "web", "v2.0.main", details), 2U) << "of another version";
  ASSERT_TRUE(mounts.remove("web", "v1.0.main"));
  EXPECT_EQ(restarts_of(mounts, "web", "v1.0.main", details), 2U);
}

}  // namespace
}  // namespace qleet::container
