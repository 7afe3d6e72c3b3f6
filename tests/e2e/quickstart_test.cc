// The two commands that a new user types, with binaries that are built already.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "tests/support/child.h"
#include "tests/support/patience.h"
#include "tests/support/steady_client.h"
#include "tests/support/temp_dir.h"

namespace qleet::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Mounts and processes that have to do with the folder.
std::string traces_of(const fs::path& folder) {
  std::string out;
  const std::string mounts = contents("/proc/mounts");
  if (mounts.find(folder.string() + "/") != std::string::npos) out += "mounts\n";
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string line = contents(entry.path() / "cmdline");
    if (line.find(folder.string() + "/") != std::string::npos) out += "process " + line + "\n";
  }
  return out;
}

TEST(Quickstart, ComesUpAnswersAndLeavesNothing) {
  const TempDir folder;
  const fs::path home = folder / "home";
  // Of sanitizers: `down` takes all other logs.
  const std::string log_path = "log_path=" + (folder / "sanitizer").string();
  const Environment environment{{"QLEET_HOME", home},
                                {"QLEET_BIN", QLEET_BIN},
                                {"QLEET_PORT", std::to_string(unused_port())},
                                {"QLEET_NATS_PORT", std::to_string(unused_port())},
                                {"QLEET_HTTP_PORT", std::to_string(unused_port())},
                                {"ASAN_OPTIONS", log_path},
                                {"TSAN_OPTIONS", log_path},
                                {"UBSAN_OPTIONS", log_path}};
  const auto quickstart = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), QLEET_TOP "/quickstart");
    return run(arguments, environment, "", 10min);
  };

  const auto first = quickstart({});
  EXPECT_EQ(first.exit, 0) << first.out << first.err;
  std::smatch url;
  EXPECT_TRUE(std::regex_search(first.out, url, std::regex("answers at http://127\\.0\\.0\\.1:([0-9]+)/")))
      << first.out;
  const int port = url.empty() ? 0 : std::stoi(url[1]);
  EXPECT_NE(http_get(port, "localhost", "/").body.find("Welcome to the shop"), std::string::npos);

  const auto begun = std::chrono::steady_clock::now();
  const auto second = quickstart({});
  EXPECT_EQ(second.exit, 0) << second.out << second.err;
  EXPECT_LT(std::chrono::steady_clock::now() - begun, patient(10s)) << second.out;

  const auto down = quickstart({"down"});
  EXPECT_EQ(down.exit, 0) << down.out << down.err;
  EXPECT_NE(down.out.find("nothing is left"), std::string::npos) << down.out;
  EXPECT_FALSE(fs::exists(home));
  EXPECT_EQ(traces_of(folder.path()), "");
  for (const auto& file : fs::directory_iterator(folder.path())) ADD_FAILURE() << contents(file.path());
  EXPECT_EQ(quickstart({"down"}).out, "nothing to take away: " + home.string() + " does not exist\n");
}

// With a compiler of two steps, which fails once its progress was shown.
TEST(Quickstart, SaysHowFarTheBuildIsAndWhyItFails) {
  const TempDir folder;
  const fs::path home = folder / "home";
  fs::create_directory(folder / "bin");
  std::ofstream(folder / "bin/cmake") << "#!/bin/sh\necho '[1/2] Building one.o'\n"
                                         "until [ -e \"$QLEET_HOME/logs/counted\" ]; do sleep 0.05; done\n"
                                         "echo 'two.cc:7: error: no such thing'; exit 1\n";
  fs::permissions(folder / "bin/cmake", fs::perms::all);
  const Environment environment{{"QLEET_HOME", home},
                                {"PATH", (folder / "bin").string() + ":/usr/sbin:/usr/bin:/sbin:/bin"}};
  const auto built = run({QLEET_TOP "/quickstart"}, environment, "", 2min);
  EXPECT_EQ(built.exit, 1) << built.out << built.err;
  EXPECT_TRUE(std::regex_search(
      built.out,
      std::regex("build the binaries +\n  1 of 2, about [0-9]+ s left\nbuild the binaries +failed\n")))
      << built.out;
  EXPECT_TRUE(built.err.contains("step \"build the binaries\" failed")) << built.err;
  EXPECT_TRUE(built.err.contains("two.cc:7: error: no such thing")) << built.err;
  EXPECT_EQ(run({QLEET_TOP "/quickstart", "down"}, environment, "", 2min).exit, 0);
  EXPECT_FALSE(fs::exists(home));
}

}  // namespace
}  // namespace qleet::test
