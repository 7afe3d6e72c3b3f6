// To whom a host belongs, and what others may ask for below it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/controllers/route_claims.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using controllers::RouteClaim;
using testing::HasSubstr;

RouteClaim claim(const std::string& application, const std::string& path, std::int64_t since,
                 const std::string& environment = "dev") {
  RouteClaim out;
  out.router = "r";
  out.host = "a.example";
  out.path = path;
  out.resource = application + "." + environment + path;
  out.application = application;
  out.environment = environment;
  out.since = since;
  return out;
}

std::string denied(const RouteClaim& wanted, const std::vector<RouteClaim>& others) {
  const auto denial = controllers::why_denied(wanted, others);
  return denial ? denial->reason + " " + denial->resource : "";
}

TEST(Claims, AreDecidedByWhoAskedFirst) {
  const auto wanted = claim("two", "/api", 9);
  EXPECT_EQ(denied(wanted, {}), "");
  EXPECT_EQ(denied(wanted, {claim("one", "/", 1)}), "NotAllowed one.dev/");
  EXPECT_EQ(denied(wanted, {claim("three", "/x", 2), claim("one", "/", 1)}), "NotAllowed one.dev/");
  EXPECT_EQ(denied(wanted, {claim("two", "/", 1), claim("one", "/x", 2)}), "");
  EXPECT_EQ(denied(wanted, {claim("one", "/api", 1)}), "ResourceConflict one.dev/api");
  EXPECT_EQ(denied(wanted, {claim("two", "/api", 1)}), "");  // a renamed workload
  EXPECT_EQ(denied(wanted, {claim("two", "/api", 1, "prod")}), "ResourceConflict two.prod/api");
  EXPECT_EQ(denied(wanted, {claim("two", "/", 1, "prod")}), "");
  auto shares = claim("one", "/", 1);
  shares.share = {"two"};
  EXPECT_EQ(denied(wanted, {shares}), "");
  EXPECT_EQ(denied(claim("three", "/api", 9), {shares}), "NotAllowed one.dev/");
  EXPECT_EQ(denied(claim("two", "/", 9), {shares}), "ResourceConflict one.dev/");
  shares.share.clear();
  shares.shared = true;
  EXPECT_EQ(denied(wanted, {shares}), "");
  // Sharing is the owner's to say.
  auto later = claim("three", "/x", 2);
  later.shared = true;
  EXPECT_EQ(denied(wanted, {claim("one", "/", 1), later}), "NotAllowed one.dev/");
}

std::string app(const std::string& name, const std::string& params, const std::string& environments = "[]") {
  return fmt::format(
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {{name: {}}}\nspec: {{environments: {}, "
      "workloads: {{web: "
      "{{score: {{containers: {{main: {{image: i}}}}, service: {{ports: {{http: {{port: 80}}}}}}, resources: "
      "{{url: "
      "{{type: route, params: {}}}}}}}}}}}}}\n---\n",
      name, environments, params);
}

TEST(Claims, ALongerPathUnderAnothersHostIsRefusedUnlessItsOwnerAllowsIt) {
  World world;
  world.join("lab");
  world.apply(app("one", "{host: Shop.example}"));
  world.settle();
  EXPECT_EQ(
      world.refusal(app("two", "{host: shop.example, path: /login}")),
      "spec.workloads.web.score.resources.url.params.host: route of workload web as \"url\": host "
      "shop.example "
      "belongs to application \"one\", whose route shop.example/ asked for it first; choose another host, or "
      "application \"one\" allows it with share: [two] under that route's params");
  EXPECT_THAT(world.refusal(app("two", "{host: SHOP.example.}")),
              HasSubstr("shop.example/ is routed already, by application \"one\" in environment default"));
  EXPECT_EQ(world.refusal(app("two", "{host: other.example, path: /login}")), "");
  world.apply(app("one", "{host: shop.example, share: [two]}"));
  world.settle();
  EXPECT_EQ(world.refusal(app("two", "{host: shop.example, path: /login}")), "");
  EXPECT_THAT(world.refusal(app("three", "{host: shop.example, path: /x}")),
              HasSubstr("belongs to application"));
  world.settle();
  EXPECT_EQ(world.state("two.default"), "Ready 2");
  // What it has it keeps.
  world.apply(app("one", "{host: shop.example}"));
  world.settle();
  EXPECT_EQ(world.refusal(app("two", "{host: shop.example, path: /login, port: 81}")), "");
}

TEST(Claims, AHostThatNoRouterCouldServeIsRefusedWhereItIsWritten) {
  World world;
  world.join("lab");
  const std::string field = "spec.workloads.web.score.resources.url.params.";
  const std::pair<const char*, std::string> bad[] = {
      {R"({host: "shop.example:8080"})",
       "host: route of workload web as \"url\": host: \"shop.example:8080\" has a "
       "port: write \"shop.example\"; routes answer on the port of their router"},
      {R"({host: "https://shop.example"})",
       "host: route of workload web as \"url\": host: "
       "\"https://shop.example\" is a URL or has a path: write the host alone, "
       "\"shop.example\", and the path under path"},
      {R"({host: "a\nuse_backend b"})",
       "host: route of workload web as \"url\": host: holds a line break or another "
       "control character"},
      {R"({host: "b\u00fccher.example"})",
       "host: route of workload web as \"url\": host: must be written in ASCII: "
       "an international name in its form that begins with \"xn--\""},
      {R"({host: "a.*.example"})",
       "host: route of workload web as \"url\": host: may have \"*\" as its whole first "
       "part alone, as in \"*.shop.example\"; leave host out for any"},
      {R"({path: "/a b"})",
       "path: route of workload web as \"url\": path: must start with \"/\" and hold no spaces, "
       "quotes or wildcards"},
  };
  for (const auto& [params, says] : bad) EXPECT_EQ(world.refusal(app("one", params)), field + says);
  for (const char* params :
       {R"({host: "*.wild.example"})", R"({host: "SHOP.example."})", "{host: xn--bcher-kva.example}"})
    EXPECT_EQ(world.refusal(app("one", params)), "") << params;
}

TEST(Claims, AWorkloadThatWasRenamedKeepsItsHost) {
  World world;
  world.join("lab");
  world.apply(app("one", "{host: shop.example}"));
  world.settle();
  world.apply(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {name: one}
spec:
  workloads:
    front:
      renamedFrom: web
      score:
        containers: {main: {image: i}}
        service: {ports: {http: {port: 80}}}
        resources: {url: {type: route, params: {host: shop.example}}}
)");
  world.settle();
  ASSERT_EQ(world.state("one.default"), "Ready 2");
  ASSERT_TRUE(world.get<v1::Resource>("lab.default.one.route.web.url")) << "under the name that it had";
  EXPECT_THAT(world.refusal(app("two", "{host: shop.example}")), HasSubstr("by application \"one\""));
  EXPECT_THAT(world.refusal(app("two", "{host: shop.example, path: /x}")),
              HasSubstr("belongs to application"));
}

TEST(Claims, AnExchangeInOneApplyHasNoConflict) {
  World world;
  world.join("lab");
  world.apply(app("blue", "{host: move.example}") + app("green", "{host: spare.example}"));
  world.settle();
  EXPECT_THAT(world.refusal(app("blue", "{host: spare.example}")), HasSubstr("by application \"green\""));
  world.apply(app("blue", "{host: spare.example}") + app("green", "{host: move.example}"));
  world.settle();
  EXPECT_EQ(world.state("blue.default"), "Ready 2");
  EXPECT_EQ(world.state("green.default"), "Ready 2");
  const auto host = [&](const char* name) {
    return world.at<v1::Resource>(name).spec().params().fields().at("host").string_value();
  };
  EXPECT_EQ(host("lab.default.blue.route.web.url"), "spare.example");
  EXPECT_EQ(host("lab.default.green.route.web.url"), "move.example");
}

// What was applied may wait for approval: until then the place is taken by what runs.
TEST(Claims, APlaceIsKeptByWhatRunsUntilItsReleaseIsLetIn) {
  World world;
  world.join("lab");
  world.apply(app("one", "{host: a.example}"));
  world.settle();
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: default}, spec: {builds: {by: "
      "approval}}}");
  world.apply(app("one", "{host: b.example}"));
  ASSERT_EQ(world.at<v1::Deployment>("one.default").spec().candidate(), 2u);
  // Who waits likewise may ask for what is free by then.
  world.apply(app("two", "{host: a.example}"));
  v1::ApproveRequest approve;
  approve.set_application("two");
  approve.set_environment("default");
  ASSERT_TRUE(frontend::approve(world.context(), world.caller, approve));
  world.settle();
  EXPECT_EQ(world.state("two.default"), "Blocked 0") << "one serves a.example until its release is let in";
  approve.set_application("one");
  ASSERT_TRUE(frontend::approve(world.context(), world.caller, approve));
  world.settle();
  EXPECT_EQ(world.state("two.default"), "Ready 1");
}

TEST(Claims, APlaceThatARollbackBroughtBackIsTaken) {
  World world;
  world.join("lab");
  world.apply(app("one", "{host: a.example}"));
  world.settle();
  world.apply(app("one", "{host: b.example}"));
  world.settle();
  v1::RollbackRequest back;
  back.set_application("one");
  ASSERT_TRUE(frontend::rollback(world.context(), world.caller, back));
  world.settle();
  EXPECT_THAT(world.refusal(app("two", "{host: a.example}")), HasSubstr("by application \"one\""));
  EXPECT_EQ(world.refusal(app("two", "{host: b.example}")), "");
}

TEST(Claims, OfTwoWhoComeAtOnceTheSecondWaitsForTheFirstToLeave) {
  World world;
  world.join("lab");
  world.apply(app("one", "{host: a.example}"));
  world.apply(app("two", "{host: a.example, path: /x}"));
  world.settle();
  EXPECT_EQ(world.state("one.default"), "Ready 1");
  EXPECT_EQ(world.state("two.default"), "Blocked 0");
  EXPECT_EQ(world.erase("Application", "one"), "");
  world.settle();
  EXPECT_EQ(world.state("two.default"), "Ready 1");
}

TEST(Claims, EnvironmentsOfOneApplicationShareItsHostAndNoPlace) {
  World world;
  world.join("lab");
  world.apply("{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: dev}}");
  world.apply(app("one", "{host: a.example, path: \"/${metadata.name}\"}", "[dev]"));
  world.settle();
  EXPECT_THAT(world.refusal(app("two", "{host: a.example, path: /x}", "[default]")),
              HasSubstr("belongs to application \"one\""));
  world.apply(app("one", "{host: a.example}", "[dev, default]"));
  world.settle();
  // One of the two has it, the other says who.
  const auto dev = world.at<v1::Deployment>("one.dev").status();
  const auto other = world.at<v1::Deployment>("one.default").status();
  EXPECT_NE(dev.state() == "Blocked", other.state() == "Blocked") << dev.state() << " " << other.state();
}

TEST(Claims, TwoRoutesOfOneApplicationNeedTwoPlaces) {
  World world;
  world.join("lab");
  const auto twice = fmt::format(
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {{name: one}}\nspec: {{workloads: {{web: "
      "{{score: "
      "{{containers: {{main: {{image: i}}}}, resources: {{aa: {{type: route, params: {{host: x.example}}}}, "
      "bb: {{type: "
      "route, params: {{host: X.example, path: /}}}}}}}}}}}}}}\n");
  EXPECT_THAT(world.refusal(twice), HasSubstr("x.example/ is asked for by workload web as \"aa\" as well"));
}

TEST(Claims, AStoreWithoutTheIndexGetsOne) {
  World world;
  world.join("lab");
  world.apply(app("one", "{host: a.example}"));
  world.settle();
  const auto hosts = [&] {
    return world.store.snapshot().value()->scan({.prefix = "x/host/"}).value().size();
  };
  EXPECT_EQ(hosts(), 1u);
  (void)world.store.transact([&](Txn& txn) -> Result<> {
    for (const auto& entry : TRY(txn.scan({.prefix = "x/host/"}))) txn.erase(entry.key);
    txn.erase("m/hosts-indexed");
    return {};
  });
  const auto before = world.snapshot();
  EXPECT_THAT(world.refusal(app("two", "{host: a.example, path: /x}")), HasSubstr("belongs to application"));
  world.apply(app("three", "{host: b.example}"));
  world.settle();
  EXPECT_EQ(hosts(), 2u);
  EXPECT_EQ(world.snapshot().at("lab.default.one.route.web.url"), before.at("lab.default.one.route.web.url"));
  EXPECT_EQ(world.erase("Application", "one"), "");
  world.settle();
  EXPECT_EQ(hosts(), 1u);
}

TEST(Claims, OneResourceThatCannotBeReadKeepsNobodyFromARoute) {
  World world;
  world.join("lab");
  world.apply(app("one", "{host: a.example}"));
  world.settle();
  (void)world.store.transact([&](Txn& txn) -> Result<> {
    for (const auto& entry : TRY(txn.scan({.prefix = "x/host/"}))) txn.erase(entry.key);
    txn.erase("m/hosts-indexed");
    txn.put("o/resources/lab.default.gone.volume.web.data", "garbage");
    return {};
  });
  EXPECT_THAT(world.refusal(app("two", "{host: a.example, path: /x}")), HasSubstr("belongs to application"));
  EXPECT_EQ(world.refusal(app("three", "{host: b.example}")), "");
}

}  // namespace
}  // namespace qleet::hub::tests
