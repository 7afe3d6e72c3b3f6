#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/arguments.h"
#include "cli/completion.h"
#include "cli/context.h"
#include "cli/input.h"
#include "cli/notices.h"
#include "cli/progress.h"
#include "cli/sse.h"
#include "cli/terminal.h"

namespace qleet::cli {
namespace {

namespace fs = std::filesystem;

class TempDir {
 public:
  TempDir()
      : path_(fs::path(testing::TempDir()) /
              ("cli-" + std::to_string(::getpid()) + "-" + std::to_string(++count_))) {
    fs::create_directories(path_);
  }
  ~TempDir() { fs::remove_all(path_); }
  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }
  const fs::path& path() const { return path_; }

 private:
  static inline int count_ = 0;
  fs::path path_;
};

TEST(Sse, EventsComeWholeHoweverTheBytesAreCut) {
  const std::string stream =
      ": hello\n\nid: 7\nevent: added\ndata: {\"a\":1}\n\nid: 8\r\ndata: one\r\ndata: two\r\n\r\nevent: "
      "empty\n\n";
  for (size_t step = 1; step <= stream.size(); ++step) {
    std::vector<SseEvent> events;
    SseReader reader([&](const SseEvent& event) { events.push_back(event); });
    for (size_t at = 0; at < stream.size(); at += step)
      reader.feed(std::string_view(stream).substr(at, step));
    ASSERT_EQ(events.size(), 2U) << "cut every " << step;
    EXPECT_EQ(events[0].id, "7");
    EXPECT_EQ(events[0].name, "added");
    EXPECT_EQ(events[0].data, "{\"a\":1}");
    EXPECT_EQ(events[1].id, "8");
    EXPECT_EQ(events[1].name, "message");
    EXPECT_EQ(events[1].data, "one\ntwo");
  }
}

TEST(Table, ColumnsAreAsWideAsWhatIsSeen) {
  EXPECT_EQ(table({"NAME", "STATE"}, {{"\x1b[32mshop\x1b[0m", "Ready"}, {"└─✔ db", "x"}}),
            "NAME     STATE\n\x1b[32mshop\x1b[0m     Ready\n└─✔ db   x\n");
}

TEST(Input, LinesLeadBackToTheirFile) {
  TempDir dir;
  const auto first = dir.write("a.yaml", "apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: one}\n");
  const auto second = dir.write("b.yaml", "apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: two}");
  const auto input = Input::read({dir.path().string()});
  ASSERT_TRUE(input) << input.error().message;
  const auto error = input->locate({Code::kInvalid, "", {{"x", "wrong", 3}, {"y", "wrong", 6}}});
  EXPECT_EQ(error.fields[0].file, first.string());
  EXPECT_EQ(error.fields[0].line, 3);
  EXPECT_EQ(error.fields[1].file, second.string());
  EXPECT_EQ(error.fields[1].line, 2);
}

TEST(Input, WhatIsMissingIsNamed) {
  const auto missing = Input::read({"/nonexistent/shop.yaml"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "/nonexistent/shop.yaml: no such file or folder");
  TempDir dir;
  const auto empty = Input::read({dir.path().string()});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().message, dir.path().string() + ": holds no *.yaml, *.yml or *.json");
}

TEST(Input, SourcesOfScoreFilesBecomeContent) {
  TempDir dir;
  dir.write("page.html", "<h1>hello</h1>\n");
  const auto score =
      dir.write("score.yaml",
                "apiVersion: score.dev/v1b1\nmetadata: {name: hello}\ncontainers:\n  web:\n    image: "
                "nginx\n    files:\n      - {target: /page.html, source: page.html}\n");
  const auto input = Input::read({score.string()});
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_NE(input->text().find("<h1>hello</h1>"), std::string::npos) << input->text();
  EXPECT_EQ(input->text().find("source:"), std::string::npos) << input->text();
  EXPECT_EQ(input->applications(), std::vector<std::string>{"hello"});
}

TEST(Contexts, AreKeptPrivateAndComeBack) {
  TempDir dir;
  const auto path = dir.path() / "sub/config.yaml";
  auto contexts = Contexts::load(path);
  ASSERT_TRUE(contexts);
  contexts->contexts["prod"] = {"https://hub:7443", "secret", "-----BEGIN\nline\n-----END\n"};
  contexts->current = "prod";
  ASSERT_TRUE(contexts->save());
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const auto again = Contexts::load(path);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->current, "prod");
  EXPECT_EQ(again->contexts.at("prod").url, "https://hub:7443");
  EXPECT_EQ(again->contexts.at("prod").ca_pem, "-----BEGIN\nline\n-----END\n");
}

TEST(Contexts, AnUnknownOneIsNamedWithThoseThatExist) {
  Contexts contexts;
  contexts.contexts["dev"] = {"https://hub", "", ""};
  const auto resolved = resolve_context(contexts, "prod");
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().message, "no context \"prod\"; there is: dev");
}

struct CommandLine {
  std::vector<const char*> words;
  Exit exit;  // kOk: a command was understood
};

TEST(Arguments, WrongCommandLinesExitWithTwo) {
  const std::vector<CommandLine> lines{
      {{"qleet", "apply", "x.yaml"}, Exit::kOk},
      {{"qleet", "apply"}, Exit::kUsage},
      {{"qleet", "aply", "x"}, Exit::kUsage},
      {{"qleet"}, Exit::kUsage},
      {{"qleet", "get", "apps", "-o", "xml"}, Exit::kUsage},
      {{"qleet", "get", "apps", "-o", "json"}, Exit::kOk},
      {{"qleet", "tree"}, Exit::kUsage},
      {{"qleet", "tree", "shop"}, Exit::kOk},
      {{"qleet", "tree", "--why", "redis/sessions"}, Exit::kOk},
      {{"qleet", "plan", "--delete", "app", "shop"}, Exit::kOk},
      {{"qleet", "plan"}, Exit::kUsage},
      {{"qleet", "plan", "--delete", "app", "shop", "--delete-data"}, Exit::kOk},
      {{"qleet", "delete", "app"}, Exit::kUsage},
      {{"qleet", "delete", "app", "shop", "--delete-data", "--yes"}, Exit::kOk},
      {{"qleet", "wait", "shop", "--for", "sleepy"}, Exit::kUsage},
      {{"qleet", "diff", "shop", "1", "two"}, Exit::kUsage},
      {{"qleet", "build", "notify", "--image", "a/b:c@sha256:d"}, Exit::kOk},
  };
  for (const auto& line : lines) {
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const auto parsed = parse_arguments(static_cast<int>(line.words.size()), line.words.data(), false);
    testing::internal::GetCapturedStdout();
    const std::string said = testing::internal::GetCapturedStderr();
    std::string shown;
    for (const char* word : line.words) shown += std::string(word) + " ";
    if (line.exit == Exit::kOk) {
      ASSERT_TRUE(parsed) << shown << said;
      EXPECT_TRUE(parsed->run) << shown;
    } else {
      ASSERT_FALSE(parsed) << shown;
      EXPECT_EQ(parsed.error(), line.exit) << shown;
      EXPECT_FALSE(said.empty()) << shown;
    }
  }
}

TEST(Notices, NameWhatIsDeletedFirst) {
  Notices notices;
  auto& kept = *notices.Add();
  kept.set_fate("Kept");
  kept.set_message("volume a stays");
  EXPECT_FALSE(deletes_data(notices));
  auto& gone = *notices.Add();
  gone.set_fate("Deleted");
  gone.set_message("volume b goes");
  EXPECT_TRUE(deletes_data(notices));
  EXPECT_EQ(describe_data(notices), "Deleted: volume b goes\nKept: volume a stays\n");
}

TEST(Completion, KnowsCommandsOptionsAndKinds) {
  const auto commands = complete({"ap"});
  EXPECT_EQ(commands, (std::vector<std::string>{"apply", "approve"}));
  const auto kinds = complete({"get", "appl"});
  EXPECT_EQ(kinds, std::vector<std::string>{"applications"});
  const auto options = complete({"build", "notify", "--rev"});
  EXPECT_EQ(options, std::vector<std::string>{"--revision"});
}

v1::Tree tree_of(std::initializer_list<std::pair<std::string, std::string>> places) {
  v1::Tree tree;
  for (const auto& [environment, state] : places) {
    auto& place = *tree.add_places();
    place.set_environment(environment);
    place.set_state(state);
  }
  return tree;
}

TEST(Progress, IsJudgedByThePlaces) {
  EXPECT_EQ(progress_of(tree_of({}), ""), Progress::kOnTheWay);
  EXPECT_EQ(progress_of(tree_of({{"dev", "Ready"}, {"prod", "RollingOut"}}), ""), Progress::kOnTheWay);
  EXPECT_EQ(progress_of(tree_of({{"dev", "Ready"}, {"prod", "RollingOut"}}), "dev"), Progress::kDone);
  EXPECT_EQ(progress_of(tree_of({{"dev", "Ready"}, {"prod", "AwaitingApproval"}}), ""),
            Progress::kWaitsForPeople);
  EXPECT_EQ(progress_of(tree_of({{"dev", "Stalled"}, {"prod", "RollingOut"}}), ""), Progress::kFailed);
}

}  // namespace
}  // namespace qleet::cli
