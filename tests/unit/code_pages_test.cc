#include "common/process/code_pages.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace qleet {
namespace {

size_t resident_kilobytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line))
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  return 0;
}

TEST(CodePages, AreGivenBackAndWhatTheProcessHoldsStays) {
  const std::vector<std::string> held(1'000, std::string(1'000, 'x'));
  const auto before = resident_kilobytes();
  EXPECT_GT(release_code_pages(), 1U << 20U);
  EXPECT_LT(resident_kilobytes(), before);
  for (const auto& text : held) ASSERT_EQ(text, std::string(1'000, 'x'));
  EXPECT_THROW((void)std::stoul("no number"), std::invalid_argument)
      << "also what unwinds a stack comes back";
}

}  // namespace
}  // namespace qleet
