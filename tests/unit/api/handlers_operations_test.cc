// What is more than an object: operations, views, logs, and what the hub tells of itself.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <cctype>

#include "qleet/v1/delivery.pb.h"
#include "tests/unit/api/api_fixture.h"

namespace qleet::hub::api {
namespace {

TEST_F(ApiTest, PassesTheSubjectAndTheRequestOn) {
  test::frontend_double().answers.add_releases()->set_application("shop");
  const auto build = send("POST", "/v1/builds", R"({"image":"i","tag":"t"})", "ci",
                          {{"idempotency-key", "k1"}, {"content-type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(build.body, "{\"releases\":[{\"application\":\"shop\"}]}\n");
  send("POST", "/v1/applications/shop/approve", R"({"environment":"prod","release":14})");
  send("POST", "/v1/applications/shop/rollback", "");
  send("POST", "/v1/plan", R"({"delete":{"kind":"app","name":"shop"}})");
  send("POST", "/v1/plan", R"({"delete":{"kind":"app","name":"shop","deleteData":true}})");
  send("DELETE", "/v1/applications/gone?deleteData=true");
  send("POST", "/v1/plan", R"({"build":{"image":"i"}})");
  send("POST", "/v1/plan", std::string(kRegion));
  send("POST", "/v1/apply?dryRun=true", std::string(kRegion));
  send("GET", "/v1/why/redis%2Fsessions");
  send("POST", "/v1/serviceaccounts/bot/tokens", R"({"role":"ci"})");
  send("DELETE", "/v1/serviceaccounts/bot/tokens/t1");
  EXPECT_EQ(calls(),
            (std::vector<std::string>{
                R"(notify serviceaccount:ci {"image":"i","tag":"t"} key=k1)",
                R"(approve serviceaccount:admin {"application":"shop","environment":"prod","release":14})",
                R"(rollback serviceaccount:admin {"application":"shop"})",
                "plan erase serviceaccount:admin applications/shop",
                "plan erase serviceaccount:admin applications/shop with data",
                "erase serviceaccount:admin applications/gone with data",
                R"(plan build serviceaccount:admin {"image":"i"})",
                "plan apply serviceaccount:admin 1 objects",
                "apply serviceaccount:admin 1 objects dry",
                "why  redis/sessions",
                R"(token serviceaccount:admin {"serviceAccount":"bot","role":"ci"})",
                "revoke-token serviceaccount:admin bot t1",
            }));
}

TEST_F(ApiTest, DiffFindsTheNewestTwo) {
  for (const auto release : {14U, 12U, 9U})
    test::frontend_double().history.add_entries()->set_release(release);
  send("GET", "/v1/applications/shop/diff");
  send("GET", "/v1/applications/shop/diff?to=12");
  send("GET", "/v1/applications/shop/diff?from=9");
  std::vector<std::string> diffs;
  for (const auto& call : calls())
    if (call.starts_with("diff")) diffs.push_back(call);
  EXPECT_EQ(diffs, (std::vector<std::string>{"diff  shop 12 14", "diff  shop 9 12", "diff  shop 9 14"}));
  EXPECT_EQ(detail(send("GET", "/v1/applications/shop/diff?to=9")),
            "Application \\\"shop\\\" has no two releases to compare");
}

TEST_F(ApiTest, TreeOfOneEnvironment) {
  test::frontend_double().tree.add_places()->set_environment("dev");
  test::frontend_double().tree.add_places()->set_environment("prod");
  const auto tree = send("GET", "/v1/applications/shop/tree?environment=prod");
  EXPECT_NE(tree.body.find("prod"), std::string::npos);
  EXPECT_EQ(tree.body.find("dev"), std::string::npos);
  EXPECT_EQ(detail(send("GET", "/v1/applications/shop/tree?environment=qa")),
            "Application \\\"shop\\\" is not in environment \\\"qa\\\"");
}

std::vector<std::string> resources_of(const LogQuery& query) {
  std::vector<std::string> names;
  for (const auto& of : query.resources) names.push_back(of.resource);
  return names;
}

TEST_F(ApiTest, LogsOfAWorkload) {
  v1::Deployment deployment;
  deployment.mutable_metadata()->set_name("shop.dev");
  deployment.mutable_spec()->set_environment("dev");
  deployment.mutable_status()->add_regions()->set_region("eu");
  put("deployments", "shop.dev", deployment);
  v1::Resource resource;
  resource.mutable_metadata()->set_name("eu.dev.shop.workload.web");
  resource.mutable_spec()->set_id("web");
  resource.mutable_spec()->set_type("workload");
  resource.mutable_spec()->set_region("eu");
  resource.mutable_spec()->set_environment("dev");
  put("resources", "eu.dev.shop.workload.web", resource);
  auto response = send("GET", "/v1/applications/shop/logs?workload=web&tail=10&follow=true&container=c");
  ASSERT_TRUE(response.stream) << response.body;
  EXPECT_EQ(resources_of(logs.query), std::vector<std::string>{"eu.dev.shop.workload.web"});
  EXPECT_EQ(logs.query.resources.at(0).name, "dev/eu/web");
  EXPECT_TRUE(logs.query.wish.follow);
  EXPECT_EQ(logs.query.wish.tail, 10U);
  EXPECT_EQ(logs.query.container, "c");
  EXPECT_EQ(response.stream->next().data, "r1/web | hello\n");
  EXPECT_EQ(send("GET", "/v1/applications/shop/logs?prefix=false").stream->next().data, "hello\n");
  EXPECT_EQ(detail(send("GET", "/v1/applications/shop/logs?workload=api")),
            "Application \\\"shop\\\" has no workload \\\"api\\\" there; it has: web");

  // Of all environments; since when, and of which run.
  for (const auto* other : {"prod", "qa"}) {
    deployment.mutable_metadata()->set_name(std::string("shop.") + other);
    deployment.mutable_spec()->set_environment(other);
    put("deployments", deployment.metadata().name(), deployment);
    resource.mutable_metadata()->set_name(std::string("eu.") + other + ".shop.workload.web");
    put("resources", resource.metadata().name(), resource);
  }
  ASSERT_TRUE(send("GET", "/v1/applications/shop/logs?since=10m&previous=true").stream);
  EXPECT_EQ(logs.query.resources.size(), 3U);
  EXPECT_EQ(logs.query.wish.since, clock.wall() - std::chrono::minutes(10));
  EXPECT_TRUE(logs.query.wish.previous);
  ASSERT_TRUE(send("GET", "/v1/applications/shop/logs?environment=qa&since=2026-11-30T19:00:00Z").stream);
  EXPECT_EQ(resources_of(logs.query), std::vector<std::string>{"eu.qa.shop.workload.web"});
  EXPECT_EQ(logs.query.wish.since, WallTime(std::chrono::seconds(1'796'065'200)));
  EXPECT_EQ(send("GET", "/v1/applications/shop/logs?since=yesterday").status, 422);
  EXPECT_EQ(send("GET", "/v1/applications/shop/logs?follow=true&previous=true").status, 422);
  EXPECT_EQ(send("GET", "/v1/applications/shop/logs?region=us").status, 404);
}

TEST_F(ApiTest, LogsOfOneResourceByItsName) {
  v1::Resource resource;
  resource.mutable_metadata()->set_name("eu.-.-.router.default");
  resource.mutable_spec()->set_id("default");
  resource.mutable_spec()->set_type("router");
  resource.mutable_spec()->set_region("eu");
  put("resources", "eu.-.-.router.default", resource);
  ASSERT_TRUE(send("GET", "/v1/resources/eu.-.-.router.default/logs?tail=3").stream);
  EXPECT_EQ(logs.query.resources.at(0).name, "-/eu/router/default");
  EXPECT_EQ(logs.query.wish.tail, 3U);
  EXPECT_EQ(send("GET", "/v1/resources/eu.-.-.router.other/logs").status, 404);
}

TEST_F(ApiTest, LogsOfWhatAnApplicationStandsOn) {
  v1::Deployment deployment;
  deployment.mutable_metadata()->set_name("shop.dev");
  deployment.mutable_spec()->set_environment("dev");
  deployment.mutable_status()->add_regions()->set_region("eu");
  put("deployments", "shop.dev", deployment);
  for (const std::string name :
       {"eu.dev.shop.workload.web", "eu.dev.shop.postgres.web-db", "eu.dev.cart.postgres.db"}) {
    v1::Resource resource;
    resource.mutable_metadata()->set_name(name);
    resource.mutable_spec()->set_id(name.substr(name.rfind('.') + 1));
    put("resources", name, resource);
  }
  const std::string logs_of = "/v1/applications/shop/logs?resource=";
  ASSERT_TRUE(send("GET", logs_of + "postgres/web-db").stream);
  EXPECT_EQ(resources_of(logs.query), std::vector<std::string>{"eu.dev.shop.postgres.web-db"});
  EXPECT_EQ(detail(send("GET", logs_of + "postgres/db")),
            "Application \\\"shop\\\" has no postgres \\\"db\\\" there; it has: web-db")
      << "another application's";
  for (const std::string bad : {"postgres", "/db", "postgres/"})
    EXPECT_EQ(send("GET", logs_of + bad).status, 422) << bad;
  EXPECT_EQ(send("GET", logs_of + "postgres/web-db&workload=web").status, 422);
}

TEST_F(ApiTest, TellsItsHealthVersionFiguresAndSchema) {
  EXPECT_EQ(send("GET", "/healthz", "", "").body, "ok\n");
  EXPECT_EQ(send("GET", "/readyz", "", "").body, "ready\nstore: ok\n");
  trouble = "the disk is full";
  const auto unready = send("GET", "/readyz", "", "");
  EXPECT_EQ(unready.status, 503);
  EXPECT_EQ(unready.body, "not ready\nstore: the disk is full\n");
  EXPECT_EQ(send("GET", "/v1/version").body,
            fmt::format("{{\"version\":\"{}\",\"apiVersion\":\"qleet.io/v1\",\"epoch\":\"{}\"}}\n",
                        QLEET_VERSION, store.identity().epoch));
  const auto figures = send("GET", "/metrics").body;
  EXPECT_NE(figures.find("qleet_hub_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1"),
            std::string::npos)
      << figures;
  EXPECT_NE(figures.find("qleet_hub_store_revision 10"), std::string::npos) << figures;
  const auto schema = send("GET", "/openapi.json").body;
  EXPECT_TRUE(schema.starts_with("{")) << schema.substr(0, 100);
  for (const auto* path : {"/v1/applications/{application}/approve", "/v1/plan", "/v1/enrol",
                           "/v1/agents/{agent}/certificate", "/healthz"})
    EXPECT_NE(schema.find(path), std::string::npos) << path;
}

TEST_F(ApiTest, SaysWhetherEverythingIsUp) {
  put("regions", "eu", v1::Region());
  certificates = {{"api", 3.04}, {"ca", 3000}};
  const auto seen = send("GET", "/v1/status").body;
  EXPECT_EQ(calls().back(), "system_status  ");
  EXPECT_TRUE(seen.contains("\"well\":true")) << seen;
  EXPECT_TRUE(seen.contains("\"regions\":1")) << seen;
  EXPECT_TRUE(
      seen.contains("\"warnings\":[{\"kind\":\"Certificate\",\"name\":\"api\",\"message\":\"it ends in 3.0 "
                    "days and has not been renewed\""))
      << seen;
  EXPECT_FALSE(seen.contains("\"name\":\"ca\"")) << seen;

  trouble = "the disk is full";
  certificates = {{"api", 0}};
  const auto bad = send("GET", "/v1/status").body;
  EXPECT_FALSE(bad.contains("\"well\":true")) << bad;
  EXPECT_TRUE(bad.contains(
      "\"kind\":\"Hub\",\"name\":\"store\",\"state\":\"NotReady\",\"message\":\"the disk is full\""))
      << bad;
  EXPECT_TRUE(bad.contains("\"name\":\"api\",\"message\":\"it is not good now")) << bad;
  EXPECT_EQ(send("GET", "/v1/status", "", "viewer").status, 200);
  EXPECT_EQ(send("GET", "/v1/status", "", "ci").status, 403);
}

TEST_F(ApiTest, TellsWhoseTokenItIs) {
  const auto who = send("GET", "/v1/whoami", "", "ci").body;
  EXPECT_TRUE(who.starts_with(R"({"subject":"serviceaccount:ci","roles":["ci"],"version":")")) << who;
  EXPECT_EQ(send("GET", "/v1/whoami", "", "").status, 401);
  EXPECT_EQ(send("GET", "/v1/whoami", "", "nobody").status, 401);
}

TEST_F(ApiTest, EverythingInTheSchemaIsThere) {
  google::protobuf::Struct schema;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(send("GET", "/openapi.json").body, &schema).ok());
  int operations = 0;
  for (const auto& [path, methods] : schema.fields().at("paths").struct_value().fields()) {
    std::string target = path;
    if (const size_t kind = target.find("{kind}"); kind != std::string::npos)
      target.replace(kind, 6, "regions");
    for (size_t open = target.find('{'); open != std::string::npos; open = target.find('{'))
      target.replace(open, target.find('}') - open + 1, "x");
    for (const auto& [method, operation] : methods.struct_value().fields()) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      if (upper != "GET" && upper != "POST" && upper != "PUT" && upper != "DELETE") continue;
      ++operations;
      const auto response = send(upper, target);
      EXPECT_NE(response.status, 405) << upper << " " << path;
      EXPECT_EQ(response.body.find("nothing is at"), std::string::npos) << upper << " " << path;
    }
  }
  EXPECT_GT(operations, 60);
}

}  // namespace
}  // namespace qleet::hub::api
