// What is wrong with a command line, in a person's words: the nearest thing that was meant, and nothing of
// how command lines are read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class ParseError;
class Validator;
}  // namespace CLI

namespace qleet::cli {

// One sentence, without "qleet" before it, for a line that `root` has refused with this error.
std::string explain_usage(const CLI::App& root, const CLI::ParseError& error);

// One of these words; else it names the nearest.
CLI::Validator one_of(std::vector<std::string> words);

}  // namespace qleet::cli
