// Log lines and trees as a person sees them.
#include <gtest/gtest.h>

#include "cli/interrupt.h"
#include "cli/last_lines.h"
#include "cli/log_view.h"
#include "cli/output.h"
#include "cli/tree_view.h"

namespace qleet::cli {
namespace {

struct Seen {
  std::string out;
  std::string notes;
};

Seen view(const std::string& stream, LogViewOptions options, size_t cut = 1000) {
  Seen seen;
  const Terminal terminal;
  LogView view(
      terminal, options, [&](std::string_view shown) { seen.out += shown; },
      [&](std::string_view note) { seen.notes += std::string(note) + ";"; });
  for (size_t at = 0; at < stream.size(); at += cut) view.feed(std::string_view(stream).substr(at, cut));
  return seen;
}

const std::string kStream =
    "dev/eu-1/web-0/main | 2026-11-30T19:00:34.120Z one\n"
    "dev/eu-1/web-1/main | 2026-11-30T19:00:34.130Z \n"
    "-- dev/eu-1/web: agent eu-1 has fallen silent; it is waited for\n"
    "dev/eu-1/postgres/web.db | - two | more\x1b[2J\xff\r\n"
    "-- x\n-- x\n";

TEST(LogView, LinesWithWhereTheyComeFrom) {
  for (const size_t cut : {1, 3, 1000}) {
    const auto seen = view(kStream, {.environments = false, .regions = false}, cut);
    EXPECT_EQ(seen.out, "web-0/main | one\nweb-1/main | \npostgres/web.db | two | more\x1b[2J\xff\r\n");
    EXPECT_EQ(seen.notes, "dev/eu-1/web: agent eu-1 has fallen silent; it is waited for;x;");
  }
  EXPECT_TRUE(
      view(kStream, {.environments = true, .regions = false}).out.starts_with("dev/web-0/main | one\n"));
  EXPECT_TRUE(view(kStream, {.prefix = false}).out.starts_with("one\n\ntwo | more"));
  EXPECT_TRUE(view(kStream, {.prefix = false, .timestamps = true})
                  .out.starts_with("2026-11-30T19:00:34.120Z one\n2026-11-30T19:00:34.130Z \n- two"));
}

TEST(LogView, ATerminalIsNotSentControlCharacters) {
  const auto seen = view(kStream, {.safe = true, .prefix = false});
  EXPECT_EQ(seen.out, "one\n\ntwo | more\\u001b[2J\\xff\n");
}

TEST(LogView, ObjectsForPrograms) {
  const auto seen = view(kStream, {.json = true});
  EXPECT_EQ(
      seen.out,
      R"({"time":"2026-11-30T19:00:34.120Z","environment":"dev","region":"eu-1","source":"web-0/main","line":"one"})"
      "\n"
      R"({"time":"2026-11-30T19:00:34.130Z","environment":"dev","region":"eu-1","source":"web-1/main","line":""})"
      "\n"
      R"({"environment":"dev","region":"eu-1","source":"postgres/web.db","line":"two | more\\u001b[2J\\xff\\r"})"
      "\n");
}

TEST(LogView, GoesOnAfterAnInterruptionWithoutSayingALineTwice) {
  std::string out;
  const Terminal terminal;
  LogView view(
      terminal, {.environments = false, .regions = false}, [&](std::string_view shown) { out += shown; },
      [](std::string_view) {});
  const std::string a = "dev/eu-1/web-0/main | 2026-11-30T19:00:34.000Z a\n";
  const std::string b = "dev/eu-1/web-0/main | 2026-11-30T19:00:34.000Z b\n";
  view.feed(a + "dev/eu-1/web-0/main | 2026-11-30T19:00:34.000Z cut o");
  view.interrupted();
  view.feed(a + b);
  EXPECT_EQ(out, "web-0/main | a\nweb-0/main | b\n");
}

TEST(ResourceNames, ComeApart) {
  const auto parts = resource_parts("eu-1.dev.shop.postgres.web.db");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->region + " " + parts->environment + " " + parts->application + " " + parts->type + " " +
                parts->id,
            "eu-1 dev shop postgres web.db");
  for (const char* name : {"", "a.b.c.d", "a.b.c.d.", "a..c.d.e"}) EXPECT_FALSE(resource_parts(name)) << name;
}

v1::Tree tree() {
  v1::Tree tree;
  tree.set_application("shop");
  auto& place = *tree.add_places();
  place.set_environment("dev");
  place.set_region("eu-1");
  place.set_state("RollingOut");
  place.set_message("web: image " + std::string(700, 'x'));
  auto& web = *place.add_roots();
  web.set_type("workload");
  web.set_id("web");
  web.set_resource("eu-1.dev.shop.workload.web");
  web.set_state("Progressing");
  web.set_message("pulling image a/b:1");
  web.mutable_since()->set_seconds(100);
  for (int i = 0; i < 40; ++i) {
    auto& db = *web.add_children();
    db.set_type("postgres");
    db.set_alias("db" + std::to_string(i));
    db.set_resource("r" + std::to_string(i));
    db.set_state("Ready");
  }
  return tree;
}

TEST(TreeView, SaysTheStepAndTheTimeAndNothingTwice) {
  const Terminal terminal;
  const auto lines = draw_tree(terminal, tree(), {.elapsed = "12.0 s", .now = WallTime(Millis(112'000))});
  const auto all = fitted(lines, lines.size());
  EXPECT_EQ(all.substr(0, all.find("├─")),
            "dev / eu-1                  RollingOut   12.0 s\n"
            "● web                       Progressing  12 s: pulling image a/b:1\n");
}

TEST(TreeView, ATallTreeKeepsWhatIsNotReady) {
  const Terminal terminal;
  const auto lines = draw_tree(terminal, tree(), {});
  const auto some = fitted(lines, 10);
  EXPECT_EQ(std::ranges::count(some, '\n'), 10);
  EXPECT_TRUE(some.contains("● web"));
  EXPECT_TRUE(some.ends_with("... and 33 more lines of what is ready\n")) << some;
  EXPECT_EQ(fitted(lines, 2), "dev / eu-1                  RollingOut\n... and 41 more lines\n");
}

TEST(TreeView, WhoWaitsDoesNotRepeatWhatIsToldBelow) {
  const Terminal terminal;
  auto waiting = tree();
  auto& web = *waiting.mutable_places(0)->mutable_roots(0);
  web.clear_children();
  web.clear_since();
  web.set_state("Pending");
  web.set_message("waits for db (eu-1.dev.shop.postgres.db): ImageMissing: there is no image x");
  auto& db = *web.add_children();
  db.set_type("postgres");
  db.set_alias("db");
  db.set_state("Stalled");
  db.set_message("there is no image x");
  const auto lines = draw_tree(terminal, waiting, {});
  EXPECT_EQ(
      fitted(lines, lines.size()),
      "dev / eu-1                  RollingOut\n"
      "○ web                       Pending      waits for db (eu-1.dev.shop.postgres.db): ImageMissing\n"
      "└─✖ postgres db             Stalled      there is no image x\n");
}

TEST(TreeChanges, ALineForEachChange) {
  TreeChanges changes;
  auto now = tree();
  EXPECT_EQ(changes.news(now),
            "shop  dev / eu-1  web: Progressing, pulling image a/b:1\nshop  dev / eu-1: RollingOut\n");
  now.mutable_places(0)->mutable_roots(0)->mutable_since()->set_seconds(200);
  EXPECT_EQ(changes.news(now), "");
  now.mutable_places(0)->mutable_roots(0)->set_message("starting");
  EXPECT_EQ(changes.news(now), "shop  dev / eu-1  web: Progressing, starting\n");
  auto& root = *now.mutable_places(0)->mutable_roots(0);
  root.set_state("Ready");
  root.set_message("1 of 1");
  root.mutable_children(0)->set_state("Degraded");
  now.mutable_places(0)->set_state("Ready");
  now.mutable_places(0)->clear_message();
  EXPECT_EQ(changes.news(now),
            "shop  dev / eu-1  web: Ready, 1 of 1\nshop  dev / eu-1  postgres db0: Degraded\nshop  dev / "
            "eu-1: Ready\n");
}

}  // namespace
}  // namespace qleet::cli
