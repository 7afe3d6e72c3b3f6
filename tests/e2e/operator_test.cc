// What somebody does who looks after a fleet: sees whether everything is up, lists, edits, cordons, logs in,
// and has it all watched by Prometheus.
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "tests/e2e/noop_fleet.h"

namespace qleet::test {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Operator : public NoopFleet {
 protected:
  Operator() : NoopFleet({.agent_arguments = {"--metrics-listen", "127.0.0.1:0"}}) {}

  // An editor that does this with the file, $1.
  Environment editor(const std::string& script) const {
    const auto path = fleet.folder() / "editor";
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    ::chmod(path.c_str(), 0700);
    return {{"EDITOR", path}};
  }
  std::string admin_token() const {
    auto token = content(fleet.hub_state() / "admin-token");
    token.pop_back();
    return token;
  }
  // What the hub answers; with a body it is sent there.
  std::string as_admin(const std::string& path, const std::string& body = {}) const {
    std::vector<std::string> command{"curl",
                                     "-fsS",
                                     "--cacert",
                                     fleet.hub_state() / "tls/ca.pem",
                                     "-H",
                                     "Authorization: Bearer " + admin_token(),
                                     fleet.url() + path};
    if (!body.empty()) command.insert(command.end(), {"-d", body});
    const auto answer = run(command);
    EXPECT_EQ(answer.exit, 0) << path << ": " << answer.err;
    return answer.out;
  }
  std::string cordoned() const { return fleet.get("regions", "local-1")["spec.cordoned"].str(); }
};

TEST_F(Operator, AsksWhetherEverythingIsUp) {
  const auto nothing = fleet.qleet({"status"});
  EXPECT_EQ(nothing.exit, 0) << nothing.err;
  EXPECT_TRUE(nothing.out.starts_with("everything is up\n\nhub            ready  ")) << nothing.out;

  fleet.add_agent({.name = "local-1"});
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto well = fleet.qleet({"status"});
  EXPECT_EQ(well.exit, 0) << well.out << well.err;
  EXPECT_TRUE(
      well.out.contains("regions        1 of 1 served\nagents         1 Connected\napplications   1 Ready\n"))
      << well.out;
  const auto json = fleet.json({"status", "-o", "json"});
  EXPECT_TRUE(json["well"].truth());
  EXPECT_EQ(json["agents.Connected"].number(), 1);

  ASSERT_EQ(fleet.qleet({"cordon", "local-1"}).exit, 0);
  const auto warned = fleet.qleet({"status"});
  EXPECT_EQ(warned.exit, 0) << "a warning is no problem";
  EXPECT_TRUE(
      warned.out.contains("Warnings\n! region/local-1\n    it is cordoned: it takes nothing new\n"
                          "    To repair: qleet uncordon local-1\n"))
      << warned.out;

  fleet.kill_agent("local-1");
  ASSERT_TRUE(until([&] { return fleet.qleet({"status"}).exit == 1; }));
  const auto lost = fleet.qleet({"status"});
  EXPECT_TRUE(lost.out.contains("Not well\n")) << lost.out;
  EXPECT_TRUE(lost.out.contains("✖ agent/local-1  Lost\n    region local-1 is not looked after")) << lost.out;
  EXPECT_TRUE(lost.out.contains("✖ deployment/shop.default")) << lost.out;
  EXPECT_TRUE(fleet.qleet({"status", "-o", "name"}).out.contains("Agent/local-1\n"));
  EXPECT_EQ(fleet.qleet({"status", "-o", "jsonpath={.agents.Lost}"}).out, "1\n");
}

TEST_F(Operator, WhatNamesPrintsGoesIntoOtherCommands) {
  fleet.add_agent({.name = "local-1"});
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  for (const std::string kind :
       {"apps", "envs", "regions", "agents", "releases", "deployments", "resources"}) {
    std::istringstream names(fleet.qleet({"get", kind, "-o", "name"}).out);
    std::string name;
    while (names >> name) {
      const auto got = fleet.qleet({"get", name, "-o", "name"});
      EXPECT_EQ(got.out, name + "\n") << got.err;
      EXPECT_EQ(fleet.qleet({"describe", name}).exit, 0) << name;
    }
  }
  const auto both = fleet.qleet({"get", "app/shop", "env/default"});
  EXPECT_EQ(both.exit, 0) << both.err;
  EXPECT_TRUE(std::regex_search(
      both.out, std::regex("^NAME +STATE +READY +RESTARTS +RELEASE +ENVIRONMENTS +AGE\nshop ")))
      << both.out;
  EXPECT_TRUE(both.out.contains("\n\nNAME      REGIONS   BUILDS")) << both.out;
  EXPECT_EQ(fleet.qleet({"get", "apps,regions", "-o", "name"}).out, "applications/shop\nregions/local-1\n");
  EXPECT_EQ(fleet.qleet({"get", "apps", "-o", "jsonpath={.items[*].metadata.name}"}).out, "shop\n");
  EXPECT_EQ(fleet.qleet({"get", "app", "shop", "-o", "jsonpath={.metadata.name}{\"!\"}"}).out, "shop!\n");
  EXPECT_EQ(fleet.qleet({"get", "apps", "-o", "custom-columns=WHO:.metadata.name,WHAT:.kind"}).out,
            "WHO    WHAT\nshop   Application\n");

  fleet.apply(cart());
  EXPECT_EQ(fleet.qleet({"get", "apps", "-o", "name", "--sort-by", ".metadata.name"}).out,
            "applications/cart\napplications/shop\n");
  EXPECT_EQ(fleet.qleet({"get", "apps", "-o", "name", "--sort-by", "{.metadata.creationTimestamp}"}).out,
            "applications/shop\napplications/cart\n");
  const auto deleted = fleet.qleet({"delete", "applications/cart", "-o", "name"});
  EXPECT_EQ(deleted.out, "application/cart\n") << deleted.err;
}

TEST_F(Operator, DeletesWhatASelectorMatches) {
  for (const std::string name : {"one", "two", "other"})
    fleet.apply("apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: " + name +
                ", labels: {tier: " + (name == "other" ? "prod" : "test") + "}}\n");
  const auto none = fleet.qleet({"delete", "regions", "-l", "tier=nothing"});
  EXPECT_EQ(none.exit, 0);
  EXPECT_EQ(none.err, "no regions with tier=nothing\n");
  const auto both = fleet.qleet({"delete", "regions", "-l", "tier=test"});
  EXPECT_EQ(both.exit, 0) << both.err;
  EXPECT_EQ(fleet.qleet({"get", "regions", "-o", "name"}).out, "regions/other\n");
  EXPECT_EQ(fleet.qleet({"delete", "regions", "other", "-l", "tier=prod"}).exit, 8);
}

TEST_F(Operator, CordonsAndUncordons) {
  fleet.add_agent({.name = "local-1"});
  const auto shown = [&] { return fleet.qleet({"get", "regions"}).out; };
  EXPECT_TRUE(std::regex_search(shown(), std::regex("local-1 +local-1 +Connected +[0-9.]+ +all ")))
      << shown();
  EXPECT_EQ(fleet.qleet({"cordon", "local-1"}).out,
            "region/local-1  cordoned: takes nothing new; what runs goes on\n");
  EXPECT_EQ(cordoned(), "true");
  EXPECT_TRUE(shown().contains("nothing new (cordoned)")) << shown();
  EXPECT_EQ(fleet.qleet({"cordon", "local-1"}).out, "region/local-1  unchanged: it is cordoned\n");
  EXPECT_EQ(fleet.qleet({"uncordon", "local-1"}).out, "region/local-1  takes new things again\n");
  EXPECT_NE(cordoned(), "true");
  EXPECT_EQ(fleet.qleet({"cordon", "nowhere"}).exit, 3);
}

TEST_F(Operator, EditsInAnEditor) {
  fleet.apply("apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: local-1}\n");
  const auto same = fleet.qleet({"edit", "region/local-1"}, "", editor("exit 0"));
  EXPECT_EQ(same.exit, 0) << same.err;
  EXPECT_EQ(same.out, "reg/local-1  unchanged: nothing was edited\n");

  const auto changed =
      fleet.qleet({"edit", "region", "local-1"}, "", editor(R"(printf 'spec: {cordoned: true}\n' >> "$1")"));
  EXPECT_EQ(changed.exit, 0) << changed.err;
  EXPECT_EQ(changed.out, "reg/local-1  configured\n");
  EXPECT_EQ(cordoned(), "true");

  // The first try is refused; the second opens with the reason above it, and is taken.
  const auto repaired = fleet.qleet(
      {"edit", "region/local-1"}, "",
      editor(
          R"(cp "$1" ")" + (fleet.folder() / "opened").string() +
          R"("; if grep -q 'was not taken' "$1"; then sed -i s/cordonned/cordoned/ "$1"; else sed -i 's/cordoned: true/cordonned: false/' "$1"; fi)"));
  EXPECT_EQ(repaired.exit, 0) << repaired.err;
  EXPECT_TRUE(content(fleet.folder() / "opened").contains("did you mean \"cordoned\"?"))
      << content(fleet.folder() / "opened");
  EXPECT_NE(cordoned(), "true");

  // Refused twice with the same text: it ends, and what was written is not lost.
  const auto refused = fleet.qleet({"edit", "region/local-1"}, "",
                                   editor(R"(sed -i '/^spec/,$d' "$1"; echo 'spec: {x: 1}' >> "$1")"));
  EXPECT_EQ(refused.exit, 8) << refused.out;
  std::smatch kept;
  ASSERT_TRUE(
      std::regex_search(refused.err, kept, std::regex("nothing was changed; what you wrote is in (\\S+)")))
      << refused.err;
  EXPECT_TRUE(content(kept[1].str()).contains("spec: {x: 1}"));
  fs::remove(kept[1].str());

  // Somebody else is faster.
  const auto raced = fleet.qleet(
      {"edit", "region/local-1"}, "",
      editor(std::string(QLEET_BIN) + R"(/qleet cordon local-1 >/dev/null; printf '# mine\n' >> "$1")"));
  EXPECT_EQ(raced.exit, 4) << raced.out << raced.err;
  EXPECT_EQ(cordoned(), "true") << "what the other one did stays";
  ASSERT_TRUE(std::regex_search(raced.err, kept, std::regex("what you wrote is in (\\S+)"))) << raced.err;
  fs::remove(kept[1].str());

  EXPECT_EQ(fleet.qleet({"edit", "deployment/x"}).exit, 5);
}

TEST_F(Operator, LogsIn) {
  const auto made = as_admin("/v1/serviceaccounts/alice/tokens", R"({"role":"viewer"})");
  const auto token = Json::parse(made)["token"].str() + "\n";
  const auto config = fleet.folder() / "alice.yaml";
  const Environment alice{{"QLEET_CONFIG", config}, {"QLEET_HUB", ""}, {"QLEET_TOKEN", ""}, {"QLEET_CA", ""}};
  const auto ca = fleet.hub_state() / "tls/ca.pem";
  const auto wrong = fleet.qleet({"login", fleet.url(), "--ca", ca}, "qlt_nonsense\n", alice);
  EXPECT_EQ(wrong.exit, 5) << wrong.out;
  EXPECT_FALSE(fs::exists(config)) << "a token that is not good is not kept";
  const auto untrusted = fleet.qleet({"login", fleet.url()}, token, alice);
  EXPECT_EQ(untrusted.exit, 5) << untrusted.out;
  EXPECT_TRUE(untrusted.err.contains("--ca-fingerprint")) << untrusted.err;

  const auto fingerprint =
      fleet.json({"agent", "join-token", "--region", "x", "-o", "json"})["caFingerprint"].str();
  const auto in =
      fleet.qleet({"login", fleet.url(), "--ca-fingerprint", fingerprint, "--name", "work"}, token, alice);
  EXPECT_EQ(in.exit, 0) << in.err;
  EXPECT_TRUE(in.out.ends_with(" as serviceaccount:alice (viewer); context \"work\" is the current one\n"))
      << in.out;
  struct stat status{};
  ASSERT_EQ(::stat(config.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);

  const auto who = fleet.qleet({"whoami"}, "", alice);
  EXPECT_EQ(who.exit, 0) << who.err;
  EXPECT_TRUE(
      who.out.starts_with("subject        serviceaccount:alice\nroles          viewer\napplications   all\n"))
      << who.out;
  EXPECT_EQ(fleet.qleet({"whoami", "-o", "jsonpath={.subject}"}, "", alice).out, "serviceaccount:alice\n");
  EXPECT_EQ(fleet.qleet({"cordon", "x"}, "", alice).exit, 3);
}

TEST_F(Operator, HasVersionsWithAndWithoutAHub) {
  const auto with = fleet.qleet({"version"});
  EXPECT_EQ(with.exit, 0);
  EXPECT_TRUE(std::regex_match(with.out, std::regex("qleet [0-9.]+\nhub   [0-9.]+  epoch \\S+\n")))
      << with.out;
  EXPECT_FALSE(fleet.json({"version", "-o", "json"})["hub.version"].str().empty());

  const auto without =
      fleet.qleet({"version"}, "", {{"QLEET_CONFIG", fleet.folder() / "none"}, {"QLEET_HUB", ""}});
  EXPECT_EQ(without.exit, 0);
  EXPECT_TRUE(std::regex_match(without.out, std::regex("qleet [0-9.]+\n"))) << without.out;
  EXPECT_TRUE(without.err.starts_with("hub   not reached: no hub is known")) << without.err;
  const auto away = fleet.qleet({"version", "-o", "json"}, "", {{"QLEET_HUB", "https://127.0.0.1:1"}});
  EXPECT_EQ(away.exit, 0);
  EXPECT_FALSE(Json::parse(away.out)["client.version"].str().empty()) << away.out;
}

TEST_F(Operator, WatchesWithAHeader) {
  fleet.apply("apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: one}\n");
  const auto log = fleet.folder() / "watch.log";
  Child watch({std::string(QLEET_BIN) + "/qleet", "get", "regions", "-w"}, log,
              {{"QLEET_HUB", fleet.url()},
               {"QLEET_CA", fleet.hub_state() / "tls/ca.pem"},
               {"QLEET_TOKEN", admin_token()}});
  ASSERT_TRUE(until([&] { return content(log).contains("\none "); })) << content(log);
  fleet.apply("apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: two}\n");
  ASSERT_TRUE(until([&] { return content(log).contains("\ntwo "); })) << content(log);
  ASSERT_EQ(fleet.qleet({"delete", "region/two"}).exit, 0);
  ASSERT_TRUE(until([&] { return content(log).contains("(gone)"); })) << content(log);
  const auto seen = content(log);
  EXPECT_TRUE(seen.starts_with("NAME   AGENT   STATE")) << seen;
  EXPECT_EQ(seen.find("NAME"), seen.rfind("NAME")) << seen;
  EXPECT_EQ(seen.find("\none "), seen.rfind("\none ")) << "what is there is told once: " << seen;
}

TEST_F(Operator, SeesDiffsInColourOnATerminalAlone) {
  fleet.add_agent({.name = "local-1"});
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  (void)fleet.json({"build", "notify", "--image", build("main-2", '2'), "-o", "json"});
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 2); }));
  const auto plain = fleet.qleet({"diff", "shop"});
  EXPECT_TRUE(plain.out.contains("\n  ~ workloads.web.score.containers.web.image: ")) << plain.out;
  EXPECT_FALSE(plain.out.contains('\x1b')) << plain.out;
  const auto on_terminal = [&](const std::string& setting) {
    return run({"env", "-u", "NO_COLOR", "TERM=xterm", setting, "script", "-qec",
                std::string(QLEET_BIN) + "/qleet diff shop", "/dev/null"},
               {{"QLEET_CONFIG", fleet.folder() / "config.yaml"}})
        .out;
  };
  const auto coloured = on_terminal("X=1");
  EXPECT_TRUE(coloured.contains("\n\x1b[33m  ~ workloads.web")) << coloured;
  EXPECT_FALSE(on_terminal("NO_COLOR=1").contains('\x1b'));

  const auto history = fleet.qleet({"history", "shop"}).out;
  EXPECT_TRUE(history.contains("registry.test/shop/web:main-2@sha256:222222222222\n")) << history;
  EXPECT_TRUE(history.contains("registry.test/shop/web:main-1")) << "of every release: " << history;
}

// Both machines are called the same.
TEST_F(Operator, TheJoinLineWorksForASecondHost) {
  const auto join = [&](const std::string& region, const std::string& state) {
    auto line = fleet
                    .qleet({"agent", "join-token", "--region", region, "--label", "tier=prod", "--label",
                            "geo=" + region})
                    .out;
    const std::string installing = "./install agent ";
    EXPECT_TRUE(line.starts_with(installing)) << line;
    // What packaging/install hands on; packaging/test runs the whole line.
    line = std::string(QLEET_BIN) + "/qleet-agent enrol " +
           line.substr(installing.size(), line.find('\n') - installing.size());
    return run({"sh", "-c", line + " --state " + (fleet.folder() / state).string()});
  };
  const auto first = join("eu", "host-1");
  EXPECT_EQ(first.exit, 0) << first.err;
  const auto second = join("us", "host-2");
  EXPECT_EQ(second.exit, 0) << second.err;
  EXPECT_EQ(fleet.qleet({"get", "agents", "-o", "name"}).out, "agents/eu\nagents/us\n");
  const auto labels = fleet.get("regions", "us")["metadata.labels"];
  EXPECT_EQ(labels["tier"].str(), "prod");
  EXPECT_EQ(labels["geo"].str(), "us");
}

// Names of metrics in a text, without what histograms append.
std::set<std::string> metrics_in(const std::string& text) {
  std::set<std::string> names;
  const std::regex name("qleet_(hub|agent)_[a-z_]+");
  for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it)
    names.insert(std::regex_replace(it->str(), std::regex("_(bucket|sum|count)$"), ""));
  return names;
}

TEST_F(Operator, IsAlertedByMetricsThatExist) {
  fleet.add_agent({.name = "local-1"});
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto hub = as_admin("/metrics");
  std::smatch port;
  const auto log = content(fleet.folder() / "local-1.log");
  ASSERT_TRUE(std::regex_search(log, port, std::regex("metrics.*port=\"?([0-9]+)"))) << log;
  const auto agent = run({"curl", "-fsS", "http://127.0.0.1:" + port[1].str() + "/metrics"});
  ASSERT_EQ(agent.exit, 0) << agent.err;

  const auto served = metrics_in(hub + agent.out);
  for (const std::string file : {"alerts.yaml", "grafana-dashboard.json"}) {
    const auto asked = metrics_in(content(fs::path(QLEET_TOP "/packaging/monitoring") / file));
    EXPECT_GT(asked.size(), 5U) << file;
    for (const auto& name : asked) EXPECT_TRUE(served.contains(name)) << file << " names " << name;
  }
  const auto documented = content(QLEET_TOP "/docs/operations/monitoring.md");
  for (const auto& name : served) EXPECT_TRUE(documented.contains(name)) << name << " is not documented";
  const auto has = [](const std::string& text, const std::string& line) {
    EXPECT_TRUE(("\n" + text).contains("\n" + line + "\n")) << line << " is not in\n" << text;
  };
  has(hub, "qleet_hub_applications{state=\"Ready\"} 1");
  has(hub, "qleet_hub_applications{state=\"Failed\"} 0");
  has(hub, "qleet_hub_deployments{state=\"Ready\"} 1");
  has(hub, "qleet_hub_agents{state=\"Connected\"} 1");
  has(hub, "qleet_hub_regions_served 1");
  has(agent.out, "qleet_agent_bus_connected 1");
  has(agent.out, "qleet_agent_resources{state=\"Stalled\"} 0");
  EXPECT_TRUE(std::regex_search(agent.out, std::regex("qleet_agent_resources\\{state=\"Ready\"\\} [1-9]")))
      << agent.out;
  EXPECT_TRUE(std::regex_search(
      agent.out, std::regex("qleet_agent_step_seconds_count\\{provider=\"noop\",step=\"apply\"\\} [1-9]")))
      << agent.out;
  EXPECT_TRUE(std::regex_search(agent.out, std::regex("qleet_agent_certificate_days 2[0-9]"))) << agent.out;
  EXPECT_TRUE(std::regex_search(hub, std::regex("qleet_hub_store_commit_seconds_count [1-9]"))) << hub;
  // Prometheus can read both; of names promtool has opinions (3), which are no errors.
  for (const auto& text : {hub, agent.out}) {
    const auto checked =
        run({"sh", "-c", "command -v promtool >/dev/null || exit 0; promtool check metrics"}, {}, text);
    EXPECT_TRUE(checked.exit == 0 || checked.exit == 3) << checked.err << text;
  }
}

}  // namespace
}  // namespace qleet::test
