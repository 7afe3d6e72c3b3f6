// A hub that lost what it knew deletes nothing; an agent that is no longer trusted reaches nothing.
#include <filesystem>

#include "tests/e2e/noop_fleet.h"

namespace qleet::test {
namespace {

namespace fs = std::filesystem;

class Recovery : public NoopFleet {
 protected:
  Recovery() { fleet.add_agent({.name = "local-1"}); }
  Ran hub(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), QLEET_BIN "/qleet-hub");
    return run(arguments);
  }
  // For a few heartbeats nothing of `before` goes, nor is changed.
  void expect_untouched(const std::map<std::string, Made>& before) const {
    const auto changed = [&] {
      const auto now = world();
      for (const auto& [name, made] : before) {
        const auto found = now.find(name);
        if (found == now.end() || found->second.changes != made.changes) {
          ADD_FAILURE() << name << (found == now.end() ? " is gone" : " was changed");
          return true;
        }
      }
      return false;
    };
    (void)until(changed, 4s);
  }
};

TEST_F(Recovery, AHubFromAnOlderBackupDeletesNothing) {
  fleet.apply(cart());
  ASSERT_TRUE(settled());
  const auto saved = hub({"backup", "--state", fleet.hub_state(), fleet.folder() / "backup"});
  ASSERT_EQ(saved.exit, 0) << saved.err;
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto before = world();

  fleet.stop_hub();
  fs::rename(fleet.hub_state() / "store", fleet.folder() / "lost-store");
  const auto restored = hub({"restore", "--state", fleet.hub_state(), fleet.folder() / "backup"});
  ASSERT_EQ(restored.exit, 0) << restored.err;
  fleet.start_hub();
  ASSERT_TRUE(
      until([&] { return fleet.get("agents", "local-1")["status.state"].str() == "Connected"; }, 40s));
  EXPECT_TRUE(fleet.get("apps", "shop").null());
  expect_untouched(before);
  // They are named, not deleted.
  ASSERT_TRUE(until([&] {
    for (const auto& name : fleet.get("agents", "local-1")["status.unclaimed"].items())
      if (name.str() == "local-1.default.shop.workload.web") return true;
    return false;
  })) << fleet.get("agents", "local-1").dump();

  // It works with the agent again; what is applied again takes over what is there.
  fleet.apply(shop());
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 1); }, 30s));
  ASSERT_TRUE(settled());
  for (const auto& [name, made] : world()) EXPECT_EQ(made.changes, before.at(name).changes) << name;
  EXPECT_EQ(fleet.qleet({"delete", "app", "shop", "cart"}).exit, 0);
  EXPECT_TRUE(empty());
}

TEST_F(Recovery, TheSameBackupCanBeRestoredAgain) {
  fleet.apply(cart());
  ASSERT_TRUE(settled());
  const auto saved = hub({"backup", "--state", fleet.hub_state(), fleet.folder() / "backup"});
  ASSERT_EQ(saved.exit, 0) << saved.err;
  const auto before = world();
  std::string epoch;
  for (const char* lost : {"lost-1", "lost-2"}) {
    fleet.stop_hub();
    fs::rename(fleet.hub_state() / "store", fleet.folder() / lost);
    const auto restored = hub({"restore", "--state", fleet.hub_state(), fleet.folder() / "backup"});
    ASSERT_EQ(restored.exit, 0) << restored.err;
    fleet.start_hub();
    ASSERT_TRUE(until(
        [&] {
          const auto agent = fleet.get("agents", "local-1");
          return agent["status.state"].str() == "Connected" && agent["status.epoch"].str() != epoch &&
                 agent.dump().find("EpochRefused") == std::string::npos;
        },
        40s))
        << fleet.get("agents", "local-1").dump();
    ASSERT_TRUE(settled());
    epoch = fleet.get("agents", "local-1")["status.epoch"].str();
    expect_untouched(before);
  }
  // One whose place was taken does not come back by itself; ordered on the agent's host, it is followed.
  fleet.stop_hub();
  fs::rename(fleet.hub_state() / "store", fleet.folder() / "lost-3");
  fs::rename(fleet.folder() / "lost-2", fleet.hub_state() / "store");
  fleet.start_hub();
  const auto refused = [&] {
    return fleet.get("agents", "local-1").dump().find("qleet-agent") != std::string::npos ||
           fleet.get("agents", "local-1").dump().find("EpochRefused") != std::string::npos;
  };
  ASSERT_TRUE(until(refused, 40s)) << fleet.get("agents", "local-1").dump();
  const std::string text = fleet.get("agents", "local-1").dump();
  const auto at = text.find("the hub's store has epoch ");
  ASSERT_NE(at, std::string::npos) << text;
  const std::string theirs = text.substr(at + 26, 32);
  const auto order = [&] {
    return run({QLEET_BIN "/qleet-agent", "accept-epoch", "--state", fleet.agent_state("local-1"), theirs});
  };
  EXPECT_NE(order().exit, 0) << "while the agent runs";
  fleet.stop_agent("local-1");
  const auto ordered = order();
  ASSERT_EQ(ordered.exit, 0) << ordered.err;
  fleet.start_agent("local-1");
  ASSERT_TRUE(settled());
  expect_untouched(before);
}

TEST_F(Recovery, FilesThatWereCutOffAreNamed) {
  fleet.apply(cart());
  ASSERT_TRUE(settled());
  fleet.stop_agent("local-1");
  fleet.stop_hub();
  const auto cut = [](const fs::path& file) { fs::resize_file(file, fs::file_size(file) / 8192 * 4096); };
  const auto journal = fleet.agent_state("local-1") / "journal/data.mdb";
  const auto store = fleet.hub_state() / "store/data.mdb";
  cut(journal);
  cut(store);
  const auto agent = run({QLEET_BIN "/qleet-agent", "run", "--engine", "none", "--with-noop", "--state",
                          fleet.agent_state("local-1")});
  EXPECT_EQ(agent.exit, 1);
  EXPECT_NE(agent.err.find(journal.string()), std::string::npos) << agent.err;
  EXPECT_NE(agent.err.find("cut off"), std::string::npos) << agent.err;
  const auto served = hub({"serve", "--state", fleet.hub_state()});
  EXPECT_EQ(served.exit, 1);
  EXPECT_NE(served.err.find(store.string()), std::string::npos) << served.err;
  EXPECT_NE(served.err.find("restore a backup"), std::string::npos) << served.err;
}

TEST_F(Recovery, ACopyOfAnAgentIsNoticedAndOneOfTheTwoIsCutOff) {
  fleet.apply(cart());
  ASSERT_TRUE(settled());
  const auto state = fleet.folder() / "copy";
  ASSERT_EQ(run({QLEET_BIN "/qleet-agent", "backup", "--state", fleet.agent_state("local-1"), state}).exit,
            0);
  Child copy({QLEET_BIN "/qleet-agent", "run", "--state", state, "--heartbeat-ms", "500", "--engine", "none",
              "--noop-world", fleet.folder() / "copy.world"},
             fleet.folder() / "copy.log");
  ASSERT_TRUE(until(
      [&] { return fleet.get("agents", "local-1").dump().find("CopiesRunning") != std::string::npos; }, 60s))
      << fleet.get("agents", "local-1").dump();
  bool told = false;
  for (const auto& event : fleet.list("events"))
    told = told || event.dump().find("CopiesRunning") != std::string::npos;
  EXPECT_TRUE(told);
  // The one that was started first, which made everything, is told to do nothing; and nothing of it goes.
  const auto log = [&] { return fleet.logs().find("this one does nothing") != std::string::npos; };
  EXPECT_TRUE(until(log, 30s)) << fleet.logs();
  EXPECT_FALSE(world().empty());
  copy.stop();
}

// The machine of the hub is lost with all that was on it; agents are not enrolled again.
TEST_F(Recovery, AHubThatIsRestoredElsewhereIsKnownToItsAgents) {
  fleet.apply(cart());
  ASSERT_TRUE(settled());
  const auto before = world();
  const auto saved = hub({"backup", "--state", fleet.hub_state(), fleet.folder() / "backup"});
  ASSERT_EQ(saved.exit, 0) << saved.err;
  for (const auto& entry : fs::recursive_directory_iterator(fleet.folder() / "backup")) {
    const auto others = fs::perms::group_all | fs::perms::others_all;
    if (entry.is_regular_file())
      EXPECT_EQ(fs::status(entry).permissions() & others, fs::perms::none) << entry.path();
  }
  fleet.stop_hub();
  fs::rename(fleet.hub_state(), fleet.folder() / "lost-hub");
  const auto restored = hub({"restore", "--state", fleet.hub_state(), fleet.folder() / "backup"});
  ASSERT_EQ(restored.exit, 0) << restored.err;
  fleet.start_hub();
  ASSERT_TRUE(
      until([&] { return fleet.get("agents", "local-1")["status.state"].str() == "Connected"; }, 40s));
  ASSERT_TRUE(settled());
  expect_untouched(before);
  fleet.apply(shop());
  EXPECT_TRUE(settled());
}

// The agent's machine lost its folder: with a backup of it, generated passwords are the old ones.
TEST_F(Recovery, AnAgentFromABackupMakesNoSecretAnew) {
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto before = world();
  const auto agent = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), QLEET_BIN "/qleet-agent");
    return run(arguments);
  };
  const auto saved =
      agent({"backup", "--state", fleet.agent_state("local-1"), fleet.folder() / "agent-backup"});
  ASSERT_EQ(saved.exit, 0) << saved.err;
  fleet.stop_agent("local-1");
  EXPECT_EQ(agent({"restore", "--state", fleet.agent_state("local-1"), fleet.folder() / "agent-backup"}).exit,
            1)
      << "over one that is there";
  fs::rename(fleet.agent_state("local-1"), fleet.folder() / "lost-agent");
  const auto restored =
      agent({"restore", "--state", fleet.agent_state("local-1"), fleet.folder() / "agent-backup"});
  ASSERT_EQ(restored.exit, 0) << restored.err;
  fleet.start_agent("local-1");
  ASSERT_TRUE(settled());
  expect_untouched(before);
}

TEST_F(Recovery, AHubWithAnEmptyStoreDeletesNothing) {
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto before = world();
  fleet.stop_hub();
  fs::rename(fleet.hub_state() / "store", fleet.folder() / "lost-store");
  fs::remove(fleet.hub_state() / "admin-token");
  fleet.start_hub();
  EXPECT_EQ(
      fleet.qleet({"context", "set", "test", "--token-file", (fleet.hub_state() / "admin-token").string()})
          .exit,
      0);
  expect_untouched(before);
  // Nor after an application of the new store has come and gone in that region's name.
  EXPECT_TRUE(fleet.list("apps").empty());
  fleet.kill_agent("local-1");
  fleet.start_agent("local-1");
  expect_untouched(before);
}

TEST_F(Recovery, ARevokedAgentIsCutOff) {
  fleet.apply(cart());
  ASSERT_TRUE(settled());
  const auto before = world();
  const auto revoked = fleet.qleet({"agent", "revoke", "local-1"});
  EXPECT_EQ(revoked.exit, 0) << revoked.err;
  EXPECT_EQ(revoked.out, "agent/local-1  revoked: it is cut off now; what it runs goes on running\n");
  ASSERT_TRUE(until([&] { return fleet.get("agents", "local-1")["status.state"].str() == "Revoked"; }));
  ASSERT_TRUE(
      until([&] { return fleet.logs().find("refused by the hub; what runs goes on") != std::string::npos; }));
  fleet.apply(shop());
  expect_untouched(before);
  EXPECT_FALSE(world().contains("local-1.default.shop.workload.web"));

  // Neither after restarts of both.
  fleet.kill_hub();
  fleet.kill_agent("local-1");
  fleet.start_hub();
  fleet.start_agent("local-1");
  expect_untouched(before);
  EXPECT_FALSE(world().contains("local-1.default.shop.workload.web"));
  EXPECT_EQ(fleet.get("agents", "local-1")["status.state"].str(), "Revoked");
}

TEST_F(Recovery, AJoinTokenIsGoodForOneAgent) {
  const Json token = fleet.json({"agent", "join-token", "--region", "local-2", "-o", "json"});
  const auto enrol = [&](const std::string& name, const std::string& with, const std::string& fingerprint) {
    return run({QLEET_BIN "/qleet-agent", "enrol", "--state", fleet.folder() / ("x-" + name), "--hub",
                fleet.url(), "--name", name, "--token", with, "--ca-fingerprint", fingerprint});
  };
  const std::string fingerprint = token["caFingerprint"].str();
  EXPECT_EQ(enrol("a", token["token"].str(), std::string(64, '0')).exit, 1) << "another CA";
  EXPECT_EQ(enrol("a", "no-such-token", fingerprint).exit, 1);
  const auto first = enrol("a", token["token"].str(), fingerprint);
  EXPECT_EQ(first.exit, 0) << first.err;
  const auto second = enrol("b", token["token"].str(), fingerprint);
  EXPECT_EQ(second.exit, 1) << second.out;
}

}  // namespace
}  // namespace qleet::test
