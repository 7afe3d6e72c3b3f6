// The pages of docs/, as tests read them: their lines, links and blocks of code.
//
// What a test has to know of a block, and readers do not, stands in a comment in the lines right above it:
//
//   <!-- test: not run: REASON -->   its commands are not run (another host, systemd, ...); they still must
//   parse
//   <!-- test: file NAME -->         the block is the content of this file, in the folder of the page's
//   commands
//   <!-- test: until "TEXT" -->      each command is repeated until it shows this
//   <!-- test: fails -->             its commands end with another code than 0; all others end with 0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace qleet::test {

struct DocBlock {
  std::string language;  // "sh", "console", "yaml", ...; empty: none is given
  std::string text;      // with a newline at the end of each line
  size_t line = 0;       // of its fence
  std::string not_run;   // why
  std::string file;
  std::string until;
  bool fails = false;
};

struct DocPage {
  std::filesystem::path path;
  std::vector<std::string> lines;
  std::vector<bool> in_block;  // of each line; fences too
  std::vector<DocBlock> blocks;
};

// Throws std::runtime_error with the line that is wrong: an unknown directive, a fence that is not closed.
DocPage read_page(const std::filesystem::path& path);

// All pages below `folder`, sorted.
std::vector<DocPage> pages_below(const std::filesystem::path& folder);

// A command of a "console" block ("$ " in front, "> " in front of its further lines), and what it shows.
struct DocCommand {
  std::string command;
  std::vector<std::string>
      shown;  // "..." stands for any lines, and at the end of one for its rest; empty: it may show anything
  size_t line = 0;
};

// Of a block of language "console" or "sh"; a "sh" block is one command.
std::vector<DocCommand> commands_of(const DocBlock& block);

// Whether `shown` is what stands in the page, line by line; the lines are masked already.
bool shows(const std::vector<std::string>& page, const std::vector<std::string>& shown);

}  // namespace qleet::test
