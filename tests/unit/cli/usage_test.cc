// What a person is told who typed something that is not there, and what completion offers.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "cli/arguments.h"
#include "cli/completion.h"
#include "cli/exit_codes.h"
#include "cli/kinds.h"

namespace qleet::cli {
namespace {

std::string told(std::vector<const char*> words) {
  words.insert(words.begin(), "qleet");
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const auto parsed = parse_arguments(static_cast<int>(words.size()), words.data(), false);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  std::string said = testing::internal::GetCapturedStderr();
  EXPECT_FALSE(parsed);
  if (!parsed) EXPECT_EQ(parsed.error(), Exit::kUsage);
  return said;
}

struct Wrong {
  std::string name;
  std::vector<const char*> words;
  std::string said;
};
class Usage : public testing::TestWithParam<Wrong> {};

TEST_P(Usage, IsExplained) { EXPECT_EQ(told(GetParam().words), "qleet: " + GetParam().said + " --help\n"); }

INSTANTIATE_TEST_SUITE_P(
    Table, Usage,
    testing::Values(
        Wrong{"Command", {"aply", "x"}, R"(unknown command "aply"; did you mean "apply"?; see qleet)"},
        Wrong{"OtherTool", {"ps"}, R"(unknown command "ps"; did you mean "status"?; see qleet)"},
        Wrong{"Below",
              {"build", "notfy"},
              R"(build: unknown command "notfy"; did you mean "notify"?; see qleet build)"},
        Wrong{
            "Scale",
            {"scale", "blog", "--replicas", "3"},
            R"(unknown command "scale"; no scale: set replicas in the file or the environment, or qleet edit app NAME; see qleet)"},
        Wrong{"CommandBeforeItsOptions",
              {"aply", "--fiel", "x"},
              R"(unknown command "aply"; did you mean "apply"?; see qleet)"},
        Wrong{"EditWithoutName",
              {"edit", "env"},
              "edit: NAME, as in KIND NAME or KIND/NAME, is missing; see qleet edit"},
        Wrong{"MissingKind", {"get"}, "get: KIND is missing; see qleet get"},
        Wrong{"MissingField", {"explain"}, "explain: KIND is missing; see qleet explain"},
        Wrong{"NoneBelow", {"build"}, "build: a command is missing; there is: notify; see qleet build"},
        Wrong{"Option",
              {"get", "apps", "--selektor", "x"},
              R"(get: unknown option "--selektor"; did you mean "--selector"?; see qleet get)"},
        Wrong{"OptionWithValue",
              {"get", "apps", "--outptu=json"},
              R"(get: unknown option "--outptu"; did you mean "--output"?; see qleet get)"},
        Wrong{"Namespace",
              {"get", "apps", "-n", "prod"},
              R"(get: unknown option "-n"; an environment is chosen by -e; see qleet get)"},
        Wrong{"TooMuch", {"tree", "a", "b"}, R"(tree: "b" is one argument too many; see qleet tree)"},
        Wrong{"Missing", {"history"}, "history: APPLICATION is missing; see qleet history"},
        Wrong{"MissingOption",
              {"agent", "join-token"},
              "agent join-token: --region is missing; see qleet agent join-token"},
        Wrong{"MissingFile", {"apply"}, "apply: FILE is missing; see qleet apply"},
        Wrong{"NoValue", {"get", "apps", "-e"}, "get: --environment needs a value; see qleet get"},
        Wrong{"TwoValues", {"plan", "--delete", "app"}, "plan: --delete needs KIND NAME; see qleet plan"},
        Wrong{"NoFlag",
              {"get", "apps", "--watch=maybe"},
              R"(get: --watch: "maybe" is neither true nor false; see qleet get)"},
        Wrong{"NoDuration",
              {"apply", "x", "--timeout", "soon"},
              "apply: --timeout: \"soon\" is not a duration; write for example 30s, 10m or 1h30m; see qleet "
              "apply"},
        Wrong{"NoNumber", {"diff", "shop", "1", "two"}, R"(diff: TO: "two" is no number; see qleet diff)"},
        Wrong{
            "NotOneOf",
            {"wait", "shop", "--for", "redy"},
            R"(wait: --for: "redy" is not known; did you mean "ready"?; there is: ready, deleted; see qleet wait)"},
        Wrong{"Format",
              {"get", "apps", "-o", "jsn"},
              "get: --output: \"jsn\" is no form of output; did you mean \"json\"?; there is: table, wide, "
              "json, yaml, "
              "name, jsonpath=PATH, custom-columns=HEADER:PATH,...; see qleet get"},
        Wrong{"Together",
              {"login", "https://x", "--ca", "a", "--ca-fingerprint", "b"},
              "login: --ca and --ca-fingerprint cannot be given together; see qleet login"},
        Wrong{"Neither",
              {"delete"},
              "delete: either KIND NAME, KIND -l SELECTOR, or -f FILE is missing; see qleet delete"}),
    [](const auto& info) { return info.param.name; });

TEST(Labels, OfAJoinTokenAreRepeatable) {
  const std::vector<const char*> words{"qleet",   "agent",     "join-token", "--region", "eu",
                                       "--label", "tier=prod", "--label",    "geo=eu"};
  EXPECT_TRUE(parse_arguments(static_cast<int>(words.size()), words.data(), false));
  EXPECT_EQ(told({"agent", "join-token", "--region", "eu", "--label", "a=b", "c=d"}),
            "qleet: agent join-token: \"c=d\" is one argument too many; see qleet agent join-token --help\n");
}

struct Named {
  std::vector<std::string> words;
  std::string targets;  // "applications: a b; regions:"
};

TEST(Targets, AreNamedInEveryWayThatOutputPrints) {
  for (const auto& [words, expected] : std::vector<Named>{
           {{"apps"}, "applications:"},
           {{"app", "shop", "cart"}, "applications: shop cart"},
           {{"app,env"}, "applications: environments:"},
           {{"app,apps"}, "applications:"},
           {{"app,env", "x"}, "applications: x environments: x"},
           {{"app/shop", "env/prod", "app/cart"}, "applications: shop cart environments: prod"},
           {{"applications/shop"}, "applications: shop"},
           {{"resource/eu.-.-.router.r"}, "resources: eu.-.-.router.r"}}) {
    const auto targets = targets_of(words);
    ASSERT_TRUE(targets) << words.front() << ": " << targets.error().message;
    std::string seen;
    for (const auto& target : *targets) {
      seen += (seen.empty() ? "" : " ") + std::string(target.kind->plural) + ":";
      for (const auto& name : target.names) seen += " " + name;
    }
    EXPECT_EQ(seen, expected);
  }
}

TEST(Targets, ThatAreNoneNameTheNearest) {
  for (const auto& [words, said] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"aplications"}, R"(no kind "aplications"; did you mean "applications"?)"},
           {{"app/shop", "cart"}, R"("cart": after app/shop write KIND/NAME)"},
           {{"app", "env/x"}, R"("env/x": write either KIND NAME... or KIND/NAME..., not both)"},
           {{"app/"}, R"("app/": the name is missing)"}}) {
    const auto targets = targets_of(words);
    ASSERT_FALSE(targets);
    EXPECT_EQ(targets.error().message, said);
  }
  EXPECT_EQ(named_targets_of({"apps"}).error().message,
            "applications: a name is missing; write KIND NAME or KIND/NAME");
}

std::vector<std::string> offered(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  const auto completion = complete(words);
  if (completion.files) out.emplace_back(":files");
  for (const auto& one : completion.candidates) out.push_back(one.word);
  return out;
}

TEST(Completion, KnowsCommandsOptionsValuesKindsAndFiles) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(offered({"ap"}), (Words{"apply", "approve"}));
  EXPECT_EQ(offered({"get", "appl"}), Words{"applications"});
  EXPECT_EQ(offered({"build", "notify", "--rev"}), (Words{"--revision", "--revision-time"}));
  EXPECT_EQ(offered({"secret", ""}), (Words{"set", "list", "rm"}));
  EXPECT_EQ(offered({"secret", "set", "--every"}), Words{"--every-application"});
  EXPECT_EQ(offered({"get", "apps", "--con"}), Words{"--context"});
  EXPECT_EQ(offered({"get", "apps", "-o", "j"}), (Words{"json", "jsonpath="}));
  EXPECT_EQ(offered({"get", "apps", "--output=ya"}), Words{"--output=yaml"});
  EXPECT_EQ(offered({"explain", "app.spec.w"}), Words{"app.spec.workloads"});
  EXPECT_EQ(offered({"explain", "app.spec.workloads.web.repl"}), Words{"app.spec.workloads.web.replicas"});
  EXPECT_EQ(offered({"apply", ""}), Words{":files"});
  EXPECT_EQ(offered({"delete", "-f", ""}), Words{":files"});
  EXPECT_EQ(offered({"wait", "shop", "--for", ""}), (Words{"ready", "deleted"}));
  EXPECT_EQ(offered({"completion", "z"}), Words{"zsh"});
  EXPECT_EQ(offered({"explain", "env"}), Words{"environments"});
  EXPECT_EQ(offered({"get", "app/shop", "profi"}), Words{"profiles/"});
  // The value of an option is no command and no name.
  EXPECT_EQ(offered({"get", "-l", "apps", "reg"}), Words{"regions"});
}

// One table: what --help ends with is what the page says.
TEST(ExitCodes, AreWhatTheDocsSayAndEndEveryHelp) {
  std::ifstream in(QLEET_SOURCE_DIR "/docs/reference/cli.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  std::string table = "| exit code | means |\n|---|---|\n";
  for (const auto& meaning : exit_meanings())
    table +=
        "| " + std::to_string(static_cast<int>(meaning.exit)) + " | " + std::string(meaning.whole) + " |\n";
  EXPECT_TRUE(page.contains(table)) << table;
  const std::vector<std::vector<const char*>> commands{{"qleet", "--help"},
                                                       {"qleet", "get", "--help"},
                                                       {"qleet", "agent", "join-token", "--help"},
                                                       {"qleet", "secret", "rm", "--help"},
                                                       {"qleet", "completion", "--help"}};
  for (const auto& words : commands) {
    testing::internal::CaptureStdout();
    EXPECT_FALSE(parse_arguments(static_cast<int>(words.size()), words.data(), false));
    const auto help = testing::internal::GetCapturedStdout();
    const auto trimmed = help.substr(0, help.find_last_not_of('\n') + 1);
    EXPECT_TRUE(trimmed.ends_with("\n" + exit_codes_line())) << help;
  }
}

}  // namespace
}  // namespace qleet::cli
