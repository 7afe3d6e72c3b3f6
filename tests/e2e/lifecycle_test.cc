// The way of an application, from its file to nothing left, through the real binaries.
#include <algorithm>
#include <set>

#include "tests/e2e/noop_fleet.h"

namespace qleet::test {
namespace {

std::map<std::string, long> generations(const MiniFleet& fleet) {
  std::map<std::string, long> out;
  for (const auto& resource : fleet.list("resources"))
    if (!resource["spec.deleted"].truth())
      out[resource["metadata.name"].str()] = resource["metadata.generation"].number();
  return out;
}

// "create NAME", "change NAME", "remove NAME": what a plan says.
std::set<std::string> planned(const Json& plan) {
  std::set<std::string> out;
  for (const auto& place : plan["places"].items())
    for (const auto& change : place["changes"].items()) {
      const std::string action = change["action"].str();
      out.insert((action == "restart" ? "change" : action) + " " + change["resource"].str());
    }
  return out;
}

// The same, of what really changed.
std::set<std::string> changed(const std::map<std::string, long>& before,
                              const std::map<std::string, long>& after) {
  std::set<std::string> out;
  for (const auto& [name, generation] : after) {
    const auto known = before.find(name);
    if (known == before.end()) {
      out.insert("create " + name);
    } else if (known->second != generation) {
      out.insert("change " + name);
    }
  }
  for (const auto& [name, _] : before)
    if (!after.contains(name)) out.insert("remove " + name);
  return out;
}

class Lifecycle : public NoopFleet {
 protected:
  Lifecycle() { fleet.add_agent({.name = "local-1", .labels = {"tier=test"}}); }
};

TEST_F(Lifecycle, AppliedBuiltRolledBackAndDeleted) {
  const Json applied = fleet.apply(shop());
  EXPECT_EQ(applied["objects"].items().at(0)["action"].str(), "Created");
  EXPECT_EQ(applied["releases"].items().at(0)["state"].str(), "RollingOut");
  ASSERT_TRUE(settled());
  EXPECT_TRUE(fleet.runs("shop", 1));
  const auto first = world();

  // The same again changes nothing.
  EXPECT_EQ(fleet.apply(shop())["objects"].items().at(0)["action"].str(), "Unchanged");

  const Json told =
      fleet.json({"build", "notify", "--image", build("main-2", '2'), "--revision", "4f2c", "-o", "json"});
  ASSERT_EQ(told["releases"].size(), 1u) << told.dump();
  EXPECT_EQ(told["releases"].items().at(0)["release"].number(), 2);
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 2); }));
  ASSERT_TRUE(settled());
  // The same build again is answered and does nothing.
  (void)fleet.json({"build", "notify", "--image", build("main-2", '2'), "--revision", "4f2c", "-o", "json"});
  EXPECT_EQ(fleet.json({"history", "shop", "-o", "json"})["entries"].size(), 2u);

  const auto second = world();
  for (const auto& [name, made] : second)
    EXPECT_EQ(made.changes, first.at(name).changes + (name.find(".workload.") != std::string::npos ? 1 : 0))
        << name;
  const Json diff = fleet.json({"diff", "shop", "1", "2", "-o", "json"});
  EXPECT_NE(diff["text"].str().find("main-2"), std::string::npos) << diff["text"].str();

  (void)fleet.json({"rollback", "shop", "-o", "json"});
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 3); }));
  ASSERT_TRUE(settled());
  EXPECT_EQ(world().at("local-1.default.shop.workload.web").hash,
            first.at("local-1.default.shop.workload.web").hash);
  const Json history = fleet.json({"history", "shop", "-o", "json"});
  ASSERT_EQ(history["entries"].size(), 3u);
  EXPECT_EQ(history["entries"].items().at(0)["cause"].str(), "rollback");
  EXPECT_EQ(history["entries"].items().at(1)["cause"].str(), "build");
  EXPECT_EQ(history["entries"].items().at(1)["sourceRevision"].str(), "4f2c");
  EXPECT_EQ(history["entries"].items().at(2)["cause"].str(), "apply");

  const auto deleted = fleet.qleet({"delete", "app", "shop", "--wait", "--timeout", "30s"});
  EXPECT_EQ(deleted.exit, 0) << deleted.err;
  EXPECT_TRUE(empty());
}

TEST_F(Lifecycle, WhatAnotherApplicationSharesStays) {
  fleet.apply(shop());
  fleet.apply(cart());
  ASSERT_TRUE(settled());
  const std::string shared = "local-1.default.-.redis.sessions";
  const auto before = world();
  ASSERT_TRUE(before.contains(shared));
  const Json why = fleet.json({"tree", "--why", "redis/sessions", "-o", "json"});
  EXPECT_EQ(why["askers"].size(), 2u) << why.dump();

  EXPECT_EQ(fleet.qleet({"delete", "app", "shop"}).exit, 0);
  ASSERT_TRUE(until([&] {
    return std::ranges::none_of(world_names(), [](const auto& name) { return name.contains(".shop."); });
  }));
  ASSERT_TRUE(settled());
  EXPECT_EQ(world().at(shared).changes, before.at(shared).changes);
  EXPECT_EQ(world().at("local-1.default.cart.workload.api").changes,
            before.at("local-1.default.cart.workload.api").changes);

  EXPECT_EQ(fleet.qleet({"delete", "app", "cart"}).exit, 0);
  EXPECT_TRUE(empty());
}

TEST_F(Lifecycle, ARenamedWorkloadKeepsWhatItHas) {
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto before = world();
  const std::vector<std::string> data{"local-1.default.shop.postgres.web.db",
                                      "local-1.default.shop.volume.postgres.web.db.data"};
  for (const auto& name : data) ASSERT_TRUE(before.contains(name)) << name;
  auto renamed = shop();
  const std::string old_name = "    web:\n      score:\n";
  renamed.replace(renamed.find(old_name), old_name.size(),
                  "    front:\n      renamedFrom: web\n      score:\n");
  fleet.apply(renamed);
  ASSERT_TRUE(until([&] { return !world().contains("local-1.default.shop.workload.web"); }));
  ASSERT_TRUE(settled());
  for (const auto& name : data) EXPECT_EQ(world().at(name).changes, before.at(name).changes) << name;
  EXPECT_EQ(fleet.qleet({"rollback", "shop"}).exit, 0);
  ASSERT_TRUE(until([&] { return !world().contains("local-1.default.shop.workload.front"); }));
  ASSERT_TRUE(settled());
  for (const auto& name : data) EXPECT_EQ(world().at(name).changes, before.at(name).changes) << name;
  EXPECT_EQ(fleet.qleet({"delete", "app", "shop"}).exit, 0);
  EXPECT_TRUE(empty());
}

// From the command line to the world and back: kept, seen, used again, and deleted when somebody says so.
TEST_F(Lifecycle, DataGoesOnlyWhenSomebodySaysSo) {
  fleet.apply(R"(
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: volume-noop}
spec:
  satisfies: {type: volume}
  scope: application
  parameters: {size: {type: string, default: 1Gi}}
  requires: {runtime: {type: container-host}}
  provider: noop
  template: {size: "${params.size}"}
  outputs: {name: "${self.name}"}
  whenUnused: {after: 1s, do: delete}
  default: true
)");
  const std::string volume = "local-1.default.shop.volume.postgres.web.db.data";
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto before = world().at(volume);

  const auto kept = fleet.qleet({"delete", "app", "shop", "--wait", "--timeout", "30s"});
  EXPECT_EQ(kept.exit, 0) << kept.err;
  EXPECT_NE(
      kept.out.find("Kept: volume \"postgres.web.db.data\" (10Gi) of shop in default / local-1 is kept"),
      std::string::npos)
      << kept.out;
  ASSERT_TRUE(until([&] { return fleet.get("resources", volume)["status.state"].str() == "Retained"; }));
  ASSERT_TRUE(until([&] { return !world().contains("local-1.default.shop.postgres.web.db"); }));

  fleet.apply(shop());
  ASSERT_TRUE(settled());
  EXPECT_EQ(world().at(volume).changes, before.changes);

  const auto asked = fleet.qleet({"delete", "app", "shop", "--delete-data"});
  EXPECT_EQ(asked.exit, 2) << asked.out;
  EXPECT_NE(asked.err.find("there is no terminal to ask on; say --yes to go on"), std::string::npos)
      << asked.err;
  EXPECT_NE(asked.err.find("Would be deleted: volume \"postgres.web.db.data\""), std::string::npos)
      << asked.err;
  ASSERT_TRUE(settled());
  const auto deleted = fleet.qleet({"delete", "app", "shop", "--delete-data", "--yes", "--wait"});
  EXPECT_EQ(deleted.exit, 0) << deleted.err;
  EXPECT_NE(deleted.out.find("Deleted: volume \"postgres.web.db.data\""), std::string::npos) << deleted.out;
  ASSERT_TRUE(until([&] { return !world().contains(volume); }));
  EXPECT_NE(fleet.qleet({"get", "events"}).out.find("DataDeleted"), std::string::npos);
  EXPECT_NE(fleet.qleet({"get", "auditrecords"}).out.find("delete-data"), std::string::npos);
}

TEST_F(Lifecycle, AnEnvironmentByApprovalWaitsForIt) {
  fleet.apply(
      "apiVersion: qleet.io/v1\nkind: Environment\nmetadata: {name: prod}\nspec:\n  builds: {by: "
      "approval}\n");
  // Both are served by one router, which leads a host and path to one of them alone.
  auto application = shop("", "[default, prod]");
  const std::string route = "          url: {type: route, params: {host: shop.test, path: /, port: 80}}\n";
  application.erase(application.find(route), route.size());
  const Json applied = fleet.apply(application);
  EXPECT_EQ(applied["releases"].where("environment", "prod")["state"].str(), "AwaitingApproval")
      << applied.dump();
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 1); }));
  EXPECT_EQ(fleet.deployment_state("shop.prod"), "AwaitingApproval");
  EXPECT_FALSE(world().contains("local-1.prod.shop.workload.web"));

  EXPECT_EQ(fleet.qleet({"approve", "shop", "prod"}).exit, 0);
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 1, "prod"); }));
  const auto approved = world().at("local-1.prod.shop.workload.web");

  const Json told = fleet.json({"build", "notify", "--image", build("main-2", '2'), "-o", "json"});
  EXPECT_EQ(told["releases"].where("environment", "default")["state"].str(), "RollingOut") << told.dump();
  EXPECT_EQ(told["releases"].where("environment", "prod")["state"].str(), "AwaitingApproval") << told.dump();
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 2); }));
  EXPECT_EQ(world().at("local-1.prod.shop.workload.web").changes, approved.changes);

  EXPECT_EQ(fleet.qleet({"approve", "shop", "prod", "--release", "2"}).exit, 0);
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 2, "prod"); }));
  EXPECT_TRUE(settled());
}

TEST_F(Lifecycle, PlanSaysWhatApplyThenDoes) {
  const auto plan_then = [&](const std::string& what, const std::vector<std::string>& plan,
                             const std::string& input, const std::function<void()>& doing) {
    SCOPED_TRACE(what);
    const auto before = generations(fleet);
    const Json said = Json::parse(fleet.qleet(plan, input).out);
    EXPECT_EQ(generations(fleet), before) << "a plan changes nothing";
    doing();
    ASSERT_TRUE(settled());
    std::set<std::string> done;
    EXPECT_TRUE(until([&] { return (done = changed(before, generations(fleet))) == planned(said); }, 5s))
        << "planned:\n"
        << ::testing::PrintToString(planned(said)) << "\ndone:\n"
        << ::testing::PrintToString(done);
  };
  plan_then("a new application", {"plan", "-", "-o", "json"}, shop(), [&] { fleet.apply(shop()); });
  plan_then("a changed one", {"plan", "-", "-o", "json"}, shop("x"), [&] { fleet.apply(shop("x")); });
  plan_then("a second one that shares", {"plan", "-", "-o", "json"}, cart(), [&] { fleet.apply(cart()); });
  plan_then("a build", {"plan", "--image", build("main-2", '2'), "-o", "json"}, "",
            [&] { (void)fleet.json({"build", "notify", "--image", build("main-2", '2'), "-o", "json"}); });
  plan_then("a delete", {"plan", "--delete", "app", "shop", "-o", "json"}, "", [&] {
    EXPECT_EQ(fleet.qleet({"delete", "app", "shop"}).exit, 0);
    ASSERT_TRUE(until([&] {
      return std::ranges::none_of(fleet.resources(),
                                  [](const auto& name) { return name.contains(".shop."); });
    }));
  });
}

}  // namespace
}  // namespace qleet::test
