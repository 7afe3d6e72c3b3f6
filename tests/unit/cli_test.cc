#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/arguments.h"
#include "cli/context.h"
#include "cli/input.h"
#include "cli/notices.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/sources.h"
#include "cli/sse.h"
#include "cli/terminal.h"
#include "common/model/base64.h"
#include "common/model/model.h"
#include "qleet/v1/application.pb.h"

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
    std::ofstream(path_ / name, std::ios::binary) << text;
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
  const auto drawn = table({"NAME", "STATE"}, {{marked("shop", Colour::kGreen), "Ready"}, {"└─✔ db", "x"}});
  EXPECT_EQ(rendered(drawn), "NAME     STATE\n\x1b[32mshop\x1b[0m     Ready\n└─✔ db   x\n");
}

TEST(Table, ACellIsOneLine) {
  EXPECT_EQ(table({"MESSAGE"}, {{"a\nReady  forged\tb"}}), "MESSAGE\na\\nReady  forged\\tb\n");
}

struct Shown {
  std::string name, text, seen;
};
class Output : public testing::TestWithParam<Shown> {};

// What a workload, or another tenant, wrote must not reach a terminal as anything but text.
TEST_P(Output, ShowsControlCharacters) {
  const auto& [name, text, seen] = GetParam();
  EXPECT_EQ(rendered(text), seen);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    VisibleStream stream;
    std::string pieces = stream.feed(std::string_view(text).substr(0, cut));
    pieces += stream.feed(std::string_view(text).substr(cut));
    EXPECT_EQ(pieces + stream.finish(), seen) << "cut at " << cut;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, Output,
    testing::Values(Shown{"Plain", "grün ✔ 日本 👩‍👩‍👧\n\ttab\n",
                          "grün ✔ 日本 👩‍👩‍👧\n\ttab\n"},
                    Shown{"Title", "\x1b]0;owned\x07", "\\u001b]0;owned\\u0007"},
                    Shown{"Colour", "\x1b[31mred\x1b[0m", "\\u001b[31mred\\u001b[0m"},
                    Shown{"Clear", "\x1b[2J\x1b[H", "\\u001b[2J\\u001b[H"},
                    Shown{"CsiInUtf8", "\xc2\x9b[2J", "\\u009b[2J"},
                    Shown{"CsiAsByte", "\x9b[2J", "\\x9b[2J"}, Shown{"Delete", "a\x7f", "a\\u007f"},
                    Shown{"Backspace", "safe\b\b\b\brm", "safe\\u0008\\u0008\\u0008\\u0008rm"},
                    Shown{"Overwrite", "failed\rready", "failed\\rready"},
                    Shown{"LinesOfDos", "a\r\nb\r\n", "a\nb\n"},
                    Shown{"Nul", std::string("a\0b", 3), "a\\u0000b"},
                    Shown{"Bidi", "a\u202eb\u2066c\u200fd\u061ce", "a\\u202eb\\u2066c\\u200fd\\u061ce"},
                    Shown{"Latin1", "gr\xfcn", "gr\\xfcn"}, Shown{"Overlong", "\xc0\x9b", "\\xc0\\x9b"},
                    Shown{"Surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
                    Shown{"Cut", "a\xe2\x9c", "a\\xe2\\x9c"}),
    [](const auto& info) { return info.param.name; });

TEST(OutputMarks, AreColoursAndNothingElseIs) {
  EXPECT_EQ(rendered(marked("x", Colour::kRed) + "\x1b[1m"), "\x1b[31mx\x1b[0m\\u001b[1m");
  EXPECT_EQ(rendered("\xff?"), "\\xff?");
  VisibleStream log;
  EXPECT_EQ(log.feed(marked("x", Colour::kRed)) + log.finish(), "\\xffrx\\xff0");
  EXPECT_EQ(display_width(marked("grün", Colour::kDim)), 4U);
}

TEST(OutputText, WhatIsShownReadsBackFromJsonAsItWas) {
  EXPECT_EQ(rendered("{\"a\":\"x\u202e\x7f\u0085\"}\n"), "{\"a\":\"x\\u202e\\u007f\\u0085\"}\n");
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

// What a hub reads of what is sent.
const v1::ScoreContainer container_of(const Input& input, const std::string& workload,
                                      const std::string& container) {
  const auto objects = model::decode(input.text());
  EXPECT_TRUE(objects) << objects.error().message << "\n" << input.text();
  if (!objects) return {};
  for (const auto& object : *objects) {
    const auto* application = dynamic_cast<const v1::Application*>(object.get());
    if (application != nullptr && application->spec().workloads().contains(workload))
      return application->spec().workloads().at(workload).score().containers().at(container);
  }
  ADD_FAILURE() << "no workload " << workload;
  return {};
}

TEST(InputText, SourcesAreSentByteForByteAndNoLineMoves) {
  TempDir dir;
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  std::string odd =
      "\xef\xbb\xbfkey=value\r\n\t\"quoted\" \\ 'single' # : - {} [] \x01\x7f \xc2\x85 "
      "\xe2\x80\xa8 \xef\xbb\xbf \xf0\x9f\x98\x80\n";
  dir.write("blob.bin", every);
  dir.write("nul.bin", std::string("a\0b\n", 4));
  dir.write("odd.txt", odd);
  dir.write("empty", "");
  const std::string text =
      "# a comment with ünïcode\n"
      "apiVersion: score.dev/v1b1\n"
      "metadata: {name: hello}\n"
      "containers:\n"
      "  web:\n"
      "    image: nginx\n"
      "    files:\n"
      "      /ü/blob: {source: ./blob.bin}\n"
      "      /nul: {\"source\": 'nul.bin', mode: \"0600\"}\n"
      "      /odd: {noExpand: true, source: odd.txt}  # ü\n"
      "      /empty:\n"
      "        source: \"./empty\"\n"
      "  other:\n"
      "    image: nginx\n"
      "    files:\n"
      "      - {target: /listed, source: nul.bin}\n";
  const auto input = Input::read({dir.write("score.yaml", text).string()});
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_EQ(std::ranges::count(input->text(), '\n'), std::ranges::count(text, '\n'));
  const auto web = container_of(*input, "hello", "web");
  ASSERT_EQ(web.files_size(), 4);
  EXPECT_EQ(model::unbase64(web.files(0).binary_content()), every);
  EXPECT_EQ(model::unbase64(web.files(1).binary_content()), std::string("a\0b\n", 4));
  EXPECT_EQ(web.files(1).mode(), "0600");
  EXPECT_EQ(web.files(2).content(), odd);
  EXPECT_TRUE(web.files(3).has_content());
  EXPECT_EQ(container_of(*input, "hello", "other").files(0).target(), "/listed");
  EXPECT_EQ(input->sent_files().size(), 5U);
}

TEST(InputText, JsonIsCompletedTooAlsoBesideYaml) {
  TempDir dir;
  dir.write("f", "content\n");
  const auto json =
      dir.write("a.json",
                "{\"apiVersion\": \"score.dev/v1b1\", \"metadata\": {\"name\": \"one\"},\n"
                " \"containers\": {\"web\": {\"image\": \".\",\n"
                "  \"files\": {\"/f\": {\"source\": \"f\"}}}}}\n"
                "{\"apiVersion\": \"qleet.io/v1\", \"kind\": \"Region\", \"metadata\": {\"name\": \"r\"}}");
  const auto yaml =
      dir.write("b.yaml",
                "\xef\xbb\xbf"
                "apiVersion: score.dev/v1b1\nmetadata: {name: two}\ncontainers:\n  web:\n    image: .\n");
  const auto input = Input::read({json.string(), yaml.string()}, {.image = "registry.example/x:1"});
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_EQ(input->applications(), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(container_of(*input, "one", "web").files(0).content(), "content\n");
  EXPECT_EQ(container_of(*input, "one", "web").image(), "registry.example/x:1");
  EXPECT_EQ(container_of(*input, "two", "web").image(), "registry.example/x:1");
  // Lines of the hub, with a line or without one, lead to the file and the line there; in the files' order.
  const auto at = std::ranges::count(input->text(), '\n');
  const auto error = input->locate({Code::kInvalid,
                                    "",
                                    {{"containers.web.image", "wrong", static_cast<int>(at)},
                                     {"spec.workloads.two.score.containers.web.image", "wrong"},
                                     {"spec.workloads.one.score.containers.web.files[0].content", "wrong"}}});
  EXPECT_EQ(model::describe(error.fields[0]),
            json.string() + ":3: containers.web.files[\"/f\"].content: wrong");
  EXPECT_EQ(model::describe(error.fields[1]), yaml.string() + ":5: containers.web.image: wrong");
  EXPECT_EQ(model::describe(error.fields[2]), yaml.string() + ":5: containers.web.image: wrong");
}

TEST(InputText, TheImageIsForContainersThatLeaveItOpen) {
  TempDir dir;
  const auto app =
      dir.write("app.yaml",
                "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: shop}\nspec:\n  workloads:\n"
                "    web:\n      score: {containers: {web: {image: \".\"}, side: {image: a/b}}}\n");
  const auto input = Input::read({app.string()}, {.image = "x/y"});
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_EQ(container_of(*input, "web", "web").image(), "x/y");
  EXPECT_EQ(container_of(*input, "web", "side").image(), "a/b");
  const auto none = Input::read(
      {dir.write("none.yaml",
                 "apiVersion: score.dev/v1b1\nmetadata: {name: n}\ncontainers: {web: {image: a}}\n")
           .string()},
      {.image = "x/y"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message,
            "--image: no container in these files has the image \".\", which it would stand for");
}

TEST(InputText, WhatIsEmptyIsSaid) {
  TempDir dir;
  const auto empty = dir.write("empty.yaml", " \n");
  const auto comments = dir.write("comments.yaml", "# nothing\n---\n");
  const std::string rule =
      "; a document begins with apiVersion: qleet.io/v1, or, a Score file, score.dev/v1b1";
  EXPECT_EQ(Input::read({empty.string()}).error().message, empty.string() + ": is empty" + rule);
  EXPECT_EQ(Input::read({comments.string()}).error().message,
            comments.string() + ": holds nothing but comments" + rule);
  EXPECT_EQ(Input::read({dir.path().string()}).error().message,
            "there is no object in these files: they are empty");
  dir.write("region.yaml", "apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: one}\n");
  EXPECT_TRUE(Input::read({dir.path().string()}));
}

TEST(InputText, TheLargestOfTooMuchIsNamed) {
  TempDir dir;
  fs::create_directories(dir.path() / "d");
  dir.write("d/small", std::string(300 << 10, 'x'));
  dir.write("d/large", std::string(800 << 10, '\xff'));
  const auto path =
      dir.write("d/score.yaml",
                "apiVersion: score.dev/v1b1\nmetadata: {name: hello}\ncontainers:\n  web:\n    image: nginx\n"
                "    files:\n      /small: {source: small}\n      /large: {source: large}\n");
  const auto input = Input::read({path.string()});
  ASSERT_FALSE(input);
  EXPECT_EQ(
      model::describe(input.error().fields.at(0)),
      path.string() +
          ":8: containers.web.files[\"/large\"].source: the largest of 2 files has 1067 KiB as it is sent, "
          "and all together have 1367; at most 1024 KiB are taken: put it into the image");
}

std::string score_with(const std::string& source) {
  return "apiVersion: score.dev/v1b1\nmetadata: {name: hello}\ncontainers:\n  web:\n    image: nginx\n"
         "    files:\n      /f:\n        source: " +
         source + "\n";
}

struct Named {
  std::string name, source, why;  // empty: it is taken
};
class InputSources : public testing::TestWithParam<Named> {};

// A document of somebody else names files of whoever applies it.
TEST_P(InputSources, AreRegularFilesBelowTheDocument) {
  TempDir dir;
  fs::create_directories(dir.path() / "doc/sub");
  dir.write("secret", "topsecret\n");
  dir.write("doc/near", "near\n");
  dir.write("doc/sub/deep", "deep\n");
  dir.write("doc/large", std::string(kMaxSourceBytes + 1, 'x'));
  fs::create_symlink("near", dir.path() / "doc/link");
  fs::create_symlink("../secret", dir.path() / "doc/out");
  fs::create_symlink(dir.path() / "doc/near", dir.path() / "doc/absolute");
  fs::create_directory_symlink("..", dir.path() / "doc/up");
  fs::create_symlink("/proc/self/cwd", dir.path() / "doc/magic");
  ASSERT_EQ(::mkfifo((dir.path() / "doc/fifo").c_str(), 0600), 0);
  const auto& c = GetParam();
  const auto document = dir.write("doc/score.yaml", score_with(c.source));
  const auto input = Input::read({document.string()});
  if (c.why.empty()) {
    ASSERT_TRUE(input) << input.error().message;
    ASSERT_EQ(input->sent_files().size(), 1U);
    EXPECT_TRUE(input->sent_files()[0].starts_with(dir.path().string() + "/doc/")) << input->sent_files()[0];
    return;
  }
  ASSERT_FALSE(input);
  ASSERT_EQ(input.error().fields.size(), 1U);
  const auto& wrong = input.error().fields[0];
  EXPECT_EQ(wrong.file, document.string());
  EXPECT_EQ(wrong.line, 8);
  EXPECT_EQ(wrong.field, "containers.web.files[\"/f\"].source");
  EXPECT_EQ(wrong.message, "\"" + c.source + "\" " + c.why);
}

const std::string kOut = "leads out of the folder; only what is below it is read";
INSTANTIATE_TEST_SUITE_P(
    Table, InputSources,
    testing::Values(Named{"Beside", "near", ""}, Named{"Dotted", "./near", ""},
                    Named{"Below", "sub/deep", ""}, Named{"BackWithin", "sub/../near", ""},
                    Named{"LinkWithin", "link", ""}, Named{"Absolute", "/etc/passwd", kOut},
                    Named{"AbsoluteWithin", "/dev/null", kOut}, Named{"Above", "../secret", kOut},
                    Named{"AboveFromBelow", "sub/../../secret", kOut}, Named{"LinkOut", "out", kOut},
                    Named{"AbsoluteLink", "absolute", kOut}, Named{"FolderOut", "up/secret", kOut},
                    Named{"Magic", "magic/x", kOut}, Named{"Folder", "sub", "is not a regular file"},
                    Named{"Fifo", "fifo", "is not a regular file"},
                    Named{"Missing", "gone", "does not exist"},
                    Named{"Large", "large", "is larger than 1024 KiB"}),
    [](const auto& info) { return info.param.name; });

// Where the kernel does not do it.
TEST(InputBySteps, NothingLeadsOutEither) {
  TempDir dir;
  fs::create_directories(dir.path() / "doc/sub");
  dir.write("secret", "topsecret\n");
  dir.write("doc/sub/deep", "deep\n");
  fs::create_symlink("../secret", dir.path() / "doc/out");
  fs::create_directory_symlink("..", dir.path() / "doc/up");
  const int folder = ::open((dir.path() / "doc").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (const std::string good : {"sub/deep", "./sub//deep"}) {
    const int fd = open_below_by_steps(folder, good);
    EXPECT_GE(fd, 0) << good << ": " << std::strerror(-fd);
    ::close(fd);
  }
  for (const std::string bad : {"../secret", "sub/../../secret", "/etc/passwd"})
    EXPECT_EQ(open_below_by_steps(folder, bad), -EXDEV) << bad;
  for (const std::string bad : {"out", "up/secret"})
    EXPECT_EQ(open_below_by_steps(folder, bad), -ELOOP) << bad;
  ::close(folder);
}

TEST(InputWithoutFolder, SourcesOfWhatIsNoFileAreRefused) {
  TempDir dir;
  ASSERT_EQ(::mkfifo((dir.path() / "score.yaml").c_str(), 0600), 0);
  std::jthread writer([&] { dir.write("score.yaml", score_with("near")); });
  const auto input = Input::read({(dir.path() / "score.yaml").string()});
  ASSERT_FALSE(input);
  EXPECT_EQ(input.error().fields.at(0).message,
            "\"near\" is a file beside the document, which is none itself: save the document to a file, or "
            "put the text "
            "under content");
}

TEST(Input, FilesOfAFolderAreThoseThatAreInIt) {
  TempDir dir;
  const auto secret = dir.write("secret", "token");
  fs::create_directories(dir.path() / "foreign");
  fs::create_symlink(secret, dir.path() / "foreign/a.yaml");
  const auto input = Input::read({(dir.path() / "foreign").string()});
  ASSERT_FALSE(input);
  EXPECT_EQ(input.error().message, (dir.path() / "foreign/a.yaml").string() + ": " + kOut);
}

TEST(Input, NothingIsReadForNamesAlone) {
  TempDir dir;
  const auto input = Input::read({dir.write("score.yaml", score_with("/etc/passwd")).string()},
                                 {.source_files = SourceFiles::kLeave});
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_TRUE(input->sent_files().empty());
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
      {{"qleet", "secret"}, Exit::kUsage},
      {{"qleet", "secret", "set"}, Exit::kUsage},
      {{"qleet", "secret", "set", "stripe", "a=-", "b=@f", "-e", "prod", "-a", "shop", "-a", "cart"},
       Exit::kOk},
      {{"qleet", "secret", "list", "-o", "yaml"}, Exit::kOk},
      {{"qleet", "secret", "rm"}, Exit::kUsage},
      {{"qleet", "secret", "rm", "stripe", "a", "b", "--force"}, Exit::kOk},
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
  EXPECT_EQ(describe_data(notices, When::kDone), "Deleted: volume b goes\nKept: volume a stays\n");
  EXPECT_EQ(describe_data(notices, When::kForeseen),
            "Would be deleted: volume b goes\nWould be kept: volume a stays\n");
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

TEST(Progress, OfAnOlderHubIsJudgedByThePlaces) {
  EXPECT_EQ(progress_of(tree_of({}), ""), Progress::kOnTheWay);
  EXPECT_EQ(progress_of(tree_of({{"dev", "Ready"}, {"prod", "RollingOut"}}), ""), Progress::kOnTheWay);
  EXPECT_EQ(progress_of(tree_of({{"dev", "Ready"}, {"prod", "RollingOut"}}), "dev"), Progress::kDone);
  EXPECT_EQ(progress_of(tree_of({{"dev", "Ready"}, {"prod", "AwaitingApproval"}}), ""),
            Progress::kWaitsForPeople);
  EXPECT_EQ(progress_of(tree_of({{"dev", "Stalled"}, {"prod", "RollingOut"}}), ""), Progress::kFailed);
}

}  // namespace
}  // namespace qleet::cli
