// Every command that a text advises can be run as it is printed: all of them, found in the sources, are given
// to the real command line.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "cli/kinds.h"
#include "common/model/reasons.h"
#include "hub/frontend/explain.h"
#include "tests/support/command_line.h"

namespace qleet {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The texts of a source file: literals that follow each other are one, and so are those that are put together
// with "+", where a value stands between.
Words texts_of(const std::string& source) {
  Words texts;
  bool joins = false;
  std::string between;
  for (size_t at = 0; at < source.size(); ++at) {
    const char c = source[at];
    if (c == '/' && source.compare(at, 2, "//") == 0) {
      at = std::min(source.find('\n', at), source.size());
    } else if (c == '\'') {
      while (++at < source.size() && source[at] != '\'')
        if (source[at] == '\\') ++at;
    } else if (c == '"') {
      std::string text;
      while (++at < source.size() && source[at] != '"') {
        if (source[at] == '\\')
          text += source[++at] == 'n' ? '\n' : source[at];
        else
          text += source[at];
      }
      const bool plain = between.find_first_not_of(" \n") == std::string::npos;
      const bool added =
          between.find('+') != std::string::npos && between.find_first_of(";{}?,") == std::string::npos;
      if (joins && plain) {
        texts.back() += text;
      } else if (joins && added) {
        texts.back() += (between.find_first_not_of(" \n+") == std::string::npos ? "" : "{}") + text;
      } else {
        texts.push_back(text);
      }
      joins = true;
      between.clear();
    } else {
      between += c;
    }
  }
  return texts;
}

// Words of the command at `at` and of what comes after it in the sentence.
Words words_of(std::string text) {
  text = text.substr(0, text.find_first_of("\n;,|"));
  // What is filled in later is some word.
  text = std::regex_replace(text, std::regex(R"(\{[^}]*\}|<[^>]*>)"), "1");
  if (text.ends_with(' ')) text += "1";
  Words words;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    const bool ends = word.ends_with(")") || word.ends_with(":") || word.ends_with(".");
    while (word.ends_with(")") || word.ends_with(":") || word.ends_with(".") || word.ends_with("?"))
      word.pop_back();
    words.push_back(word);
    if (ends) break;
  }
  return words;
}

// The sentence may go on after the command: its longest beginning counts, if no option is left.
bool runnable(Words words) {
  while (!words.empty()) {
    if (test::parses(words)) break;
    if (words.back().starts_with("-") || words.back() == "1") return false;
    words.pop_back();
  }
  if (words.empty()) return false;
  static const std::vector<std::string> kOfKinds{"get", "describe", "delete"};
  const bool of_kind = std::ranges::find(kOfKinds, words[0]) != kOfKinds.end() && words.size() > 1 &&
                       !words[1].starts_with("-") && words[1] != "1";
  return !of_kind || cli::kind_named(words[1]).has_value();
}

Words commands_in(const std::string& text) {
  static const std::regex kCommand(R"((^|[^A-Za-z0-9_/.-])qleet ([a-z][^\n]*))");
  Words found;
  for (std::string rest = text; !rest.empty();) {
    std::smatch match;
    if (!std::regex_search(rest, match, kCommand)) break;
    found.push_back(match[2]);
    rest = match[2];
  }
  return found;
}

TEST(Advice, EveryCommandInTheSourcesIsRunnable) {
  size_t seen = 0;
  for (const char* folder : {"agent", "cli", "common", "hub", "providers"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(QLEET_SOURCE_DIR) / folder)) {
      const auto extension = entry.path().extension();
      if (extension != ".cc" && extension != ".h") continue;
      for (const auto& text : texts_of(content(entry.path()))) {
        for (const auto& command : commands_in(text)) {
          ++seen;
          EXPECT_TRUE(runnable(words_of(command))) << entry.path() << ": qleet " << command;
        }
      }
    }
  }
  EXPECT_GT(seen, 25U);
}

TEST(Advice, EveryRepairIsRunnable) {
  const auto source = content(QLEET_SOURCE_DIR "/common/model/reasons.h");
  const std::regex reason(R"re(std::string_view k\w+ =\s*"(\w+)")re");
  size_t repairs = 0;
  for (auto at = std::sregex_iterator(source.begin(), source.end(), reason); at != std::sregex_iterator();
       ++at) {
    for (const char* type : {"workload", "postgres"}) {
      for (const char* application : {"new-crash", ""}) {
        v1::Resource resource;
        resource.mutable_metadata()->set_name(
            fmt::format("eu-1.dev.{}.{}.main", *application ? application : "-", type));
        auto& spec = *resource.mutable_spec();
        spec.set_region("eu-1");
        spec.set_environment("dev");
        spec.set_application(application);
        spec.set_type(type);
        spec.set_id("main");
        spec.set_profile("some-container");
        spec.set_provider("container");
        const auto text = hub::frontend::repair_for((*at)[1].str(), &resource);
        if (!text.empty()) ++repairs;
        for (const auto& command : commands_in(text))
          EXPECT_TRUE(runnable(words_of(command))) << (*at)[1] << ": " << text;
      }
    }
  }
  EXPECT_GT(repairs, 40U);
}

TEST(Advice, TheTestTellsWhatIsNotRunnable) {
  EXPECT_EQ(commands_in("see: qleet logs a/b -e c; or qleet get apps, and /usr/bin/qleet get"),
            (Words{"logs a/b -e c; or qleet get apps, and /usr/bin/qleet get",
                   "get apps, and /usr/bin/qleet get"}));
  EXPECT_TRUE(runnable(words_of("history {} lists them")));
  EXPECT_TRUE(runnable(words_of("delete resource {} takes it away for good.")));
  EXPECT_FALSE(runnable(words_of("create secret registry ...")));
  EXPECT_FALSE(runnable(words_of("logs {} --nonsense")));
  EXPECT_FALSE(runnable(words_of("describe agant {}")));
  EXPECT_FALSE(runnable(words_of("approve {}")));
  EXPECT_EQ(texts_of("f(\"a \" // no \"text\"\n \"b\", x + \"c\" + y + \"d\")"), (Words{"a b", "c{}d"}));
}

}  // namespace
}  // namespace qleet
