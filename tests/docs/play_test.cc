// Plays the pages: every command in the tutorial and the guides is run, in the order in which a reader meets
// them, on the quickstart in a folder that looks like a fresh clone. What a page shows must be what is shown;
// times, digests, ids and ports are masked on both sides.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <regex>
#include <sstream>

#include "tests/docs/page.h"
#include "tests/support/child.h"
#include "tests/support/session.h"
#include "tests/support/steady_client.h"
#include "tests/support/temp_dir.h"

namespace qleet::test {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string replaced(const std::string& text, const std::string& from, const std::string& to) {
  return std::regex_replace(text, std::regex(from), to);
}

class Docs : public ::testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() {
    clone_ = std::make_unique<TempDir>();
    for (const char* part : {"quickstart", "examples", "profiles", "packaging", "docs"})
      fs::copy(fs::path(QLEET_TOP) / part, *clone_ / part, fs::copy_options::recursive);
    environment_ = {{"QLEET_BIN", QLEET_BIN},
                    {"QLEET_PORT", std::to_string(unused_port())},
                    {"QLEET_NATS_PORT", std::to_string(unused_port())},
                    {"QLEET_HTTP_PORT", std::to_string(unused_port())},
                    {"LC_ALL", "C.UTF-8"}};
    environment_["QLEET_DOCS_STATE"] = *clone_ / ".state";
  }
  static void TearDownTestSuite() {
    const auto down = run({*clone_ / "quickstart", "down"}, environment_, "", 3min);
    EXPECT_EQ(down.exit, 0) << down.out << down.err;
    clone_.reset();
  }

  static void play(const std::string& name) {
    const auto page = read_page(*clone_ / "docs" / name);
    for (const auto& block : page.blocks) {
      if (!block.file.empty()) {
        std::ofstream(folder() / block.file, std::ios::trunc) << block.text;
      } else if (block.not_run.empty()) {
        for (const auto& command : commands_of(block)) play(name, block, command);
      }
      if (HasFatalFailure()) return;
    }
  }

 private:
  static void play(const std::string& page, const DocBlock& block, const DocCommand& command) {
    Ran ran;
    std::string shown;
    const auto once = [&] {
      ran = run({"/bin/bash", "--norc", "-o", "pipefail", "-c", line_of(command.command)}, environment_, "",
                10min);
      shown = as_here(ran.out + ran.err);
      return block.until.empty() || shown.contains(block.until);
    };
    const bool came = until(once, 90s);
    const auto where = "docs/" + page + ":" + std::to_string(command.line) + ": " + command.command;
    ASSERT_TRUE(came) << where << "\nnever shows \"" << block.until << "\"\n" << shown;
    const auto expected = masked_lines(command.shown);
    ASSERT_TRUE(block.fails ? ran.exit != 0 : ran.exit == 0) << where << "\nends with " << ran.exit << "\n"
                                                             << shown;
    std::vector<std::string> lines;
    std::istringstream in(shown);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    EXPECT_TRUE(shows(expected, masked_lines(lines))) << where << "\n--- shows\n" << shown << "---";
  }

  // In the folder, and with the variables, that the commands before left.
  static std::string line_of(const std::string& command) {
    return "exec 2>&1; if [ -e \"$QLEET_DOCS_STATE\" ]; then . \"$QLEET_DOCS_STATE\"; else cd '" +
           clone_->path().string() +
           "'; fi; set -e\ntrap 'r=$?; { export -p; printf \"cd %q\\n\" \"$PWD\"; } " +
           ">\"$QLEET_DOCS_STATE\"; exit $r' EXIT\n" + with_ports(command);
  }

  static fs::path folder() {
    const auto state = environment_.at("QLEET_DOCS_STATE");
    if (!fs::exists(state)) return clone_->path();
    std::smatch where;
    const auto text = content(state);
    return std::regex_search(text, where, std::regex(R"(\ncd ([^\n]*)\n$)")) ? fs::path(where[1].str())
                                                                             : clone_->path();
  }

  static std::string port(const std::string& name) { return environment_.at(name); }

  // The ports that the pages name are those of a machine where nothing else listens.
  static std::string with_ports(std::string text) {
    text = replaced(text, R"(127\.0\.0\.1:7443)", "127.0.0.1:" + port("QLEET_PORT"));
    return replaced(text, R"((localhost|127\.0\.0\.1):8080/)", "$1:" + port("QLEET_HTTP_PORT") + "/");
  }
  static std::string as_here(std::string text) {
    text = replaced(text, ":" + port("QLEET_PORT") + "\\b", ":7443");
    return replaced(text, ":" + port("QLEET_HTTP_PORT") + "\\b", ":8080");
  }

  static std::vector<std::string> masked_lines(const std::vector<std::string>& lines) {
    auto masks = usual_masks();
    for (const auto& mask : std::vector<Mask>{
             {std::regex(R"(ql[a-z]_[A-Za-z0-9_…-]+)"), "<token>"},
             {std::regex(R"(\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)"), "<uid>"},
             {std::regex(R"(sha256:[0-9a-f]+…?)"), "sha256:<digest>"},
             {std::regex(R"(\b[0-9a-f]{8}(…|[0-9a-f]*)\b)"), "<id>"},
             {std::regex(R"(\bin \d+ d\b)"), "in <days>"},
             {std::regex(R"(\d+(\.\d+)? (s|ms|min)\b)"), "<duration>"},
             {std::regex(R"(\b\d+\.\d+\.\d+(-\w+)?\b)"), "<version>"}})
      masks.push_back(mask);
    std::vector<std::string> out;
    for (const auto& line : lines) {
      auto text = masked(line, masks);
      // Columns are as wide as what is in them.
      text = std::regex_replace(text, std::regex("([^ ])   +"), "$1   ");
      text = std::regex_replace(text, std::regex(" +$"), "");
      out.push_back(std::move(text));
    }
    return out;
  }

  static std::unique_ptr<TempDir> clone_;
  static Environment environment_;
};

std::unique_ptr<TempDir> Docs::clone_;
Environment Docs::environment_;

// Options of the daemons that a page names are theirs, also where the command is not run.
TEST(Daemons, HaveEveryOptionThatAPageNames) {
  static const std::regex kCommand(R"((^|\n)(qleet-hub|qleet-agent) ([a-z-]+)([^\n]*))");
  static const std::regex kOption(R"( (--[a-z-]+))");
  size_t seen = 0;
  for (const auto& page : pages_below(QLEET_TOP "/docs")) {
    for (const auto& block : page.blocks) {
      if (block.language != "sh" && block.language != "console") continue;
      for (auto at = std::sregex_iterator(block.text.begin(), block.text.end(), kCommand);
           at != std::sregex_iterator(); ++at) {
        const auto help = run({QLEET_BIN "/" + (*at)[2].str(), (*at)[3], "--help"});
        const auto where = page.path.string() + ":" + std::to_string(block.line) + ":" + at->str();
        EXPECT_EQ(help.exit, 0) << where << "\n" << help.err;
        const auto options = (*at)[4].str();
        for (auto option = std::sregex_iterator(options.begin(), options.end(), kOption);
             option != std::sregex_iterator(); ++option) {
          ++seen;
          EXPECT_TRUE(help.out.contains((*option)[1].str())) << where << ": " << option->str();
        }
      }
    }
  }
  EXPECT_GT(seen, 10U);
}

// The tutorial comes first: it starts the quickstart, which the guides go on with.
TEST_P(Docs, IsPlayed) { play(GetParam() + ".md"); }

INSTANTIATE_TEST_SUITE_P(Pages, Docs,
                         ::testing::Values("tutorial", "guides/add-a-host", "guides/environments",
                                           "guides/secrets", "guides/ci", "guides/backup",
                                           "guides/troubleshooting", "guides/editors", "guides/from-compose",
                                           "guides/from-kubernetes", "guides/from-nomad"),
                         [](const auto& page) {
                           return std::regex_replace(page.param, std::regex("[^a-z]"), "_");
                         });

TEST(DocsAreAllPlayed, EveryGuideIsAmongThem) {
  size_t guides = 0;
  for (const auto& entry : fs::directory_iterator(QLEET_TOP "/docs/guides"))
    guides += entry.path().extension() == ".md" ? 1 : 0;
  EXPECT_EQ(guides, 10U) << "add the new page to the list above";
}

}  // namespace
}  // namespace qleet::test
