// What people do in their first weeks, at a shell: the sessions of tests/e2e/everyday, played against the
// real binaries and real containers, in this order, each going on where the one before left off. At the end
// every command and every option of `qleet` has been run, and what it showed has been compared. The container
// engine is Podman, or Docker where QLEET_TEST_ENGINE says so: people see the same with either.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/surface.h"
#include "tests/support/docker_host.h"
#include "tests/support/mini_fleet.h"
#include "tests/support/session.h"
#include "tests/support/steady_client.h"
#include "tests/support/temp_dir.h"

namespace qleet::test {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

const fs::path kSessions = QLEET_TOP "/tests/e2e/everyday";
constexpr const char* kRegion = "local-1";

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Every place of `from` in the file becomes `to`; there must be one.
void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
  std::string text = content(file);
  std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << file << " has no " << from;
  for (; at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  std::ofstream(file, std::ios::trunc) << text;
}

void script(const fs::path& file, const std::string& text) {
  std::ofstream(file) << "#!/bin/bash\n" << text;
  ::chmod(file.c_str(), 0755);
}

std::string listed(const std::set<std::string>& surface) {
  std::string all;
  for (const auto& what : surface) all += "  qleet " + what + "\n";
  return all;
}

// What colours, draws over itself, or asks, where it is on a terminal.
std::set<std::string> differs_on_terminals() {
  return {"apply", "approve",        "build notify", "context list", "delete",     "diff",
          "get",   "login",          "logs",         "rollback",     "secret set", "status",
          "tree",  "status --watch", "get --watch",  "tree --watch", "wait"};
}

class Everyday : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (engine_under_test() == "docker") start_docker();
    if (HasFatalFailure() || !skipped_.empty()) return;
    prepared_ = std::make_unique<TempDir>();
    const auto port = std::to_string(unused_port());
    fs::copy(QLEET_TOP "/profiles", *prepared_ / "profiles", fs::copy_options::recursive);
    replace_in(*prepared_ / "profiles/route.yaml", "default: 8080", "default: " + port);
    replace_in(*prepared_ / "profiles/route.yaml", "after: 10m", "after: 2s");
    replace_in(*prepared_ / "profiles/workload.yaml", "after: 10m", "after: 2s");
    fleet_ = std::make_unique<MiniFleet>(FleetOptions{.profiles = *prepared_ / "profiles"});
    fleet_->add_agent({.name = kRegion,
                       .labels = {"provider=container"},
                       .containers = true,
                       .engine = docker_ ? docker_->socket() : ""});
    prepare_images();
    prepare_shell(port);
  }
  static void TearDownTestSuite() {
    fleet_.reset();
    docker_.reset();
    prepared_.reset();
  }
  void SetUp() override {
    if (!skipped_.empty()) GTEST_SKIP() << skipped_;
    ASSERT_TRUE(fleet_ && !setting_.environment.empty());
  }

  static void play(const std::string& name) {
    played_.insert(name);
    play_session(kSessions / (name + ".session"), setting_);
  }
  // A line at that shell.
  static Ran shell(const std::string& line) {
    return run({"/bin/bash", "--norc", "-c", "cd '" + setting_.folder.string() + "'; " + line},
               setting_.environment);
  }

  struct Line {
    bool on_terminal = false;
    Strings words;  // without "qleet"
  };
  // Command lines of qleet that were run.
  static std::vector<Line> ran() {
    std::vector<Line> lines;
    std::ifstream in(record(), std::ios::binary);
    for (std::string on; std::getline(in, on, '\0');) {
      std::string count;
      std::getline(in, count, '\0');
      Strings words(std::stoul(count));
      for (auto& word : words) std::getline(in, word, '\0');
      lines.push_back({.on_terminal = on == "terminal", .words = std::move(words)});
    }
    return lines;
  }
  static const std::set<std::string>& played() { return played_; }

 private:
  static fs::path record() { return *prepared_ / "ran"; }
  static fs::path bin_folder() { return *prepared_ / "bin"; }

  static void start_docker() {
    std::string why;
    bool skip = false;
    docker_ = DockerHost::start(why, skip);
    if (skip)
      skipped_ = why;
    else
      ASSERT_TRUE(docker_) << why;
  }
  // The engine's own command, and what it needs to see the agent's containers.
  static std::string engine_command() { return docker_ ? "docker" : "podman"; }
  static Environment engine_environment() {
    return docker_ ? docker_->client_environment() : fleet_->podman_environment(kRegion);
  }

  static void prepare_images() {
    const auto built =
        run({QLEET_TOP "/packaging/images/build", "--engine", engine_command(), "postgres", "haproxy"},
            engine_environment(), "", 10min);
    ASSERT_EQ(built.exit, 0) << built.out << built.err;
    const fs::path root = *prepared_ / "image";
    fs::create_directories(root / "bin");
    fs::create_directories(root / "tmp");
    fs::copy_file(QLEET_TEST_WEB, root / "bin/web");
    ASSERT_EQ(run({"tar", "-C", root, "-cf", *prepared_ / "image.tar", "."}).exit, 0);
  }

  // What a person has: a folder, `qleet` with a context, and a way to build images (build-image
  // REPOSITORY:TAG).
  static void prepare_shell(const std::string& port) {
    const fs::path home = *prepared_ / "home";
    fs::create_directories(home);
    fs::create_directories(bin_folder());
    script(bin_folder() / "qleet", "on=pipe; [ -t 1 ] && on=terminal\nprintf '%s\\0' $on $# \"$@\" >>'" +
                                       record().string() + "'\nexec '" QLEET_BIN "/qleet' \"$@\"\n");
    // Docker gives no digest to what came from no registry, but knows it by its id.
    const std::string import = docker_ ? "docker import" : "podman import --quiet";
    const std::string digest =
        docker_ ? "docker image inspect --format '{{.Id}}'" : "podman image inspect --format '{{.Digest}}'";
    script(bin_folder() / "build-image",
           import +
               " --change 'ENTRYPOINT [\"/bin/web\"]' --change 'CMD [\"serve\", \"8080\"]' "
               "--change \"ENV VERSION=${1##*:}\" '" +
               (*prepared_ / "image.tar").string() + "' \"$1\" >/dev/null && printf '%s@%s\\n' \"$1\" \"$(" +
               digest + " \"$1\")\"\n");
    setting_.folder = home;
    setting_.environment = engine_environment();
    setting_.environment["ENGINE"] = engine_command();
    setting_.environment["PATH"] =
        bin_folder().string() + ":" QLEET_BIN ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
    setting_.environment["HOME"] = home;
    setting_.environment["QLEET_CONFIG"] = home / "config.yaml";
    setting_.environment["HUB"] = fleet_->url();
    setting_.environment["HUB_STATE"] = fleet_->hub_state();
    setting_.environment["SITE"] = "http://127.0.0.1:" + port;
    setting_.environment["LC_ALL"] = "C.UTF-8";
    const auto literally = [](const std::string& text) {
      return std::regex(std::regex_replace(text, std::regex(R"([.\[\]{}()+*?^$|\\])"), R"(\$&)"));
    };
    setting_.masks = {
        {literally(fleet_->url()), "<hub>"},
        {literally("127.0.0.1:" + port), "<site>"},
        {literally(home), "<home>"},
        {literally(fleet_->folder()), "<fleet>"},
        {std::regex(R"(ql[a-z]_[A-Za-z0-9_-]{16,})"), "<token>"},
        {std::regex(R"("?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"?)"), "<uid>"},
        {std::regex(R"(\b[0-9a-f]{32}\b)"), "<epoch>"},
        {std::regex(R"(\b[0-9a-f]{8}\b)"), "<id>"},
        {literally(":" + port + "/"), ":<port>/"},
        {std::regex(R"(-[0-9a-f]{10}\b)"), "-<hash>"},
        {std::regex(R"(revision(")?: "\d+")"), "revision$1: <n>"},
        {std::regex(R"(/tmp/qleet-edit-\w+)"), "/tmp/qleet-edit-<random>"},
        // What a crash loop is at just now.
        {std::regex(R"(container "main" (ended with|waits for)[^\n]*)"), "container \"main\" ..."},
        {std::regex(R"(restarted \d+ times)"), "restarted <n> times"},
        {std::regex(R"(\n[0-9a-f]{40,63}\n)"), "\n<digest's end>\n"},
        {std::regex(R"("resourceVersion": "\d+"|resourceVersion: "\d+")"), "resourceVersion: <n>"},
        {std::regex(R"(tried \d+ times)"), "tried <n> times"},
        {std::regex(R"(\.[0-9a-f]{12}-<id>)"), ".<build>"},
        {literally(QLEET_VERSION), "<version>"}};
    for (auto& mask : usual_masks()) setting_.masks.push_back(std::move(mask));
  }

  static std::unique_ptr<TempDir> prepared_;
  static std::unique_ptr<DockerHost> docker_;  // null: Podman is the engine
  static std::string skipped_;                 // why nothing can be run here
  static std::unique_ptr<MiniFleet> fleet_;
  static SessionSetting setting_;
  static std::set<std::string> played_;
};

std::unique_ptr<TempDir> Everyday::prepared_;
std::unique_ptr<DockerHost> Everyday::docker_;
std::string Everyday::skipped_;
std::unique_ptr<MiniFleet> Everyday::fleet_;
SessionSetting Everyday::setting_;
std::set<std::string> Everyday::played_;

TEST_F(Everyday, GettingToKnowIt) { play("getting-to-know-it"); }
TEST_F(Everyday, AnOperatorsDay) { play("operator"); }
TEST_F(Everyday, AnApplicationFromAnEmptyFolderToItsUrl) { play("application"); }
TEST_F(Everyday, LookingAround) { play("looking-around"); }
TEST_F(Everyday, ContinuousDelivery) { play("delivery"); }
TEST_F(Everyday, FormsOfOutput) { play("output"); }
TEST_F(Everyday, BreakingAndRepairing) { play("trouble"); }
TEST_F(Everyday, TwoEnvironmentsThatDiffer) { play("environments"); }
TEST_F(Everyday, TakingAway) { play("taking-away"); }

// As a person looks it up, on a terminal of 80 columns.
TEST_F(Everyday, EveryCommandHasHelp) {
  for (const auto& command : all_commands()) {
    SCOPED_TRACE(command);
    const auto ran = shell("qleet " + command + " --help");
    EXPECT_EQ(ran.exit, 0);
    EXPECT_EQ(ran.err, "");
    EXPECT_TRUE(ran.out.contains("\nUsage: qleet " + command)) << ran.out;
    for (const auto& what : surface()) {
      const bool option = what.starts_with(command + " --");
      if (option) EXPECT_TRUE(ran.out.contains(what.substr(command.size() + 1))) << what << "\n" << ran.out;
    }
  }
}

// The last one: of a new command or option that no session runs, it says which.
TEST_F(Everyday, EveryCommandAndOptionWasRun) {
  for (const auto& entry : fs::directory_iterator(kSessions)) {
    if (::testing::GTEST_FLAG(filter) != "*") GTEST_SKIP() << "only some sessions were played";
    EXPECT_TRUE(played().contains(entry.path().stem())) << entry.path() << " is played by no test";
  }
  // What a person has no use for in a session, and why.
  const std::map<std::string, std::string> exceptions = {};
  auto missing = surface();
  for (const auto& [what, why] : exceptions)
    EXPECT_EQ(missing.erase(what), 1U) << what << " does not exist any more (" << why << ")";
  auto missing_on_terminals = differs_on_terminals();
  for (const auto& line : ran()) {
    for (const auto& what : asked_of(line.words)) {
      missing.erase(what);
      if (line.on_terminal) missing_on_terminals.erase(what);
    }
  }
  EXPECT_EQ(listed(missing), "") << "no session of " << kSessions << " runs these";
  EXPECT_EQ(listed(missing_on_terminals), "") << "no session of " << kSessions << " runs these on a terminal";
}

}  // namespace
}  // namespace qleet::test
