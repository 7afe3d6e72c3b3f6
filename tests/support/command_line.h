// Whether qleet takes a command line, by its own parser.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/arguments.h"

namespace qleet::test {

// `words`: what follows "qleet". A --help counts as taken.
inline bool parses(const std::vector<std::string>& words) {
  std::vector<const char*> line{"qleet"};
  for (const auto& word : words) line.push_back(word.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const auto parsed = cli::parse_arguments(static_cast<int>(line.size()), line.data(), false);
  testing::internal::GetCapturedStdout();
  testing::internal::GetCapturedStderr();
  return parsed ? parsed->run != nullptr || parsed->run_without_hub != nullptr
                : parsed.error() == cli::Exit::kOk;
}

}  // namespace qleet::test
