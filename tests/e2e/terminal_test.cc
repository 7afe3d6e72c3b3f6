// Commands on a terminal of 80 x 24, as people see them: a tree that is drawn over itself, Ctrl-C, a question
// before data goes; and the same where the output is no terminal.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/e2e/noop_fleet.h"
#include "tests/support/terminal_run.h"

namespace qleet::test {
namespace {

using Strings = std::vector<std::string>;

class OnTerminal : public NoopFleet {
 protected:
  OnTerminal() { fleet.add_agent({.name = "local-1"}); }

  TerminalOptions options(unsigned columns = 80, unsigned rows = 24) const {
    return {
        .columns = columns, .rows = rows, .environment = {{"QLEET_CONFIG", fleet.folder() / "config.yaml"}}};
  }
  static Strings command(const Strings& arguments) {
    Strings all{QLEET_BIN "/qleet"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  std::string file(const std::string& text) const {
    const auto path = fleet.folder() / "app.yaml";
    std::ofstream(path) << text;
    return path;
  }
  // So many things that are ready at once, and one that never is.
  static std::string wide(int things, const std::string& template_of_last) {
    std::string text =
        "apiVersion: qleet.io/v1\nkind: Profile\nmetadata: {name: thing}\nspec:\n  satisfies: {type: thing}\n"
        "  scope: application\n  provider: noop\n  template: {}\n  default: true\n---\n"
        "apiVersion: qleet.io/v1\nkind: Profile\nmetadata: {name: last}\nspec:\n  satisfies: {type: last}\n"
        "  scope: application\n  provider: noop\n  template: " +
        template_of_last +
        "\n  default: true\n---\napiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: wide}\nspec:\n"
        "  workloads:\n    web:\n      score:\n        containers: {web: {image: \"a/b:1\"}}\n        "
        "resources:\n"
        "          zlast: {type: last}\n";
    for (int i = 0; i < things; ++i) text += "          thing" + std::to_string(i) + ": {type: thing}\n";
    return text;
  }
};

TEST_F(OnTerminal, ATallTreeStaysInSightAndSaysWhatIsOnItsWay) {
  TerminalRun ran(command({"apply", file(wide(40, "{delayMs: 4000}"))}), options());
  ASSERT_TRUE(ran.wait_for("of what is ready", 30s)) << ran.text();
  const auto during = ran.screen();
  EXPECT_TRUE(during.text().contains("last zlast")) << during.text();
  EXPECT_TRUE(during.unknown().empty());
  EXPECT_EQ(ran.wait(), 0) << ran.text();
  // At the end all of it is printed, once.
  const auto after = ran.screen();
  size_t titles = 0;
  size_t things = 0;
  auto all = after.scrollback();
  for (const auto& row : after.rows()) all.push_back(row);
  for (const auto& row : all) {
    if (row.starts_with("default / local-1")) ++titles;
    if (row.contains(" thing thing")) ++things;
  }
  EXPECT_EQ(titles, 1U) << after.text();
  EXPECT_EQ(things, 40U);
}

TEST_F(OnTerminal, ANarrowAndLowWindowHoldsIt) {
  TerminalRun ran(command({"apply", file(wide(20, "{delayMs: 2000}"))}), options(30, 8));
  ASSERT_TRUE(ran.wait_for("... and", 30s)) << ran.text();
  const auto screen = ran.screen();
  for (const auto& row : screen.scrollback())
    EXPECT_FALSE(row.starts_with("default / local-1")) << "a picture went out of sight";
  EXPECT_EQ(ran.wait(), 0);
}

TEST_F(OnTerminal, CtrlCSaysThatItGoesOnAndHowToFollowIt) {
  TerminalRun ran(command({"apply", file(wide(1, "{delayMs: 600000}"))}), options());
  ASSERT_TRUE(ran.wait_for("last zlast", 30s)) << ran.text();
  ran.type("\x03");
  EXPECT_EQ(ran.wait(), 130) << ran.text();
  std::smatch advised;
  const auto text = ran.text();
  ASSERT_TRUE(std::regex_search(
      text, advised, std::regex("qleet: no longer followed; it goes on: qleet (tree --watch wide)\n")))
      << text;
  TerminalRun again(command({"tree", "--watch", "wide"}), options());
  EXPECT_TRUE(again.wait_for("last zlast"));
}

TEST_F(OnTerminal, DataIsAskedForByName) {
  fleet.apply(
      "apiVersion: qleet.io/v1\nkind: Profile\nmetadata: {name: kept}\nspec:\n  satisfies: {type: kept}\n"
      "  scope: application\n  keepsData: true\n  provider: noop\n  template: {}\n  default: true\n---\n"
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: ledger}\nspec:\n  workloads:\n    web:\n"
      "      score:\n        containers: {web: {image: \"a/b:1\"}}\n        resources: {data: {type: "
      "kept}}\n");
  ASSERT_TRUE(until([&] { return fleet.unsettled().empty(); }, 30s));
  const Strings asked = command({"delete", "app", "ledger", "--delete-data"});
  for (const std::string answer : {"yes\n", "\n", "ledge\n"}) {
    TerminalRun refused(asked, options());
    ASSERT_TRUE(refused.wait_for("Type the application's name to go on: ")) << refused.text();
    EXPECT_TRUE(refused.text().contains("Would be deleted: kept")) << refused.text();
    refused.type(answer);
    EXPECT_EQ(refused.wait(), 1);
    EXPECT_TRUE(refused.text().contains("that is not its name; nothing was deleted"));
  }
  TerminalRun left(asked, options());
  ASSERT_TRUE(left.wait_for("to go on: "));
  left.type("\x03");
  EXPECT_EQ(left.wait(), 130);
  EXPECT_EQ(fleet.list("apps").size(), 1U);
  TerminalRun deleted(asked, options());
  ASSERT_TRUE(deleted.wait_for("to go on: "));
  deleted.type("ledger\n");
  EXPECT_EQ(deleted.wait(), 0) << deleted.text();
  EXPECT_TRUE(deleted.text().contains("application/ledger  deleted")) << deleted.text();
  EXPECT_TRUE(until([&] { return fleet.list("apps").empty(); }, 30s));
}

TEST_F(OnTerminal, WhereItIsNoneThereIsALineForEachChange) {
  const auto ran = fleet.qleet({"apply", file(wide(3, "{delayMs: 1500}")), "--wait", "--timeout", "30s"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_FALSE(ran.out.contains('\x1b'));
  Strings lines;
  std::istringstream in(ran.out);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  EXPECT_TRUE(std::ranges::find(lines, "wide  default / local-1  last zlast: Ready") != lines.end())
      << ran.out;
  EXPECT_EQ(lines.back(), "wide  default / local-1: Ready") << ran.out;
  for (size_t i = 1; i < lines.size(); ++i) EXPECT_NE(lines[i], lines[i - 1]);
}

TEST_F(OnTerminal, AFailureIsToldOnceAndItsCommandRuns) {
  const auto ran = fleet.qleet(
      {"apply", file(wide(1, "{invalid: \"" + std::string(700, 'x') + "\"}")), "--wait", "--timeout", "30s"});
  EXPECT_EQ(ran.exit, 1) << ran.out << ran.err;
  // Whole once, where it is explained; the line of the change is short.
  const std::string whole(700, 'x');
  EXPECT_TRUE(ran.out.contains("last zlast: Stalled, xxx")) << ran.out;
  EXPECT_FALSE(ran.out.contains(whole)) << ran.out;
  EXPECT_TRUE(ran.err.contains(whole)) << ran.err;
  EXPECT_EQ(ran.err.find(whole), ran.err.rfind(whole)) << ran.err;
}

TEST_F(OnTerminal, AnApplicationSaysWhereItRunsWithWhichImageAndUrl) {
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto described = fleet.qleet({"describe", "app", "shop"}).out;
  EXPECT_TRUE(described.contains("runs in default: local-1 (Ready, release ")) << described;
  EXPECT_TRUE(described.contains("image of web/web in default: ")) << described;
  EXPECT_TRUE(described.contains("url in default: http://")) << described;
}

TEST_F(OnTerminal, WhatIsOfNoUseIsAWrongCommandLine) {
  const auto planned = fleet.qleet({"plan", file(wide(1, "{}")), "--delete-data"});
  EXPECT_EQ(planned.exit, 2);
  EXPECT_TRUE(planned.err.contains("--delete-data")) << planned.err;
}

TEST_F(OnTerminal, CtrlCWhileAValueIsTypedLeavesTheTerminalAsItWas) {
  TerminalRun ran({"/bin/sh", "-c", "trap : INT; \"$0\" secret set pay KEY=-; echo ended $?; stty -a",
                   QLEET_BIN "/qleet"},
                  options());
  ASSERT_TRUE(ran.wait_for("Value of KEY (not shown): ")) << ran.text();
  ran.type("half a val\x03");
  EXPECT_EQ(ran.wait(), 0) << ran.text();
  EXPECT_TRUE(ran.text().contains("ended 130")) << ran.text();
  EXPECT_TRUE(std::regex_search(ran.text(), std::regex("[ ;]echo[ ;\n]"))) << ran.text();
  EXPECT_FALSE(ran.text().contains("half")) << ran.text();
}

}  // namespace
}  // namespace qleet::test
