// What holds for every page: links lead somewhere, commands can be run as they are printed, documents are
// taken, what is made out of the schema is up to date, and lines have a length that can be read.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include "common/model/model.h"
#include "tests/docs/fields_page.h"
#include "tests/docs/page.h"
#include "tests/support/command_line.h"

namespace qleet::test {
namespace {

namespace fs = std::filesystem;

const fs::path kDocs = QLEET_TOP "/docs";
constexpr size_t kLongestLine = 120;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<DocPage> pages() {
  auto all = pages_below(kDocs);
  all.push_back(read_page(QLEET_TOP "/README.md"));
  return all;
}

size_t width(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

// --- commands ----------------------------------------------------------------------------------------

// The words of a shell's command: quotes are taken off, what stands in $(...) or <...> is some word, and
// pipes, redirections and what follows end it.
std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool begun = false;
  const auto end_word = [&] {
    if (begun) words.push_back(std::exchange(word, {}));
    begun = false;
  };
  for (size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '$' && line.compare(at, 2, "$(") == 0) {
      int depth = 0;
      for (; at < line.size(); ++at) {
        if (line[at] == '(') ++depth;
        if (line[at] == ')' && --depth == 0) break;
      }
      word += "1";
      begun = true;
    } else if (c == '\'' || c == '"') {
      for (++at; at < line.size() && line[at] != c; ++at) word += line[at];
      begun = true;
    } else if (c == ' ') {
      end_word();
    } else if (c == '#' && !begun) {
      break;
    } else if (std::string_view("|;&<>)`\n").contains(c)) {
      if (c == '>' && (word == "2" || word == "1")) begun = false;
      break;
    } else {
      word += c;
      begun = true;
    }
  }
  end_word();
  return words;
}

// What follows "qleet " in the commands of a block.
std::vector<std::string> qleet_lines(const std::string& text) {
  static const std::regex kCommand(R"((^|[\n ;|&(])qleet ([a-z][^\n]*))");
  std::vector<std::string> found;
  std::string rest = std::regex_replace(text, std::regex(R"(\\\n *)"), "");
  for (std::smatch match; std::regex_search(rest, match, kCommand);) {
    found.push_back(match[2]);
    rest = match[2].str() + match.suffix().str();
  }
  return found;
}

// The text of a shell's comment is no command; in a console block only commands are.
std::string command_text(const DocBlock& block) {
  std::string text;
  for (const auto& command : commands_of(block)) text += command.command + "\n";
  return std::regex_replace(text, std::regex(R"((^|\n) *#[^\n]*)"), "$1");
}

TEST(Pages, EveryCommandOfQleetCanBeRunAsItIsPrinted) {
  size_t seen = 0;
  for (const auto& page : pages()) {
    for (const auto& block : page.blocks) {
      for (const auto& line : qleet_lines(command_text(block))) {
        ++seen;
        EXPECT_TRUE(parses(words_of(line))) << page.path << ":" << block.line << ": qleet " << line;
      }
    }
  }
  EXPECT_GT(seen, 60U);
}

// What is not run is listed, so that somebody who reads the test's output sees how much that is.
TEST(Pages, WhatIsNotRunSaysWhy) {
  size_t count = 0;
  for (const auto& page : pages()) {
    for (const auto& block : page.blocks) {
      if (block.not_run.empty()) continue;
      ++count;
      std::cout << fs::relative(page.path, QLEET_TOP).string() << ":" << block.line << ": " << block.not_run
                << "\n";
    }
  }
  EXPECT_LT(count, 40U);
}

// --- documents ---------------------------------------------------------------------------------------

TEST(Pages, EveryWholeDocumentIsTaken) {
  size_t seen = 0;
  for (const auto& page : pages()) {
    for (const auto& block : page.blocks) {
      if (block.language != "yaml" || !block.text.starts_with("apiVersion:")) continue;
      ++seen;
      const auto objects = model::decode(block.text);
      EXPECT_TRUE(objects) << page.path << ":" << block.line << ": " << objects.error().message;
    }
  }
  EXPECT_GE(seen, 8U);
}

// --- text --------------------------------------------------------------------------------------------

// Tables, code and single long words are as long as they are.
TEST(Pages, LinesAreShort) {
  static const std::regex kFree(R"(^\s*(\|.*|\S*)$)");
  for (const auto& page : pages()) {
    for (size_t i = 0; i < page.lines.size(); ++i) {
      if (page.in_block[i] || width(page.lines[i]) <= kLongestLine) continue;
      EXPECT_TRUE(std::regex_match(page.lines[i], kFree))
          << page.path << ":" << i + 1 << ": " << width(page.lines[i]) << " characters";
    }
  }
}

// As GitHub makes them.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_')
      anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (c == ' ') anchor += '-';
  }
  return anchor;
}

bool has_anchor(const fs::path& path, const std::string& anchor) {
  const auto page = read_page(path);
  for (size_t i = 0; i < page.lines.size(); ++i) {
    const auto& line = page.lines[i];
    if (page.in_block[i] || !line.starts_with('#')) continue;
    if (anchor_of(line.substr(line.find_first_not_of("# "))) == anchor) return true;
  }
  return false;
}

TEST(Pages, EveryLinkLeadsSomewhere) {
  static const std::regex kLink(R"(\]\(([^)#\s]*)(#([^)\s]*))?\))");
  for (const auto& page : pages()) {
    for (size_t i = 0; i < page.lines.size(); ++i) {
      if (page.in_block[i]) continue;
      const auto& line = page.lines[i];
      for (auto at = std::sregex_iterator(line.begin(), line.end(), kLink); at != std::sregex_iterator();
           ++at) {
        const auto target = (*at)[1].str();
        const auto anchor = (*at)[3].str();
        if (target.contains("://")) continue;
        const auto path = target.empty() ? page.path : page.path.parent_path() / target;
        EXPECT_TRUE(fs::exists(path)) << page.path << ":" << i + 1 << ": " << target;
        if (!anchor.empty() && path.extension() == ".md" && fs::exists(path))
          EXPECT_TRUE(has_anchor(path, anchor))
              << page.path << ":" << i + 1 << ": " << target << "#" << anchor;
      }
    }
  }
}

// Files of the repository that a page names in code, such as `docs/operations/data.md`.
TEST(Pages, EveryPageThatIsNamedIsThere) {
  static const std::regex kNamed(R"(\bdocs/[\w/-]+\.(md|json))");
  for (const auto& page : pages()) {
    for (size_t i = 0; i < page.lines.size(); ++i) {
      const auto& line = page.lines[i];
      for (auto at = std::sregex_iterator(line.begin(), line.end(), kNamed); at != std::sregex_iterator();
           ++at)
        EXPECT_TRUE(fs::exists(fs::path(QLEET_TOP) / at->str()))
            << page.path << ":" << i + 1 << ": " << at->str();
    }
  }
}

TEST(Reference, IsWhatTheSchemaSays) {
  const std::string advice = "run: build/release/bin/qleet_write_reference docs/reference";
  EXPECT_TRUE(content(kDocs / "reference/fields.md") == fields_page()) << advice;
  EXPECT_TRUE(content(kDocs / "reference/schema.json") == editor_schema()) << advice;
}

TEST(Pages, TheTestTellsWhatIsWrong) {
  EXPECT_TRUE(parses(words_of("get apps -o json | jq .")));
  EXPECT_TRUE(parses(words_of("secret set a b=- <file # from a file")));
  EXPECT_TRUE(parses(words_of("build notify --image \"$(examples/notes/build main-2)\" --wait")));
  EXPECT_FALSE(parses(words_of("get apps --nonsense")));
  EXPECT_FALSE(parses(words_of("aply x.yaml")));
  EXPECT_EQ(qleet_lines("a\nqleet get apps; qleet status\nqleet-hub x\n"),
            (std::vector<std::string>{"get apps; qleet status", "status"}));
}

}  // namespace
}  // namespace qleet::test
