// Two developers against each other, on real containers: everything that one may ask for, and what the other
// has meanwhile. From the beginning, after restarts of hub and agent, on a restored hub, and after a rename.
#include <fmt/format.h>

#include <algorithm>

#include "tests/e2e/tenants.h"

namespace qleet::test {
namespace {

struct Try {
  std::vector<std::string> resources;
  std::map<std::string, std::string> variables;
  std::vector<std::string> container;
  std::string refused_with;
};

std::string volume_from(const std::string& source) {
  return "volumes: [{source: \"" + source + "\", target: /d}]";
}

// Each on its own; none of it is taken.
std::vector<Try> what_is_refused() {
  std::vector<Try> tries;
  for (const std::string type : {"router", "postgres-server", "container-host"}) {
    tries.push_back({{"xx: {type: " + type + "}"}, {}, {}, "only other profiles may ask for it"});
    tries.push_back(
        {{"xx: {type: " + type + ", id: " + type + "}"}, {}, {}, "only other profiles may ask for it"});
  }
  tries.push_back(
      {{"xx: {type: router, params: {image: localhost/tenants/web:1}}"}, {}, {}, "only other profiles may"});
  const std::string image = "params: {image: localhost/tenants/web:1}";
  tries.push_back({{"xx: {type: redis, " + image + "}"}, {}, {}, "parameter \"image\" is the operator's"});
  tries.push_back(
      {{"xx: {type: redis, id: ours, " + image + "}"}, {}, {}, "parameter \"image\" is the operator's"});
  const auto route = [](const std::string& params) { return "xx: {type: route, params: {" + params + "}}"; };
  tries.push_back(
      {{route("host: ann.localhost")}, {}, {}, "is routed already, by application \"pay-ments\""});
  for (const std::string path : {"/login", "/file", "//", "/./"})
    tries.push_back({{route("host: ann.localhost, path: " + path)}, {}, {}, "application \"pay-ments\""});
  for (const std::string host : {"ANN.localhost", "ann.localhost."})
    tries.push_back({{route("host: " + host)}, {}, {}, "application \"pay-ments\""});
  tries.push_back({{route("host: Ann.LOCALHOST., path: /login")}, {}, {}, "application \"pay-ments\""});
  for (const std::string resource : {"{type: redis}", "{type: postgres, class: shared}"})
    for (const std::string output : {"host", "name", "password"})
      tries.push_back({{"xx: " + resource}, {}, {volume_from("${resources.xx." + output + "}")}, "volume"});
  for (const std::string output : {"size", "id", "mountpoint"})
    tries.push_back({{"xx: {type: volume}"}, {}, {volume_from("${resources.xx." + output + "}")}, "volume"});
  tries.push_back(
      {{"xx: {type: redis}"}, {}, {volume_from("${resources.xx}")}, "a volume's source has type volume"});
  // A plain name would be a volume of his own.
  for (const std::string source : {"/etc", "/", "../data", "${generated.password}"})
    tries.push_back({{}, {}, {volume_from(source)}, "must be a placeholder"});
  for (const std::string path : {"..", "../..", "a/../../b"})
    tries.push_back({{"xx: {type: volume}"},
                     {},
                     {"volumes: [{source: \"${resources.xx}\", target: /d, path: \"" + path + "\"}]"},
                     "path"});
  for (const std::string draws :
       {"${resources.db.password}", "${generated.password}", "${requires.server.password}", "${self.address}",
        "${resources.xx.nothing}", "${template.image}", "${params.score}"})
    tries.push_back({{"xx: {type: redis}"}, {{"X", draws}}, {}, draws + ": "});
  return tries;
}

void bob_tries_what_is_refused(void (*refused)(const Tenant&, const std::string&)) {
  for (const auto& one : what_is_refused()) {
    Tenant tenant{.name = "pay",
                  .page = "page of bob",
                  .resources = one.resources,
                  .variables = one.variables,
                  .container = one.container};
    refused(tenant, one.refused_with);
  }
}

struct Had {
  std::string type;
  std::string id;
};

class TenantsTest : public Tenants {
 protected:
  // Ids that Ann's resources have, and those that her names would give where names are joined. Not what she
  // shares.
  static std::vector<Had> ids_to_try() {
    std::vector<Had> out;
    for (const auto& name : fleet().resources()) {
      std::vector<std::string> parts;
      std::istringstream in(name);
      for (std::string part; parts.size() < 4 && std::getline(in, part, '.');) parts.push_back(part);
      std::string id;
      std::getline(in, id);
      if (parts.size() == 4 && (parts[3] == "redis" || parts[3] == "postgres" || parts[3] == "volume") &&
          id != "ours")
        out.push_back({parts[3], id});
    }
    for (const std::string id : {"ments-db", "ments.db", "pay-ments-db", "web-db", "db"})
      out.push_back({"postgres", id});
    for (const std::string id : {"web-cache", "ments-web-cache", "pay-ments-web-cache", "cache"})
      out.push_back({"redis", id});
    for (const std::string id : {"web-data", "ments-web-data", "pay-ments-web-data", "data", "ours-data"})
      out.push_back({"volume", id});
    return out;
  }

  static std::string asked(const Had& had) {
    return had.type == "postgres" ? "{type: postgres, class: shared, id: \"" + had.id + "\"}"
                                  : "{type: " + had.type + ", id: \"" + had.id + "\"}";
  }

  // Bob's application with all of them that are not refused; or with her names, without ids.
  static Tenant with_all_that_meet(bool by_id) {
    Tenant tenant = bobs();
    std::vector<std::string> mounts;
    int number = 0;
    const auto add = [&](const std::string& type, const std::string& alias, const std::string& what) {
      tenant.resources.push_back(alias + ": " + what);
      if (type == "volume") {
        mounts.push_back("{source: \"${resources." + alias + "}\", target: /" + alias + "}");
        return;
      }
      tenant.variables["HOST_" + alias] = "${resources." + alias + ".host}";
      tenant.variables["PASSWORD_" + alias] = "${resources." + alias + ".password}";
      if (type == "postgres") tenant.variables["NAME_" + alias] = "${resources." + alias + ".name}";
    };
    if (!by_id) {
      add("postgres", "db", "{type: postgres, class: shared}");
      add("redis", "cache", "{type: redis}");
      add("volume", "data", "{type: volume}");
    }
    std::vector<std::string> seen;
    for (const auto& had : by_id ? ids_to_try() : std::vector<Had>{}) {
      const auto what = asked(had);
      if (std::ranges::find(seen, what) != seen.end()) continue;
      seen.push_back(what);
      const auto planned = bob({"plan", "-"}, bobs({"xx: " + what}).yaml());
      if (planned.exit == 0) {
        EXPECT_EQ(planned.out.find("shares "), std::string::npos) << planned.out;
        add(had.type, "x" + std::to_string(++number), what);
      } else {
        EXPECT_EQ(planned.exit, 8) << what << planned.err;
        EXPECT_NE(planned.err.find("resources.xx"), std::string::npos) << planned.err;
      }
    }
    std::string line = "volumes: [";
    for (const auto& mount : mounts) line += (line.back() == '[' ? "" : ", ") + mount;
    tenant.container.push_back(line + "]");
    return tenant;
  }

  // What he gets is his alone, whatever it is called.
  void bob_asks_for_what_would_meet(bool by_id) {
    const auto tenant = with_all_that_meet(by_id);
    bob_has(tenant);
    if (HasFatalFailure()) return;
    ASSERT_TRUE(answers("bob.localhost", "/", "page of bob"));
    auto anns = anns_state();
    for (const auto& [variable, _] : tenant.variables) {
      const auto handed = handed_to("bob.localhost", variable);
      EXPECT_FALSE(handed.empty()) << variable;
      if (variable.starts_with("PASSWORD_")) {
        for (const char* own : {"DB_PASSWORD", "CACHE_PASSWORD", "OURS_PASSWORD"})
          EXPECT_NE(handed, anns[own]) << variable;
        const auto login = sql(anns["DB_HOST"], anns["DB_NAME"], handed, "select word from mark");
        EXPECT_NE(login.exit, 0) << variable;
        for (const std::string cache : {"CACHE", "OURS"})
          EXPECT_EQ(redis(anns[cache + "_HOST"], handed, {"get", "mark"}).find("key of ann"),
                    std::string::npos)
              << variable;
      }
      if (variable.starts_with("NAME_")) {
        EXPECT_NE(handed, anns["DB_NAME"]) << variable;
        // His own login does not lead into her database.
        const auto alias = variable.substr(5);
        const auto login = fleet().podman(
            agent, {"exec", "--env", "PGPASSWORD=" + handed_to("bob.localhost", "PASSWORD_" + alias),
                    postgres(), "psql", "-XAtqw", "-h", anns["DB_HOST"], "-U", handed, "-d", anns["DB_NAME"],
                    "-c", "select word from mark"});
        EXPECT_EQ(login.out.find("row of ann"), std::string::npos) << login.out;
      }
    }
    for (const auto& mount : tenant.resources) {
      if (!mount.contains("type: volume")) continue;
      const auto alias = mount.substr(0, mount.find(':'));
      EXPECT_EQ(http_get(port(), "bob.localhost", "/file/" + alias + "/mark").status, 404) << mount;
    }
    EXPECT_TRUE(untouched());
    bob_leaves();
    EXPECT_TRUE(untouched());
  }

  static std::string postgres() {
    for (const auto& name : containers())
      if (name.contains("postgres")) return name;
    return "";
  }

  void bob_tries_everything() {
    bob_tries_what_is_refused(&TenantsTest::refused);
    EXPECT_TRUE(untouched());
    bob_asks_for_what_would_meet(false);
    bob_asks_for_what_would_meet(true);
  }

  static bool agent_connected() {
    return until([] { return fleet().get("agents", agent)["status.state"].str() == "Connected"; }, 60s);
  }
};

TEST_F(TenantsTest, HaveNothingOfEachOther) { bob_tries_everything(); }

TEST_F(TenantsTest, HaveNothingOfEachOtherAfterRestarts) {
  bob_has(bobs({"cache: {type: redis}"}));
  fleet().kill_hub();
  fleet().kill_agent(agent);
  fleet().start_hub();
  fleet().start_agent(agent);
  ASSERT_TRUE(agent_connected());
  ASSERT_TRUE(settled());
  EXPECT_TRUE(untouched());
  bob_leaves();
  bob_tries_everything();
}

TEST_F(TenantsTest, HaveNothingOfEachOtherOnARestoredHub) {
  const auto hub = [](const std::string& what) {
    const auto done = run({QLEET_BIN "/qleet-hub", what, "--state", fleet().hub_state().string(),
                           (fleet().folder() / "backup").string()});
    EXPECT_EQ(done.exit, 0) << done.err;
  };
  hub("backup");
  // The restored hub knows nothing of it.
  bob_has(bobs({"cache: {type: redis}", "db: {type: postgres, class: shared, id: ments-db}"}));
  fleet().stop_hub();
  std::filesystem::rename(fleet().hub_state() / "store", fleet().folder() / "lost-store");
  hub("restore");
  fleet().start_hub();
  ASSERT_TRUE(agent_connected());
  ASSERT_TRUE(settled());
  EXPECT_TRUE(untouched());
  EXPECT_TRUE(fleet().get("apps", "pay").null());
  bob_tries_everything();
  std::filesystem::remove_all(fleet().folder() / "lost-store");
  std::filesystem::remove_all(fleet().folder() / "backup");
}

TEST_F(TenantsTest, HaveNothingOfEachOtherAfterARename) {
  auto renamed = anns();
  renamed.workload = "api";
  renamed.renamed_from = "web";
  const auto applied = ann({"apply", "-", "--wait", "--timeout", "2m"}, renamed.yaml());
  ASSERT_EQ(applied.exit, 0) << applied.out << applied.err;
  ASSERT_TRUE(settled());
  // Her data and its passwords went along.
  const auto now = anns_state();
  for (const std::string what : {"row", "key in CACHE", "key in OURS", "/file/data/mark", "DB_PASSWORD",
                                 "CACHE_PASSWORD", "OURS_PASSWORD"})
    EXPECT_EQ(now.at(what), before_.at(what)) << what;
  before_ = now;
  // Bob asks under the name that hers had, and under the one that it has now, with a rename of his own.
  bob_tries_everything();
  auto his = bobs({"cache: {type: redis}", "data: {type: volume}"});
  his.variables["PASSWORD_cache"] = "${resources.cache.password}";
  bob_has(his);
  const auto password = handed_to("bob.localhost", "PASSWORD_cache");
  EXPECT_NE(password, now.at("CACHE_PASSWORD"));
  his.workload = "api";
  his.renamed_from = "web";
  bob_has(his);
  EXPECT_TRUE(until([&] { return handed_to("bob.localhost", "PASSWORD_cache") == password; }));
  EXPECT_TRUE(untouched());
  bob_leaves();
  EXPECT_TRUE(untouched());
}

TEST_F(TenantsTest, WhatBothAskForByIdStaysWithWhoIsLeft) {
  auto guest = bobs({"ours: {type: redis, id: ours}"});
  guest.variables["PASSWORD_ours"] = "${resources.ours.password}";
  const auto planned = bob({"plan", "-"}, guest.yaml());
  EXPECT_NE(planned.out.find("shares redis ours with"), std::string::npos) << planned.out;
  EXPECT_NE(planned.out.find("pay-ments"), std::string::npos) << planned.out;
  bob_has(guest);
  EXPECT_EQ(handed_to("bob.localhost", "PASSWORD_ours"), before_["OURS_PASSWORD"]);
  // He cannot have it changed underneath her.
  auto other = guest;
  other.resources.front() = "ours: {type: redis, id: ours, params: {memory: 64M}}";
  EXPECT_EQ(bob({"apply", "-"}, other.yaml()).exit, 0);
  EXPECT_TRUE(until([] { return fleet().deployment_state("pay.default") == "Blocked"; }, 30s))
      << fleet().get("deployments", "pay.default").dump();
  EXPECT_TRUE(untouched());
  bob_leaves();
  ASSERT_TRUE(settled());
  EXPECT_TRUE(untouched());
}

// A role is for all applications of the hub. What is one developer's and what is another's, it does not know.
TEST_F(TenantsTest, TheRoleOfADeveloperIsForEveryApplicationAndForNothingElse) {
  Tenant scrap{.name = "scrap", .page = "page of scrap"};
  ASSERT_EQ(ann({"apply", "-", "--wait", "--timeout", "1m"}, scrap.yaml()).exit, 0);
  EXPECT_EQ(bob({"logs", "scrap"}).exit, 0);
  scrap.page = "page of bob";
  EXPECT_EQ(bob({"apply", "-"}, scrap.yaml()).exit, 0);
  EXPECT_EQ(bob({"delete", "app", "scrap", "--wait", "--timeout", "1m"}).exit, 0);
  EXPECT_EQ(bob({"plan", "--delete", "app", "pay-ments", "--delete-data"}).exit, 0);

  std::vector<std::vector<std::string>> denied = {
      {"token", "carol", "--role", "admin"},
      {"token", "bob", "--role", "admin"},
      {"token", "ann", "--role", "developer"},
      {"agent", "join-token", "--region", "local-1"},
      {"agent", "revoke", agent},
      {"approve", "pay-ments", "default"},
      {"get", "serviceaccounts"},
      {"get", "auditrecords"},
      {"delete", "env", "default"},
      {"delete", "profile", "redis-container"},
      {"delete", "serviceaccount", "ann"},
      {"delete", "agent", agent},
  };
  for (const auto& name : fleet().resources()) denied.push_back({"delete", "resource", name, "--yes"});
  for (const auto& command : denied) {
    const auto tried = bob(command);
    EXPECT_EQ(tried.exit, 5) << ::testing::PrintToString(command) << tried.out << tried.err;
  }
  for (const std::string document :
       {"kind: Environment\nmetadata: {name: default}\nspec: {unusedAfter: 1s}\n",
        "kind: Profile\nmetadata: {name: mine}\nspec: {satisfies: {type: redis}, provider: container, "
        "template: {}}\n",
        "kind: RoleBinding\nmetadata: {name: mine}\nspec: {subjects: [\"serviceaccount:bob\"], role: "
        "admin}\n",
        "kind: Role\nmetadata: {name: mine}\nspec: {rules: [{kinds: [\"*\"], verbs: [\"*\"]}]}\n"}) {
    const auto tried = bob({"apply", "-"}, "apiVersion: qleet.io/v1\n" + document);
    EXPECT_EQ(tried.exit, 5) << document << tried.out << tried.err;
  }
  EXPECT_TRUE(untouched());
}

TEST_F(TenantsTest, WhatAWorkloadPrintsAndAMetadataFieldHoldsStaysText) {
  // Made while it runs, so that it stands in no document.
  const std::string noisy =
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: noisy}\nspec:\n  workloads:\n    web:\n"
      "      score:\n        containers:\n          main:\n            image: localhost/shop/web:main-1\n"
      "            command: [python3, -c, \"import sys; sys.stdout.write('card %d' % (4111 * 1111)); "
      "sys.exit(3)\"]\n";
  ASSERT_EQ(ann({"apply", "-"}, noisy).exit, 0);
  const std::string workload = "local-1.default.noisy.workload.web";
  const auto crashed = [&] {
    const auto text = fleet().get("resources", workload)["status"].dump();
    return text.contains("ended with code 3");
  };
  ASSERT_TRUE(until(crashed, 60s)) << fleet().get("resources", workload).dump();
  for (const auto& command : std::vector<std::vector<std::string>>{{"get", "resources", "-o", "json"},
                                                                   {"get", "deployments", "-o", "json"},
                                                                   {"get", "releases", "-o", "json"},
                                                                   {"get", "agents", "-o", "json"},
                                                                   {"get", "events", "-o", "json"},
                                                                   {"events", "noisy"},
                                                                   {"describe", "app", "noisy"},
                                                                   {"describe", "resource", workload},
                                                                   {"tree", "noisy", "-o", "json"}}) {
    const auto read = bob(command);
    EXPECT_EQ(read.exit, 0) << command[0] << read.err;
    EXPECT_FALSE(read.out.contains("4567321")) << command[0] << read.out;
    for (const char* secret : {"DB_PASSWORD", "CACHE_PASSWORD", "OURS_PASSWORD"})
      EXPECT_FALSE(read.out.contains(before_[secret])) << command[0] << " " << secret;
  }

  auto his = bobs({"cache: {type: redis}"});
  his.metadata =
      "{name: web, note: \"$${generated.password} ${generated.password}\", brace: "
      "\"{resources.cache.password}\", sign: \"$\"}";
  his.variables = {{"NOTE", "${metadata.note}"}, {"JOINED", "${metadata.sign}${metadata.brace}"}};
  bob_has(his);
  EXPECT_TRUE(handed_to("bob.localhost", "NOTE").ends_with("${generated.password}"))
      << handed_to("bob.localhost", "NOTE");
  EXPECT_EQ(handed_to("bob.localhost", "JOINED"), "${resources.cache.password}");
  EXPECT_TRUE(untouched());
}

TEST_F(TenantsTest, AGuessOfASecretTellsNothing) {
  const auto secret = [](const std::string& value) {
    return "apiVersion: qleet.io/v1\nkind: Secret\nmetadata: {name: anns}\nspec: {data: {key: " + value +
           "}}\n";
  };
  ASSERT_EQ(ann({"apply", "-"}, secret("correct-horse")).exit, 0);
  const auto right = bob({"plan", "-"}, secret("correct-horse"));
  const auto wrong = bob({"plan", "-"}, secret("wrong-horse"));
  EXPECT_EQ(right.exit, wrong.exit);
  EXPECT_EQ(right.out + right.err, wrong.out + wrong.err);
  for (const char* format : {"yaml", "json", "table"})
    EXPECT_FALSE(bob({"get", "secret", "anns", "-o", format}).out.contains("correct-horse"));
  EXPECT_EQ(ann({"delete", "secret", "anns"}).exit, 0);
}

}  // namespace
}  // namespace qleet::test
