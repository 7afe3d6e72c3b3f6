#include "tests/docs/page.h"

#include <algorithm>
#include <fstream>
#include <regex>
#include <stdexcept>
#include <utility>

namespace qleet::test {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void wrong(const fs::path& path, size_t line, const std::string& what) {
  throw std::runtime_error(path.string() + ":" + std::to_string(line) + ": " + what);
}

// Takes what the comment says into the block that follows; false: it is no directive that there is.
bool take(const std::string& directive, DocBlock& block) {
  std::smatch words;
  if (std::regex_match(directive, words, std::regex(R"(not run: (.+))"))) {
    block.not_run = words[1];
  } else if (std::regex_match(directive, words, std::regex(R"(file (\S+))"))) {
    block.file = words[1];
  } else if (std::regex_match(directive, words, std::regex(R"re(until "(.+)")re"))) {
    block.until = words[1];
  } else if (directive == "fails") {
    block.fails = true;
  } else {
    return false;
  }
  return true;
}

// A line of the page that goes on with " ..." is the beginning of the line that is shown.
bool is_line(const std::string& page, const std::string& shown) {
  return page.ends_with(" ...") ? shown.starts_with(page.substr(0, page.size() - 3)) : page == shown;
}

bool matches(const std::vector<std::string>& page, size_t at, const std::vector<std::string>& shown,
             size_t from) {
  for (; at < page.size(); ++at, ++from) {
    if (page[at] == "...") {
      for (size_t rest = from; rest <= shown.size(); ++rest)
        if (matches(page, at + 1, shown, rest)) return true;
      return false;
    }
    if (from == shown.size() || !is_line(page[at], shown[from])) return false;
  }
  return from == shown.size();
}

}  // namespace

DocPage read_page(const fs::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path.string() + ": cannot be read");
  DocPage page{.path = path, .lines = {}, .in_block = {}, .blocks = {}};
  static const std::regex kFence(R"(\s*```(\w*)\s*)");
  static const std::regex kDirective(R"(<!-- test: (.*) -->)");
  DocBlock next;
  bool open = false;
  for (std::string line; std::getline(in, line);) {
    page.lines.push_back(line);
    const size_t number = page.lines.size();
    std::smatch words;
    const bool fence = std::regex_match(line, words, kFence);
    page.in_block.push_back(open || fence);
    if (fence && !open) {
      next.language = words[1];
      next.line = number;
      open = true;
    } else if (fence) {
      page.blocks.push_back(std::exchange(next, {}));
      open = false;
    } else if (open) {
      next.text += line + "\n";
    } else if (std::regex_match(line, words, kDirective)) {
      if (!take(words[1], next)) wrong(path, number, "\"" + words[1].str() + "\" is no directive");
    } else if (!next.not_run.empty() || !next.file.empty() || !next.until.empty() || next.fails) {
      wrong(path, number, "a directive stands right above its block");
    }
  }
  if (open) wrong(path, next.line, "the block is not closed");
  return page;
}

std::vector<DocPage> pages_below(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".md") paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<DocPage> pages;
  for (const auto& path : paths) pages.push_back(read_page(path));
  return pages;
}

std::vector<DocCommand> commands_of(const DocBlock& block) {
  if (block.language == "sh") return {{.command = block.text, .shown = {}, .line = block.line + 1}};
  std::vector<DocCommand> commands;
  if (block.language != "console") return commands;
  size_t number = block.line;
  for (size_t at = 0; at < block.text.size();) {
    const auto end = block.text.find('\n', at);
    const auto line = block.text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.starts_with("$ ")) {
      commands.push_back({.command = line.substr(2), .shown = {}, .line = number});
    } else if (commands.empty()) {
      throw std::runtime_error("line " + std::to_string(number) + ": a console block begins with a command");
    } else if (line.starts_with("> ")) {
      commands.back().command += "\n" + line.substr(2);
    } else {
      commands.back().shown.push_back(line);
    }
  }
  return commands;
}

bool shows(const std::vector<std::string>& page, const std::vector<std::string>& shown) {
  return page.empty() || matches(page, 0, shown, 0);
}

}  // namespace qleet::test
