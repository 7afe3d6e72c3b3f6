// What workloads write and people read, with real containers through the whole chain: lines, followed logs
// over restarts of everything on the way, earlier runs, very long lines, bytes that are no text, floods.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>

#include "tests/support/mini_fleet.h"
#include "tests/support/temp_dir.h"
#include "tests/support/terminal_run.h"

namespace qleet::test {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

constexpr const char* kImage = "localhost/test/says:1";

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Strings lines_of(const std::string& text) {
  Strings lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

long resident_kb(pid_t pid) {
  std::smatch found;
  const auto status = content("/proc/" + std::to_string(pid) + "/status");
  return std::regex_search(status, found, std::regex(R"(VmRSS:\s+(\d+))")) ? std::stol(found[1]) : 0;
}

class Logs : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    fleet_ = std::make_unique<MiniFleet>(FleetOptions{.profiles = QLEET_TOP "/profiles"});
    fleet_->add_agent({.name = "local-1", .labels = {"provider=container"}, .containers = true});
    const TempDir root;
    const fs::path archive = fleet_->folder() / "says.tar";
    fs::create_directories(root / "bin");
    fs::create_directories(root / "tmp");
    fs::copy_file(QLEET_TEST_WEB, root / "bin/web");
    ASSERT_EQ(run({"tar", "-C", root.path(), "-cf", archive.string(), "."}).exit, 0);
    const auto made = fleet_->podman(
        "local-1", {"import", "--change", "ENTRYPOINT [\"/bin/web\"]", archive.string(), kImage});
    ASSERT_EQ(made.exit, 0) << made.err;
  }
  static void TearDownTestSuite() { fleet_.reset(); }
  void SetUp() override { ASSERT_TRUE(fleet_); }

  static MiniFleet& fleet() { return *fleet_; }
  static Environment environment() { return {{"QLEET_CONFIG", fleet().folder() / "config.yaml"}}; }
  static Strings command(const Strings& arguments) {
    Strings all{QLEET_BIN "/qleet"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  // A workload "main" of one container "main" that takes these steps.
  static std::string application(const std::string& name, const std::string& steps, int replicas = 1,
                                 const std::string& variable = "a") {
    return "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: " + name +
           "}\nspec:\n  workloads:\n    main:\n      score:\n        containers:\n          main:\n          "
           "  image: " +
           kImage + "\n            args: [log, " + steps + "]\n            variables: {CHANGE: " + variable +
           "}\n      replicas: " + std::to_string(replicas) + "\n";
  }
  static void apply(const std::string& yaml) {
    const auto applied = fleet().qleet({"apply", "-", "--wait", "--timeout", "2m"}, yaml);
    ASSERT_EQ(applied.exit, 0) << applied.out << applied.err;
  }
  static Strings containers(const std::string& part) {
    Strings found;
    for (const auto& name : lines_of(fleet().podman("local-1", {"ps", "--format", "{{.Names}}"}).out))
      if (name.contains(part)) found.push_back(name);
    return found;
  }
  static void touch(const std::string& container, const std::string& file) {
    const auto touched = fleet().podman("local-1", {"exec", container, "/bin/web", "touch", file});
    ASSERT_EQ(touched.exit, 0) << touched.err;
  }

 private:
  static std::unique_ptr<MiniFleet> fleet_;
};

std::unique_ptr<MiniFleet> Logs::fleet_;

TEST_F(Logs, AreLines) {
  apply(application("lines", "\"says:one\", \"says:\", \"part:tw\", \"says:o\", hold"));
  ASSERT_TRUE(until([] { return fleet().qleet({"logs", "lines"}).out.contains("two"); }));
  const std::string prefixed = "main-0/main | one\nmain-0/main | \nmain-0/main | two\n";
  const std::string plain = "one\n\ntwo\n";
  EXPECT_EQ(fleet().qleet({"logs", "lines"}).out, prefixed);
  for (const Strings& names :
       {Strings{"lines", "main"}, Strings{"lines/main"}, Strings{"workload/main", "-e", "default"},
        Strings{"local-1.default.lines.workload.main"}, Strings{"lines", "-c", "main"},
        Strings{"lines", "-r", "local-1", "--resource", "workload/main"}}) {
    Strings arguments{"logs", "--no-prefix"};
    arguments.insert(arguments.end(), names.begin(), names.end());
    const auto ran = fleet().qleet(arguments);
    EXPECT_EQ(ran.exit, 0) << names[0] << ": " << ran.err;
    EXPECT_EQ(ran.out, plain) << names[0];
  }
  EXPECT_EQ(fleet().qleet({"logs", "lines", "--no-prefix", "--tail", "1"}).out, "two\n");
  EXPECT_EQ(fleet().qleet({"logs", "lines", "--no-prefix", "--since", "1h"}).out, plain);
  EXPECT_EQ(fleet().qleet({"logs", "lines", "--no-prefix", "--since", "2100-01-01T00:00:00Z"}).out, "");
  const auto stamped = fleet().qleet({"logs", "lines", "--no-prefix", "--timestamps", "--tail", "1"}).out;
  EXPECT_TRUE(std::regex_match(stamped, std::regex("20[0-9-]+T[0-9:]+\\.[0-9]{3}Z two\n"))) << stamped;
  const auto json = Json::parse(fleet().qleet({"logs", "lines", "--tail", "1", "-o", "json"}).out);
  EXPECT_EQ(json["environment"].str() + " " + json["region"].str() + " " + json["source"].str() + " " +
                json["line"].str(),
            "default local-1 main-0/main two");

  const auto wrong = fleet().qleet({"logs", "lines", "--since", "yesterday"});
  EXPECT_EQ(wrong.exit, 8);
  EXPECT_TRUE(wrong.err.contains("since: \"yesterday\" is neither a duration, such as 10m, nor a time"))
      << wrong.err;
  EXPECT_EQ(fleet().qleet({"logs", "lines", "-f", "--previous"}).exit, 2);
  EXPECT_EQ(fleet().qleet({"logs", "lines/other"}).exit, 3);
  EXPECT_EQ(fleet().qleet({"logs", "no/such"}).exit, 3);
  const auto none = fleet().qleet({"logs", "lines", "--previous"});
  EXPECT_EQ(none.exit, 1);
  EXPECT_TRUE(none.err.contains("nothing is kept of a run before the present one")) << none.err;

  TerminalRun coloured(command({"logs", "lines"}), {.environment = environment()});
  EXPECT_EQ(coloured.wait(), 0);
  EXPECT_TRUE(coloured.bytes().starts_with("\x1b[36mmain-0/main | \x1b[0mone\r\n")) << coloured.bytes();
  auto plainly = environment();
  plainly["NO_COLOR"] = "1";
  TerminalRun uncoloured(command({"logs", "lines"}), {.environment = plainly});
  EXPECT_EQ(uncoloured.wait(), 0);
  EXPECT_FALSE(uncoloured.bytes().contains('\x1b'));
  EXPECT_EQ(uncoloured.text(), prefixed);
}

TEST_F(Logs, AreShownOfAllEnvironments) {
  fleet().apply(
      "apiVersion: qleet.io/v1\nkind: Environment\nmetadata: {name: second}\nspec: {builds: {by: auto}}\n");
  apply(
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: both}\nspec:\n  environments: [default, "
      "second]\n"
      "  workloads:\n    main:\n      score:\n        containers: {main: {image: \"" +
      std::string(kImage) + "\", args: [log, \"says:here\", hold]}}\n");
  ASSERT_TRUE(until([] { return lines_of(fleet().qleet({"logs", "both"}).out).size() == 2; }));
  auto lines = lines_of(fleet().qleet({"logs", "both"}).out);
  std::ranges::sort(lines);
  EXPECT_EQ(lines, (Strings{"default/main-0/main | here", "second/main-0/main | here"}));
  EXPECT_EQ(fleet().qleet({"logs", "both", "-e", "second"}).out, "main-0/main | here\n");
}

// Each line once, in order, whatever is started again meanwhile.
TEST_F(Logs, AreFollowedOverRestartsOfEverythingOnTheWay) {
  apply(application("ticks", "ticks"));
  const fs::path out = fleet().folder() / "followed";
  Child follower(command({"logs", "ticks", "-f", "--tail", "0"}), out, environment());
  const auto seen = [&](const std::string& text) {
    return until([&] { return content(out).contains(text); }, 40s);
  };
  // How many runs have begun, and of these how many went on beyond their first lines.
  const auto runs = [&] {
    size_t count = 0;
    for (const auto& line : lines_of(content(out))) count += line.ends_with("| tick 5") ? 1 : 0;
    return count;
  };
  ASSERT_TRUE(seen("tick 5")) << content(out);
  // Shown as they come: the next ones are there soon.
  const auto grows = [&](size_t by) {
    const auto before = lines_of(content(out)).size();
    return until([&] { return lines_of(content(out)).size() >= before + by; }, 40s);
  };
  ASSERT_TRUE(grows(5));

  ASSERT_EQ(fleet().podman("local-1", {"kill", containers("ticks").at(0)}).exit, 0);
  ASSERT_TRUE(until([&] { return runs() == 2; }, 60s)) << content(out);
  fleet().kill_agent("local-1");
  fleet().start_agent("local-1");
  ASSERT_TRUE(grows(100)) << content(out);
  // The next process was asked as soon as it came, not when somebody noticed the silence.
  EXPECT_FALSE(content(out).contains("fallen silent")) << content(out);
  fleet().kill_hub();
  fleet().start_hub();
  ASSERT_TRUE(grows(100)) << content(out);
  fleet().signal_nats(SIGKILL);
  ASSERT_TRUE(grows(100)) << content(out);
  apply(application("ticks", "ticks", 2, "b"));
  ASSERT_TRUE(until([&] { return runs() == 4; }, 60s)) << content(out);
  EXPECT_TRUE(follower.running());
  fleet().qleet({"delete", "app", "ticks"});
  EXPECT_TRUE(until([&] { return !follower.running(); }, 60s)) << "what is gone has been followed to its end";

  // Two versions of one replica have one name, and run side by side for a moment.
  std::map<std::string, std::vector<long>> next;
  Strings out_of_order;
  for (const auto& line : lines_of(content(out))) {
    std::smatch tick;
    if (line.ends_with("| begin")) {
      next[line.substr(0, line.find(' '))].push_back(0);
    } else if (std::regex_match(line, tick, std::regex(R"((\S+) \| tick (\d+))"))) {
      auto& runs_of_it = next[tick[1]];
      const auto run = std::ranges::find(runs_of_it, std::stol(tick[2]));
      if (run == runs_of_it.end()) {
        out_of_order.push_back(line);
      } else {
        ++*run;
      }
    }
  }
  // What a broker that is killed had in its hands may be lost, which is then said.
  if (!content(out).contains("were lost on the way")) EXPECT_EQ(out_of_order, Strings{});
}

TEST_F(Logs, OfACrashedContainerAndOfTheRunBefore) {
  fleet().apply(application("new-crash", "\"says:about to crash\", \"err:because of that\", \"exit:3\""));
  const std::string name = "local-1.default.new-crash.workload.main";
  ASSERT_TRUE(until(
      [&] {
        const auto described = fleet().qleet({"describe", "app", "new-crash"}).out;
        return described.contains("qleet logs") && described.contains("last lines of its log:");
      },
      90s))
      << fleet().qleet({"describe", "app", "new-crash"}).out;
  EXPECT_TRUE(fleet().qleet({"logs", "new-crash/main"}).out.contains("| about to crash\n"));
  ASSERT_TRUE(
      until([] { return fleet().qleet({"logs", "new-crash", "--previous"}).out.contains("because of that"); },
            60s));

  // As it is printed.
  const auto described = fleet().qleet({"describe", "app", "new-crash"}).out;
  EXPECT_TRUE(described.contains(" main-0/main | ") || described.contains("  main-0/main | 20")) << described;
  EXPECT_TRUE(described.contains("cause: " + name + "\n")) << described;
  std::smatch advised;
  ASSERT_TRUE(std::regex_search(described, advised, std::regex("To repair: [^\\n]*(qleet logs [^\\n;]*)")))
      << described;
  const auto ran = run({"/bin/sh", "-c", "PATH=" QLEET_BIN ":$PATH; " + advised[1].str()}, environment());
  EXPECT_EQ(ran.exit, 0) << advised[1] << ran.err;
  EXPECT_TRUE(ran.out.contains("| about to crash\n")) << ran.out;
  // It stands in no status: it is fetched when somebody asks, who may read logs.
  const auto stored = fleet().qleet({"get", "resource", name, "-o", "yaml"}).out;
  ASSERT_TRUE(stored.contains("\nstatus:")) << stored;
  EXPECT_FALSE(stored.substr(stored.find("\nstatus:")).contains("because of that")) << stored;
  const auto token = fleet().json({"token", "looker", "--role", "viewer", "-o", "json"})["token"].str();
  const auto viewed = fleet().qleet({"describe", "app", "new-crash"}, {}, {{"QLEET_TOKEN", token}});
  EXPECT_EQ(viewed.exit, 0) << viewed.err;
  EXPECT_FALSE(viewed.out.contains("about to crash")) << viewed.out;
  EXPECT_EQ(fleet().qleet({"delete", "app", "new-crash"}).exit, 0);
}

TEST_F(Logs, LongLinesAndBytesThatAreNoText) {
  apply(application("odd", "\"big:1000000\", binary, \"says:end\", hold"));
  ASSERT_TRUE(until([] { return fleet().qleet({"logs", "odd", "--tail", "0"}).out.contains("end\n"); }));
  const auto raw = fleet().qleet({"logs", "odd", "--tail", "0", "--no-prefix"});
  std::string expected;
  for (long left = 1'000'000; left > 0; --left) expected += static_cast<char>('a' + left % 26);
  using namespace std::string_literals;  // NOLINT(google-build-using-namespace)
  const auto bytes = "\0\x01\x1b[2J\xff\xfe\r\n"s;
  EXPECT_EQ(raw.err, "");
  ASSERT_EQ(raw.out.size(), expected.size() + 1 + bytes.size() + 4);
  EXPECT_TRUE(raw.out == expected + "\n" + bytes + "end\n");

  TerminalRun shown(command({"logs", "odd", "--tail", "2", "--no-prefix"}), {.environment = environment()});
  EXPECT_EQ(shown.wait(), 0);
  EXPECT_EQ(shown.bytes(), "\\u0000\\u0001\\u001b[2J\\xff\\xfe\r\nend\r\n");
}

TEST_F(Logs, AFloodAndASlowReaderFillNobodysMemory) {
  apply(application(
      "flood",
      "\"when:/tmp/go\", \"flood:4000000\", \"says:done\", \"when:/tmp/more\", \"says:later\", hold"));
  const auto container = containers("flood").at(0);
  const fs::path fifo = fleet().folder() / "slow";
  ASSERT_EQ(run({"mkfifo", fifo.string()}).exit, 0);
  // Reads a little, then nothing for as long as the file is there.
  const fs::path hold = fleet().folder() / "hold";
  const fs::path out = fleet().folder() / "slow.out";
  std::ofstream(hold) << "";
  Child follower({"/bin/sh", "-c",
                  QLEET_BIN "/qleet logs flood -f --no-prefix --tail 0 2>&1 | (while [ -e " + hold.string() +
                      " ]; do sleep 0.1; done; exec cat >" + out.string() + ")"},
                 fleet().folder() / "slow.log", environment());
  const auto agent = resident_kb(fleet().agent_pid("local-1"));
  const auto hub = resident_kb(fleet().hub_pid());
  touch(container, "/tmp/go");
  ASSERT_TRUE(
      until([] { return fleet().qleet({"logs", "flood", "--tail", "1"}).out.contains("| done"); }, 120s));
  // The region is served all the while.
  EXPECT_EQ(fleet().get("agents", "local-1")["status.state"].str(), "Connected");
  EXPECT_LT(resident_kb(fleet().agent_pid("local-1")), agent + 48 * 1024);
  EXPECT_LT(resident_kb(fleet().hub_pid()), hub + 64 * 1024);
  fs::remove(hold);
  touch(container, "/tmp/more");
  EXPECT_TRUE(until([&] { return content(out).contains("later\n"); }, 60s)) << content(out).substr(0, 500);
  const auto text = content(out);
  EXPECT_TRUE(text.contains("lines were left out here: they came faster than they"));
  // No line is torn.
  size_t floods = 0;
  static const std::regex kFlood("flood [0-9]+ of a workload that has much to say");
  for (const auto& line : lines_of(text)) {
    if (line.starts_with("-- ")) continue;
    if (line == "done" || line == "later") continue;
    ++floods;
    ASSERT_TRUE(std::regex_match(line, kFlood)) << line;
  }
  EXPECT_GT(floods, 1000U);
  // Its pipe ends with it: nothing of it outlives the test.
  fleet().qleet({"delete", "app", "flood"});
  EXPECT_TRUE(until([&] { return !follower.running(); }, 60s));
}

}  // namespace
}  // namespace qleet::test
