// What people hand out without wanting to, and what reaches them that they did not ask for: files of whoever
// applies a stranger's document, escape sequences on a terminal, values of secrets in the hub's files.
#include <fstream>
#include <iterator>

#include "common/clock/clock.h"
#include "common/model/model.h"
#include "hub/frontend/frontend.h"
#include "hub/store/lmdb_store.h"
#include "tests/e2e/noop_fleet.h"
#include "tests/support/terminal_run.h"

namespace qleet::test {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Files below the folder that hold the text.
std::vector<std::string> holding(const fs::path& folder, const std::string& text) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && content(entry.path()).contains(text)) found.push_back(entry.path());
  }
  return found;
}

class People : public NoopFleet {
 protected:
  fs::path write(const std::string& name, const std::string& text) const {
    const auto path = fleet.folder() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  }
};

class ForeignDocument : public People {
 protected:
  std::string score(const std::string& source) const {
    return write(
        "foreign/score.yaml",
        "apiVersion: score.dev/v1b1\nmetadata: {name: hello}\ncontainers:\n  hello:\n    image: a/b:1\n"
        "    files:\n      /f: {source: " +
            source + "}\n");
  }
};

TEST_F(ForeignDocument, GetsNoFileOfWhoeverAppliesIt) {
  const auto token = write("token", "qlt_of-ci");
  write("foreign/page.html", "<h1>hello</h1>");
  fs::create_symlink(token, fleet.folder() / "foreign/link");
  for (const std::string& source : {token.string(), std::string("../token"), std::string("link")}) {
    const auto file = score(source);
    for (const std::string command : {"apply", "plan"}) {
      const auto ran = fleet.qleet({command, file});
      EXPECT_EQ(ran.exit, 8) << command << " " << source;
      EXPECT_EQ(ran.err, file + ":7: containers.hello.files[\"/f\"].source: \"" + source +
                             "\" leads out of the folder; only what is below it is read\n");
    }
  }
  EXPECT_TRUE(fleet.list("apps").empty());
  for (const std::string command : {"plan", "apply"}) {
    const auto ran = fleet.qleet({command, score("page.html"), "-o", "name"});
    EXPECT_EQ(ran.exit, 0) << ran.err;
    EXPECT_TRUE(
        ran.err.starts_with("sends 1 file: " + (fleet.folder() / "foreign/page.html").string() + "\n"))
        << ran.err;
  }
  const auto piped = fleet.qleet({"apply", "-"}, content(score("page.html")));
  EXPECT_EQ(piped.exit, 8);
  EXPECT_TRUE(piped.err.starts_with(
      "standard input:7: containers.hello.files[\"/f\"].source: \"page.html\" is a file "
      "beside the document"))
      << piped.err;
}

// What a workload says, as a profile's template of the provider noop.
const std::string kNoisy = R"(
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: noisy}
spec:
  satisfies: {type: noisy}
  scope: application
  provider: noop
  parameters: {text: {type: string}, log: {type: string, default: ""}}
  template: {fail: "${params.text}", failReason: Exited, log: "${params.log}"}
  default: true
---
apiVersion: qleet.io/v1
kind: Application
metadata: {name: loud}
spec:
  workloads:
    web:
      score:
        containers: {web: {image: "a/b:1"}}
        resources:
          bad: {type: noisy, params: {text: "\e]0;owned\a\e[2J\u009b1m\u202e evil\nReady  forged"}}
          good: {type: noisy, params: {text: "", log: "\e[2J\e]0;owned\a said\n"}}
)";

TEST_F(People, NothingThatAWorkloadSaysMovesACursor) {
  fleet.add_agent({.name = "local-1"});
  fleet.apply(kNoisy);
  const std::string message = "\x1b]0;owned\x07\x1b[2J\u009b1m\u202e evil\nReady  forged";
  const auto said = [&] {
    for (const auto& event : fleet.list("events")) {
      if (event["spec.message"].str().contains(message)) return true;
    }
    return false;
  };
  ASSERT_TRUE(until(said, 30s)) << fleet.qleet({"get", "events", "-o", "json"}).out;
  ASSERT_TRUE(until([&] { return fleet.state_of("local-1.default.loud.noisy.web.good") == "Ready"; }, 30s));

  const std::vector<std::vector<std::string>> commands = {
      {"get", "resources"},
      {"get", "resources", "-o", "wide"},
      {"get", "resources", "-o", "yaml"},
      {"get", "events"},
      {"get", "events", "-o", "json"},
      {"events", "loud"},
      {"describe", "app", "loud"},
      {"describe", "deployment", "loud.default"},
      {"describe", "resource", "local-1.default.loud.noisy.web.bad"},
      {"tree", "loud"},
      {"tree", "loud", "-o", "json"},
      {"tree", "--why", "noisy/web.bad"},
      {"history", "loud"},
      {"get", "deployments", "-o", "wide"}};
  bool shown = false;
  for (const auto& command : commands) {
    const auto ran = fleet.qleet(command);
    EXPECT_EQ(ran.exit, 0) << command[0] << ": " << ran.err;
    for (const char c : ran.out + ran.err)
      ASSERT_TRUE(c == '\n' || c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f))
          << command[0] << " " << command[1] << "\n"
          << ran.out;
    EXPECT_FALSE(ran.out.contains("\u009b") || ran.out.contains("\u202e")) << ran.out;
    EXPECT_FALSE(("\n" + ran.out).contains("\nReady  forged")) << ran.out;
    shown = shown || ran.out.contains("\\u001b[2J\\u009b1m\\u202e evil");
  }
  EXPECT_TRUE(shown);

  // A log in a pipe is its bytes; on a terminal it is text.
  const std::vector<std::string> logs = {"logs", "loud", "--resource", "noisy/web.good"};
  const auto piped = fleet.qleet(logs);
  EXPECT_EQ(piped.exit, 0) << piped.err;
  EXPECT_TRUE(piped.out.contains("\x1b[2J\x1b]0;owned\x07 said\n")) << piped.out;
  std::vector<std::string> command = {QLEET_BIN "/qleet"};
  command.insert(command.end(), logs.begin(), logs.end());
  TerminalRun ran(command,
                  {.environment = {{"QLEET_CONFIG", fleet.folder() / "config.yaml"}, {"NO_COLOR", "1"}}});
  EXPECT_EQ(ran.wait(), 0);
  const std::string seen = ran.bytes();
  EXPECT_TRUE(seen.contains("\\u001b[2J\\u001b]0;owned\\u0007 said")) << seen;
  EXPECT_FALSE(seen.contains('\x1b') || seen.contains('\a')) << seen;
}

class SecretsAtRest : public People {
 protected:
  const std::string value = "correct-horse-battery-staple";
  std::string secret(const std::string& name, const std::string& with) const {
    return "apiVersion: qleet.io/v1\nkind: Secret\nmetadata: {name: " + name +
           "}\nspec: {data: {key: " + with + "}}\n";
  }
  Ran hub(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), QLEET_BIN "/qleet-hub");
    return run(arguments);
  }
};

// Used by an application, over the real bus, by an agent that loses the key that it opens them with.
TEST_F(SecretsAtRest, AreDeliveredAlsoToAnAgentThatLostItsKey) {
  fleet.add_agent({.name = "local-1"});
  const std::string file = write("pay.yaml", R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: pay}
spec:
  workloads:
    web:
      score:
        containers: {web: {image: "a/b:1", variables: {KEY: "${resources.stripe.api_key}"}}}
        resources: {stripe: {type: secret}}
)");
  ASSERT_EQ(fleet.qleet({"secret", "set", "stripe", "api_key=-"}, value + "\n").exit, 0);
  const auto applied = fleet.qleet({"apply", file, "--wait", "--timeout", "60s"});
  ASSERT_EQ(applied.exit, 0) << applied.err;
  const std::string web = "local-1.default.pay.workload.web";
  EXPECT_EQ(world().at(web).changes, 1U);

  fleet.stop_agent("local-1");
  fs::remove(fleet.agent_state("local-1") / "identity/box.key");
  fleet.start_agent("local-1");
  ASSERT_TRUE(until([&] { return fleet.unsettled().empty(); }, 30s)) << fleet.unsettled();
  EXPECT_EQ(world().at(web).changes, 1U);

  ASSERT_EQ(fleet.qleet({"secret", "set", "stripe", "api_key=-"}, value + "-2").exit, 0);
  ASSERT_TRUE(until([&] { return world().at(web).changes == 2; }, 30s));
  // The same again: who guesses learns nothing of it here, and nobody restarts for it.
  EXPECT_EQ(fleet.qleet({"secret", "set", "stripe", "api_key=-"}, value + "-2").out,
            "secret/stripe  configured, version 3\nused by pay in default: restarts where a value differs\n");
  ASSERT_TRUE(until([&] { return fleet.unsettled().empty(); }, 30s)) << fleet.unsettled();
  EXPECT_EQ(world().at(web).changes, 2U);
  EXPECT_EQ(holding(fleet.folder(), value), std::vector<std::string>{});
}

TEST_F(SecretsAtRest, StandNowhereInClearText) {
  fleet.apply(secret("kept", value));
  fleet.apply(secret("gone", value));
  EXPECT_EQ(fleet.qleet({"apply", "-"}, secret("kept", value)).out, "secret/kept  configured  revision 2\n")
      << "who guesses right learns nothing";
  EXPECT_EQ(fleet.qleet({"delete", "secret", "gone"}).exit, 0);
  EXPECT_TRUE(fleet.qleet({"get", "secret", "kept", "-o", "yaml"}).out.contains("\"***\""));
  EXPECT_EQ(holding(fleet.folder(), value), std::vector<std::string>{});
  const auto key = fleet.hub_state() / "secrets.key";
  EXPECT_EQ(fs::status(key).permissions(), fs::perms::owner_read | fs::perms::owner_write);

  const std::string state = fleet.hub_state();
  auto ran = hub({"backup", "--state", state, fleet.folder() / "with"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  ran = hub({"backup", "--state", state, fleet.folder() / "without", "--without-secrets-key"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(fs::exists(fleet.folder() / "with/secrets.key"));
  EXPECT_FALSE(fs::exists(fleet.folder() / "without/secrets.key"));
  EXPECT_EQ(holding(fleet.folder(), value), std::vector<std::string>{});

  // A new key: everything is under it after the next start.
  const auto old = content(key);
  ran = hub({"rotate-secrets-key", "--state", state});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(content(key).ends_with(old) && content(key).size() > old.size());
  fleet.stop_hub();
  fleet.start_hub();
  EXPECT_TRUE(fleet.logs().contains("were_under_an_older_key=1"));
  EXPECT_TRUE(fleet.qleet({"get", "secret", "kept"}).out.contains("kept"));

  // A lost one is not made anew in silence.
  fleet.stop_hub();
  fs::remove(key);
  ran = hub({"serve", "--state", state, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0"});
  EXPECT_NE(ran.exit, 0);
  EXPECT_TRUE(ran.err.contains("secrets.key: is missing")) << ran.err;
  EXPECT_FALSE(fs::exists(key));
  std::ofstream(key) << old;
  fs::permissions(key, fs::perms::owner_read | fs::perms::owner_write);
}

// The hub of before wrote secrets in clear text.
class SecretsFromBefore : public NoopFleet {
 protected:
  SecretsFromBefore() : NoopFleet(FleetOptions{.prepare = prepare}) {}

  static void prepare(const fs::path& folder) {
    fs::create_directories(folder / "hub");
    auto store = hub::LmdbStore::open(folder / "hub/store").value();
    const SystemClock clock;
    const hub::frontend::Context context{*store, clock};
    const hub::frontend::Caller caller{"serviceaccount:admin"};
    for (const std::string name : {"kept", "gone"}) {
      const auto text = "apiVersion: qleet.io/v1\nkind: Secret\nmetadata: {name: " + name +
                        "}\nspec: {data: {key: " + kClear + "}}\n";
      hub::frontend::apply(context, caller, model::decode(text).value()).value();
    }
    hub::frontend::erase(context, caller, *model::find_kind("Secret"), "gone").value();
    store.reset();
    if (holding(folder, kClear).empty()) throw std::runtime_error("nothing is in clear text here");
  }

  static inline const std::string kClear = "correct-horse-battery-staple";
};

TEST_F(SecretsFromBefore, AreSealedAndNothingIsLeftOfThem) {
  EXPECT_EQ(holding(fleet.folder(), kClear), std::vector<std::string>{});
  EXPECT_EQ(fleet.qleet({"get", "secret", "-o", "name"}).out, "secrets/kept\n");
  EXPECT_TRUE(fleet.logs().contains("were_clear=1"));
  // Once is enough.
  fleet.stop_hub();
  fleet.start_hub();
  EXPECT_EQ(fleet.qleet({"get", "secret", "-o", "name"}).out, "secrets/kept\n");
  const auto log = content(fleet.folder() / "hub.log");
  EXPECT_EQ(log.find("is written anew"), log.rfind("is written anew"));
}

}  // namespace
}  // namespace qleet::test
