// The disk of the hub, or of an agent, is full: what runs goes on, reading goes on, it is said what is wrong,
// and all heals when there is room again.
#include <fstream>
#include <optional>

#include "tests/e2e/noop_fleet.h"
#include "tests/support/small_disk.h"

namespace qleet::test {
namespace {

// Both folders are small file systems, made before anything starts.
class FullDisk : public NoopFleet {
 protected:
  FullDisk() : FullDisk(std::make_shared<Disks>()) {}
  void SetUp() override {
    // Loud: this machine cannot show what this test is for.
    if (!disks_->hub->mounted())
      GTEST_SKIP() << "NOT TESTED: cannot mount a small tmpfs: " << disks_->hub->reason();
    fleet.add_agent({.name = "local-1"});
    fleet.apply(cart());
    ASSERT_TRUE(settled());
  }
  void TearDown() override {
    disks_->hub->make_room();
    disks_->agent->make_room();
    fleet.stop_agent("local-1");
    fleet.stop_hub();
  }
  struct Disks {
    std::optional<SmallDisk> hub, agent;
  };
  explicit FullDisk(std::shared_ptr<Disks> disks)
      : NoopFleet({.prepare =
                       [disks](const std::filesystem::path& folder) {
                         disks->hub.emplace(folder / "hub", "24m");
                         disks->agent.emplace(folder / "local-1", "12m");
                       }}),
        disks_(std::move(disks)) {}

  static std::string application(int number) {
    return "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: app-" + std::to_string(number) +
           "}\nspec:\n  workloads:\n    web:\n      score:\n        containers:\n          web: {image: "
           "\"registry.test/x:1\", "
           "variables: {LONG: \"" +
           std::string(20'000, 'v') + "\"}}\n";
  }
  std::string token() const {
    std::string token;
    std::ifstream(fleet.hub_state() / "admin-token") >> token;
    return token;
  }
  static std::string text(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  struct Answer {
    int status = 0;
    std::string body;
  };
  // Without the CLI, which does not show the status.
  Answer ask(const std::string& method, const std::string& path, const std::string& body = {}) const {
    std::vector<std::string> command{"curl", "-sk",
                                     "-X",   method,
                                     "-H",   "Authorization: Bearer " + token(),
                                     "-H",   "Content-Type: application/yaml",
                                     "-w",   "\n%{http_code}"};
    if (!body.empty()) command.insert(command.end(), {"--data-binary", body});
    command.push_back(fleet.url() + path);
    const auto ran = run(command);
    const auto line = ran.out.rfind('\n');
    if (line == std::string::npos) return {};
    return {std::atoi(ran.out.c_str() + line + 1), ran.out.substr(0, line)};
  }
  std::string condition(const std::string& type) const {
    for (const auto& one : fleet.get("agents", "local-1")["status.conditions"].items())
      if (one["type"].str() == type) return one["status"].str() + " " + one["reason"].str();
    return "none";
  }
  std::string agent_state() const { return fleet.get("agents", "local-1")["status.state"].str(); }
  void expect_untouched(const std::map<std::string, Made>& before) const {
    const auto now = world();
    for (const auto& [name, made] : before) {
      ASSERT_TRUE(now.contains(name)) << name;
      EXPECT_EQ(now.at(name).changes, made.changes) << name;
    }
  }

  std::shared_ptr<Disks> disks_;
};

TEST_F(FullDisk, OfTheHub) {
  const auto before = world();
  const auto watched = fleet.folder() / "watch.log";
  const Child watch(
      {"curl", "-skN", "-H", "Authorization: Bearer " + token(), fleet.url() + "/v1/applications?watch=true"},
      watched);
  disks_->hub->fill();
  std::vector<std::string> taken;
  Answer refused;
  for (int i = 0; i < 200 && refused.status == 0; ++i) {
    const auto answer = ask("POST", "/v1/apply", application(i));
    if (answer.status == 200) {
      taken.push_back("app-" + std::to_string(i));
    } else {
      refused = answer;
    }
  }
  EXPECT_EQ(refused.status, 507) << refused.body;
  EXPECT_NE(refused.body.find("\"code\":\"StorageFull\""), std::string::npos) << refused.body;
  EXPECT_NE(refused.body.find("the disk is full: free or add space"), std::string::npos) << refused.body;

  // It says so; reading, heartbeats and what runs go on; for more than the three beats that an agent may
  // miss.
  const auto ready = ask("GET", "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.body.find("store: store "), std::string::npos) << ready.body;
  EXPECT_FALSE(until([&] { return agent_state() != "Connected"; }, 4s));
  EXPECT_EQ(fleet.list("apps").size(), taken.size() + 1);
  expect_untouched(before);

  // Writing heals; a watch that was open all along shows what comes.
  disks_->hub->make_room();
  ASSERT_TRUE(until([&] { return ask("POST", "/v1/apply", application(999)).status == 200; }, 10s));
  taken.emplace_back("app-999");
  EXPECT_TRUE(until([&] { return text(watched).find("app-999") != std::string::npos; }, 10s))
      << text(watched);
  disks_->hub->fill();

  // A hub that is killed now starts again, and an agent too.
  fleet.kill_hub();
  fleet.launch_hub();
  ASSERT_TRUE(until([&] { return ask("GET", "/v1/applications/cart").status == 200; }, 30s)) << fleet.logs();
  fleet.kill_agent("local-1");
  fleet.start_agent("local-1");
  EXPECT_EQ(fleet.list("apps").size(), taken.size() + 1);
  expect_untouched(before);

  disks_->hub->make_room();
  ASSERT_TRUE(until([&] { return ask("GET", "/readyz").status == 200; }, 10s)) << ask("GET", "/readyz").body;
  fleet.apply(application(1'000));
  for (const auto& name : taken) EXPECT_FALSE(fleet.get("apps", name).null()) << name;
  EXPECT_TRUE(settled()) << fleet.unsettled();
  expect_untouched(before);
}

TEST_F(FullDisk, OfAnAgent) {
  const auto before = world();
  disks_->agent->fill();
  for (int i = 0; i < 20; ++i) fleet.apply(application(i));
  ASSERT_TRUE(until([&] { return condition("Working") == "False JournalUnwritable"; }, 30s))
      << condition("Working");
  EXPECT_FALSE(until([&] { return agent_state() != "Connected"; }, 4s));
  expect_untouched(before);

  disks_->agent->make_room();
  ASSERT_TRUE(until([&] { return condition("Working") == "True JournalWritable"; }, 10s))
      << condition("Working");
  EXPECT_TRUE(settled()) << fleet.unsettled();
  expect_untouched(before);
}

}  // namespace
}  // namespace qleet::test
