#include "hub/broker/server_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "hub/broker/nats_server.h"
#include "tests/support/temp_dir.h"

namespace qleet::hub {
namespace {

std::string output_of(const std::vector<std::string>& command,
                      const std::map<std::string, std::string>& defaults) {
  const test::TempDir folder;
  const auto log = folder.path() / "log";
  const auto process = ServerProcess::spawn(command, log, defaults);
  if (!process) return process.error().message;
  pollfd end{.fd = process->descriptor(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&end, 1, 10'000), 1);
  std::ifstream in(log);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ServerProcess, TakesOverOurEnvironmentAndDefaultsForWhatItLacks) {
  ::setenv("QLEET_TEST_NAMED", "ours", 1);
  ::unsetenv("QLEET_TEST_UNNAMED");
  const auto seen = output_of({"env"}, {{"QLEET_TEST_NAMED", "default"}, {"QLEET_TEST_UNNAMED", "default"}});
  EXPECT_THAT(seen, ::testing::HasSubstr("QLEET_TEST_NAMED=ours\n"));
  EXPECT_THAT(seen, ::testing::HasSubstr("QLEET_TEST_UNNAMED=default\n"));
  EXPECT_THAT(seen, ::testing::Not(::testing::HasSubstr("QLEET_TEST_NAMED=default")));
}

// Agents know the old one.
TEST(NatsServer, ChoosesNoOtherPortWhereItsOwnCannotBeRead) {
  const test::TempDir folder;
  std::ofstream(folder / "port") << "4222";
  std::filesystem::permissions(folder / "port", std::filesystem::perms(0644));
  const SystemClock clock;
  const auto started =
      NatsServer::start({.folder = folder.path(), .binary = "/bin/true", .host = "127.0.0.1"}, clock);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, ::testing::HasSubstr("port: "));
  std::ifstream in(folder / "port");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "4222");
}

TEST(ServerProcess, SaysWhatCannotBeStarted) {
  EXPECT_THAT(output_of({"no-such-program"}, {}), ::testing::HasSubstr("no-such-program: cannot be started"));
}

}  // namespace
}  // namespace qleet::hub
