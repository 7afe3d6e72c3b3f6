// Completion as people have it: real shells on a terminal, the Tab key, and a hub that knows names.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/http_server.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

namespace qleet::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

// A shell that somebody sits at.
class Shell {
 public:
  Shell(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
        const fs::path& folder) {
    child_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (child_ != 0) return;
    if (::chdir(folder.c_str()) != 0) ::_exit(126);
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> argv;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ~Shell() {
    ::kill(child_, SIGKILL);
    ::close(terminal_);
    ::waitpid(child_, nullptr, 0);
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  void type(const std::string& text) const {
    ASSERT_EQ(::write(terminal_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // What is on the terminal from here on, until this is among it.
  ::testing::AssertionResult shows(const std::string& wanted) {
    const auto end = std::chrono::steady_clock::now() + patient(20s);
    while (!seen_.contains(wanted)) {
      pollfd ready{.fd = terminal_, .events = POLLIN, .revents = 0};
      char chunk[4096];
      const auto got = ::poll(&ready, 1, 100) > 0 ? ::read(terminal_, chunk, sizeof chunk) : 0;
      if (got > 0) seen_.append(chunk, static_cast<size_t>(got));
      if (got < 0 || std::chrono::steady_clock::now() > end)
        return ::testing::AssertionFailure() << "no " << wanted << " in:\n" << seen_;
    }
    seen_.erase(0, seen_.find(wanted) + wanted.size());
    return ::testing::AssertionSuccess();
  }

 private:
  int terminal_ = -1;
  pid_t child_ = -1;
  std::string seen_;
};

struct Kind {
  std::string name;
  std::vector<std::string> command;
  // Reads the completion, and makes `qleet` print its words: so that what Tab made of a line is seen exactly.
  std::string setup;
};

class ShellCompletion : public ::testing::TestWithParam<Kind> {};

std::string list(const std::string& kind, const std::vector<std::string>& names) {
  std::string items;
  for (const auto& name : names)
    items += (items.empty() ? "" : ",") + std::string(R"({"metadata":{"name":")") + name + "\"}}";
  return R"({"apiVersion":"qleet.io/v1","kind":")" + kind + R"(List","metadata":{},"items":[)" + items + "]}";
}

TEST_P(ShellCompletion, CompletesCommandsOptionsKindsNamesAndFiles) {
  testing::HttpServer hub([](const testing::HttpRequest& request, const testing::HttpWrite& write) {
    const auto path = request.target.substr(0, request.target.find('?'));
    if (path == "/v1/applications") return write(testing::simple(200, list("Application", {"shop", "cart"})));
    if (path == "/v1/environments") return write(testing::simple(200, list("Environment", {"dev", "prod"})));
    if (path == "/v1/applications/shop")
      return write(
          testing::simple(200, R"({"metadata":{"name":"shop"},"spec":{"workloads":{"api":{},"web":{}}}})"));
    return write(testing::simple(404, "{}"));
  });
  const TempDir folder;
  std::ofstream(folder.path() / "shop.yaml") << "a: b\n";
  Shell shell(GetParam().command,
              {{"PATH", std::string(QLEET_BIN) + ":" + std::getenv("PATH")},
               {"HOME", folder.path().string()},
               {"TERM", "xterm"},
               {"QLEET_CONFIG", (folder.path() / "none.yaml").string()},
               {"QLEET_HUB", hub.url("")},
               {"QLEET_TOKEN", "t"}},
              folder.path());
  shell.type(GetParam().setup + "\necho REA''DY\n");
  ASSERT_TRUE(shell.shows("READY"));

  const std::vector<std::pair<std::string, std::string>> lines{
      {"qleet stat", "<status>"},
      {"qleet agent join", "<agent><join-token>"},
      {"qleet get appl", "<get><applications>"},
      {"qleet get apps sh", "<get><apps><shop>"},
      {"qleet get app/ca", "<get><app/cart>"},
      {"qleet get apps --sel", "<get><apps><--selector>"},
      {"qleet get apps -o ya", "<get><apps><-o><yaml>"},
      {"qleet tree -e pr", "<tree><-e><prod>"},
      {"qleet tree -e prod ca", "<tree><-e><prod><cart>"},
      {"qleet logs shop/w", "<logs><shop/web>"},
      {"qleet logs shop a", "<logs><shop><api>"},
      {"qleet explain app.spec.w", "<explain><app.spec.workloads>"},
      {"qleet explain app.spec.workloads.web.rep", "<explain><app.spec.workloads.web.replicas>"},
      {"qleet apply sho", "<apply><shop.yaml>"},
      {"qleet get apps nothing-like-it", "<get><apps><nothing-like-it>"}};
  for (const auto& [typed, words] : lines) {
    shell.type(typed + "\t");
    shell.type("\n");
    ASSERT_TRUE(shell.shows(words)) << GetParam().name << ": " << typed;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shells, ShellCompletion,
    ::testing::Values(Kind{"bash",
                           {"bash", "--norc", "--noprofile", "-i"},
                           "source <(qleet completion bash); qleet() { printf '<%s>' \"$@\"; echo; }"},
                      Kind{"zsh",
                           {"zsh", "-f", "-i"},
                           "source <(qleet completion zsh); qleet() { printf '<%s>' \"$@\"; echo; }"},
                      Kind{"fish",
                           {"fish", "--no-config", "-i"},
                           "qleet completion fish | source; function qleet; printf '<%s>' $argv; echo; end"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace qleet::test
