#include "providers/container/prober.h"

#include <gtest/gtest.h>

#include <future>
#include <optional>

namespace qleet::container {
namespace {

// Of a check that succeeds at its `works_at`-th look (0: never): how many looks there were when the first
// change was told.
unsigned looks_until_told(CheckSpec::How how, unsigned works_at) {
  std::mutex mutex;
  unsigned looks = 0;
  std::optional<std::promise<unsigned>> told{std::in_place};
  auto answer = told->get_future();
  Prober prober(
      [&](const ProbeTarget&) {
        const std::lock_guard lock(mutex);
        return ProbeResult{.ok = ++looks == works_at, .message = "connection refused"};
      },
      [&](const std::string&) {
        const std::lock_guard lock(mutex);
        if (told) told->set_value(looks);
        told.reset();
      });
  CheckSpec check;
  check.how = how;
  check.failures = 3;
  const auto first = prober.ask("one", {.resource = "r", .container = "c", .address = "a", .check = check});
  EXPECT_FALSE(first.ok);
  EXPECT_EQ(first.failures, 1U);
  return answer.wait_for(std::chrono::seconds(20)) == std::future_status::ready ? answer.get() : 0;
}

TEST(Prober, QuickLooksAtTheBeginningCountAsOneFailure) {
  EXPECT_EQ(looks_until_told(CheckSpec::How::kTcp, 0), 7U);
  EXPECT_EQ(looks_until_told(CheckSpec::How::kHttp, 0), 7U);
  EXPECT_EQ(looks_until_told(CheckSpec::How::kExec, 0), 3U);
}

TEST(Prober, TellsTheFirstSuccess) {
  EXPECT_EQ(looks_until_told(CheckSpec::How::kTcp, 2), 2U);
  EXPECT_EQ(looks_until_told(CheckSpec::How::kTcp, 5), 5U);
  EXPECT_EQ(looks_until_told(CheckSpec::How::kExec, 2), 2U);
}

}  // namespace
}  // namespace qleet::container
