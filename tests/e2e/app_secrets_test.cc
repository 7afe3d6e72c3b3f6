// Secrets of an application on real containers: set by hand, used in a variable and a file, changed,
// different in one environment, and found in clear text nowhere but where they are used.
#include <algorithm>
#include <fstream>
#include <iterator>

#include "tests/e2e/container_fleet.h"

namespace qleet::test {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> holding(const fs::path& folder, const std::string& text) {
  std::vector<std::string> found;
  for (const auto& entry :
       fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied))
    if (entry.is_regular_file() && content(entry.path()).contains(text)) found.push_back(entry.path());
  return found;
}

std::string application(const std::string& name, const std::string& resources, const std::string& variables,
                        const std::string& environments = "[default]") {
  return "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: " + name +
         "}\nspec:\n  environments: " + environments + R"yaml(
  workloads:
    web:
      score:
        containers:
          web:
            image: localhost/shop/web:main-1
            command: [python3, -c, "import time; time.sleep(1000000)"]
            variables: {)yaml" +
         variables + R"yaml(}
            files: [{target: /etc/app/key, content: "from-file=${resources.stripe.api_key}"}]
        resources: )yaml" +
         resources + "\n";
}

class AppSecrets : public ContainerFleet {
 protected:
  void TearDown() override {
    ContainerFleet::TearDown();
    for (const auto* name : {"stripe", "stripe-prod"}) fleet().qleet({"secret", "rm", name, "--force"});
    fleet().qleet({"delete", "env", "prod"});
  }
  static void set(const std::vector<std::string>& words, const std::string& input) {
    std::vector<std::string> command{"secret", "set"};
    command.insert(command.end(), words.begin(), words.end());
    const auto ran = fleet().qleet(command, input);
    ASSERT_EQ(ran.exit, 0) << ran.err;
  }
  static std::string container_of(const std::string& part) {
    for (const auto& name : containers())
      if (name.contains(part)) return name;
    return "";
  }
  // What its process sees.
  static std::string sees(const std::string& part) {
    return fleet()
        .podman(agent, {"exec", container_of(part), "python3", "-c",
                        "import os; print(os.environ.get('KEY', ''), open('/etc/app/key').read())"})
        .out;
  }
  static ::testing::AssertionResult comes_to_see(const std::string& part, const std::string& value) {
    if (until([&] { return sees(part).contains("key " + value + " from-file=" + value); }, 60s))
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << sees(part);
  }
};

TEST_F(AppSecrets, AreUsedChangedAndFoundNowhereElse) {
  fleet().apply(
      "apiVersion: qleet.io/v1\nkind: Environment\nmetadata: {name: prod}\nspec: {unusedAfter: 2s}\n");
  const std::string uses = "KEY: \"key ${resources.stripe.api_key}\"";
  const auto file = (fleet().folder() / "shop.yaml").string();
  std::ofstream(file) << application("shop", "{stripe: {type: secret, id: stripe}}", uses, "[default, prod]");

  const auto refused = fleet().qleet({"apply", file});
  EXPECT_EQ(refused.exit, 8) << refused.err;
  EXPECT_TRUE(refused.err.contains("qleet secret set stripe KEY=-")) << refused.err;

  set({"stripe", "api_key=-"}, "horse-one\n");
  const auto applied = fleet().qleet({"apply", file, "--wait", "--timeout", "2m"});
  ASSERT_EQ(applied.exit, 0) << applied.out << applied.err;
  ASSERT_TRUE(comes_to_see("default-shop", "horse-one"));
  ASSERT_TRUE(comes_to_see("prod-shop", "horse-one"));

  // A bystander, which no secret concerns.
  const auto calm = (fleet().folder() / "calm.yaml").string();
  set({"other", "api_key=-"}, "horse-other");
  std::ofstream(calm) << application("calm", "{stripe: {type: secret, id: other}}", uses);
  ASSERT_EQ(fleet().qleet({"apply", calm, "--wait", "--timeout", "2m"}).exit, 0);
  ASSERT_TRUE(comes_to_see("calm", "horse-other"));
  const auto before = started({"calm", "prod-shop"});

  // One environment has its own from here on: its user rolls, and nobody else.
  set({"stripe-prod", "--id", "stripe", "-e", "prod", "api_key=-"}, "horse-prod");
  ASSERT_TRUE(comes_to_see("prod-shop", "horse-prod"));
  EXPECT_TRUE(sees("default-shop").contains("horse-one"));
  const auto prod = started({"prod-shop"});

  // Changed: exactly its users, where it applies.
  const auto next = fleet().folder() / "next";
  std::ofstream(next) << "horse-two";
  const auto changed = fleet().qleet({"secret", "set", "stripe", "api_key=@" + next.string()});
  EXPECT_EQ(changed.exit, 0) << changed.err;
  EXPECT_EQ(
      changed.out,
      "secret/stripe  configured, version 2\nused by shop in default: restarts where a value differs\n");
  fs::remove(next);
  ASSERT_TRUE(comes_to_see("default-shop", "horse-two"));
  ASSERT_TRUE(until([] { return fleet().unsettled().empty(); }, 60s)) << fleet().unsettled();
  EXPECT_EQ(started({"prod-shop"}), prod);
  EXPECT_EQ(started({"calm"}), [&] {
    auto calm_before = before;
    std::erase_if(calm_before, [](const auto& entry) { return !entry.first.contains("calm"); });
    return calm_before;
  }());

  const auto listed = fleet().qleet({"secret", "list"});
  EXPECT_TRUE(listed.out.contains("shop in default")) << listed.out;
  const auto kept = fleet().qleet({"secret", "rm", "stripe"});
  EXPECT_EQ(kept.exit, 4) << kept.err;
  EXPECT_TRUE(kept.err.contains("secret stripe is in use by shop in default")) << kept.err;

  // In clear text where it is used (the engine's own folder holds containers), and nowhere else: neither in
  // the hub's store and logs, nor in the agent's journal, identity and logs, nor in anything that somebody
  // may ask.
  for (const auto* value : {"horse-one", "horse-two", "horse-prod", "horse-other"}) {
    EXPECT_EQ(holding(fleet().hub_state(), value), std::vector<std::string>());
    for (const auto* part : {"journal", "identity"})
      EXPECT_EQ(holding(fleet().agent_state(agent) / part, value), std::vector<std::string>());
    for (const auto& entry : fs::directory_iterator(fleet().folder()))
      if (entry.is_regular_file()) EXPECT_FALSE(content(entry.path()).contains(value)) << entry.path();
    for (const auto* kind : {"secrets", "resources", "events", "auditrecords", "releases", "deployments"})
      EXPECT_FALSE(fleet().qleet({"get", kind, "-o", "json"}).out.contains(value)) << kind;
    for (const auto& command : std::vector<std::vector<std::string>>{
             {"describe", "app", "shop"}, {"diff", "shop"}, {"secret", "list", "-o", "yaml"}, {"plan", file}})
      EXPECT_FALSE(fleet().qleet(command).out.contains(value)) << command[0];
  }
  fleet().qleet({"delete", "app", "calm"});
  EXPECT_EQ(fleet().qleet({"secret", "rm", "other", "--force"}).exit, 0);
}

}  // namespace
}  // namespace qleet::test
