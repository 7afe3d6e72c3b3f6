// What operations refuse, in which words, and what they leave behind.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock/duration.h"
#include "common/crypto/nkey.h"
#include "common/crypto/token.h"
#include "common/sync/certificate_proof.h"
#include "hub/store/keys.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string app(const std::string& spec, const std::string& name = "shop") {
  return fmt::format("apiVersion: qleet.io/v1\nkind: Application\nmetadata: {{name: {}}}\nspec: {}\n", name,
                     spec);
}

std::string web(const std::string& resources, const std::string& variables = "{}") {
  return fmt::format(
      "{{workloads: {{web: {{score: {{containers: {{main: {{image: img, variables: {}}}}}, resources: "
      "{}}}}}}}}}",
      variables, resources);
}

std::string profile(const std::string& name, const std::string& type, const std::string& requires_type) {
  return fmt::format(
      "apiVersion: qleet.io/v1\nkind: Profile\nmetadata: {{name: {}}}\nspec: {{satisfies: {{type: {}}}, "
      "default: true, "
      "provider: container, requires: {{below: {{type: {}}}}}, template: {{}}}}\n---\n",
      name, type, requires_type);
}

struct RefusalCase {
  std::string name, yaml, message;
};

class Refused : public testing::TestWithParam<RefusalCase> {};

TEST_P(Refused, NamesThePlaceAndTheNearestRightThing) {
  World world;
  world.join("lab");
  const auto revision = world.store.snapshot().value()->revision();
  EXPECT_EQ(world.refusal(GetParam().yaml), GetParam().message);
  EXPECT_EQ(world.store.snapshot().value()->revision(), revision);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Refused,
    testing::Values(
        RefusalCase{"UnknownEnvironment", app("{environments: [defualt], " + web("{}").substr(1)),
                    "spec.environments[0]: no environment \"defualt\"; did you mean \"default\"?"},
        RefusalCase{
            "UnknownType", app(web("{db: {type: postgre}}")),
            "spec.workloads.web.score.resources.db.type: no profile satisfies type \"postgre\"; did you mean "
            "\"postgres\"?"},
        RefusalCase{
            "UnknownOutput", app(web("{db: {type: postgres}}", "{URL: \"${resources.db.hots}\"}")),
            "spec.workloads.web.score.containers.main.variables.URL: ${resources.db.hots}: postgres (profile "
            "postgres-container) has no such output; did you mean \"host\"? there is: database, host, name, "
            "password, port, username"},
        RefusalCase{"UnknownParam", app(web("{db: {type: postgres, params: {sise: 1Gi}}}")),
                    "spec.workloads.web.score.resources.db.params.sise: params.sise of postgres \"web.db\" "
                    "(asked for by "
                    "workload web as \"db\"): unknown parameter; did you mean \"size\"?"},
        RefusalCase{
            "ARouterOfOnesOwn", app(web("{edge: {type: router, params: {image: mine, port: 7443}}}")),
            "spec.workloads.web.score.resources.edge.type: router \"edge\" of workload web: profile "
            "\"router-container\": only other profiles may ask for it, by their requires; ask for what they "
            "offer, or the operator opens it with spec.askers.workloads: true"},
        RefusalCase{
            "ThePasswordOfTheServer",
            app(web("{all: {type: postgres-server}}", "{PW: \"${resources.all.password}\"}")),
            "spec.workloads.web.score.resources.all.type: postgres-server \"all\" of workload web: profile "
            "\"postgres-server\": only other profiles may ask for it, by their requires; ask for what they "
            "offer, or the operator opens it with spec.askers.workloads: true"},
        RefusalCase{
            "AnotherWorkloadAsAResource", app(web("{twin: {type: workload, id: web}}")),
            "spec.workloads.web.score.resources.twin.type: \"twin\" of workload web: type \"workload\" is "
            "what a "
            "Score document itself becomes; to reach another workload ask for type service: {type: service, "
            "params: {workload: <name>}}, or {type: service, id: <id>} for one of another application that "
            "offers that id"},
        RefusalCase{
            "TheImageOfASharedServer", app(web("{all: {type: redis, params: {image: mine}}}")),
            "spec.workloads.web.score.resources.all.params.image: redis \"all\" of workload web: profile "
            "\"redis-container\": parameter \"image\" is the operator's; leave it out, or the operator "
            "changes "
            "its default"},
        RefusalCase{
            "ARoleThatIsNone",
            "{apiVersion: qleet.io/v1, kind: Profile, metadata: {name: gpu}, spec: {satisfies: {type: gpu}, "
            "provider: container, askers: {roles: [operater]}}}",
            "spec.askers.roles[0]: no role \"operater\"; did you mean \"operator\"?"},
        RefusalCase{"ProfileCycle",
                    profile("pg", "pg", "pg-server") + profile("pg-server", "pg-server", "disk") +
                        profile("disk", "disk", "pg"),
                    "spec.requires: profiles require each other in a circle: pg -> pg-server -> disk -> pg "
                    "(profile pg)"},
        RefusalCase{
            "EnvironmentAfterNothing",
            "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: prod}, spec: {builds: {after: "
            "{environment: defalt, healthyFor: 1m}}}}",
            "spec.builds.after.environment: no environment \"defalt\"; did you mean \"default\"?"},
        RefusalCase{
            "EnvironmentsInACircle",
            "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: one}, spec: {builds: {after: "
            "{environment: two, healthyFor: 1m}}}}\n---\n"
            "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: two}, spec: {builds: {after: "
            "{environment: one, healthyFor: 1m}}}}",
            "spec.builds.after.environment: environments wait for each other in a circle: one -> two -> one "
            "(environment one)"},
        RefusalCase{
            "UnknownRole",
            "{apiVersion: qleet.io/v1, kind: ServiceAccount, metadata: {name: bot}, spec: {role: operater}}",
            "spec.role: no role \"operater\"; did you mean \"operator\"?"},
        RefusalCase{
            "BuiltinRole",
            "{apiVersion: qleet.io/v1, kind: Role, metadata: {name: ci}, spec: {rules: [{kinds: [builds], "
            "verbs: [notify]}]}}",
            "role ci is built in: give yours another name"}),
    [](const auto& info) { return info.param.name; });

TEST(Frontend, TheHubsOwnKindsAreNotWritten) {
  World world;
  std::vector<model::Object> objects;
  auto deployment = std::make_unique<v1::Deployment>();
  deployment->mutable_metadata()->set_name("a.b");
  objects.push_back(std::move(deployment));
  const auto result = frontend::apply(world.context(), world.caller, objects);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kDenied);
  EXPECT_EQ(result.error().message, "deployments are written by the hub alone");
}

TEST(Frontend, WhatIsClosedIsRefusedByADryRunAndAPlanAsWell) {
  World world;
  world.join("lab");
  const auto objects = model::decode(app(web("{edge: {type: router}}")));
  ASSERT_TRUE(objects);
  const auto dry = frontend::apply(world.context(), world.caller, *objects, {.dry_run = true});
  ASSERT_FALSE(dry);
  EXPECT_THAT(dry.error().message,
              HasSubstr("profile \"router-container\": only other profiles may ask for it"));
  const auto planned = frontend::plan(world.context(), frontend::plan_apply(world.caller, *objects, {}));
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().message, dry.error().message);
}

TEST(Frontend, ARoleIsAskedForWhenApplyingAndNotAgain) {
  World world;
  world.join("lab");
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Profile, metadata: {name: gpu}, spec: {satisfies: {type: gpu}, "
      "default: true, "
      "provider: container, template: {v: 1}, askers: {roles: [operator]}}}");
  const auto shop = app(web("{card: {type: gpu}}"));
  EXPECT_THAT(world.refusal(shop), HasSubstr("only who has one of the roles operator may ask for it, and who "
                                             "applies this has none; have one of them apply it"));
  world.apply(
      "{apiVersion: qleet.io/v1, kind: ServiceAccount, metadata: {name: boss}, spec: {role: operator}}");
  const auto tester = world.caller;
  world.caller.subject = "serviceaccount:boss";
  EXPECT_EQ(world.refusal(shop), "");
  world.caller = tester;
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 1");
  // A release that nobody applies, and a rollback, have what was allowed.
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Profile, metadata: {name: gpu}, spec: {satisfies: {type: gpu}, "
      "default: true, "
      "provider: container, template: {v: 2}, askers: {roles: [operator]}}}");
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 2");
  v1::RollbackRequest back;
  back.set_application("shop");
  ASSERT_TRUE(frontend::rollback(world.context(), world.caller, back));
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 3");
  // By a binding as well.
  world.apply(
      "{apiVersion: qleet.io/v1, kind: RoleBinding, metadata: {name: b}, spec: {role: operator, subjects: "
      "[\"serviceaccount:tester\"]}}");
  EXPECT_EQ(world.refusal(shop), "");
}

// No region that is there has it: who could not have it where one joins is told at once.
TEST(Frontend, ARoleIsAskedForAlsoWhereNoRegionServesItYet) {
  World world;
  world.join("lab");
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Profile, metadata: {name: gpu}, spec: {satisfies: {type: gpu}, "
      "default: true, regions: \"gpu=yes\", provider: container, template: {v: 1}, askers: {roles: "
      "[operator]}}}");
  EXPECT_THAT(world.refusal(app(web("{card: {type: gpu}}"))),
              testing::AllOf(HasSubstr("spec.workloads.web.score.resources.card.type"),
                             HasSubstr("only who has one of the roles operator may ask for it")));
  world.apply(
      "{apiVersion: qleet.io/v1, kind: RoleBinding, metadata: {name: b}, spec: {role: operator, subjects: "
      "[\"serviceaccount:tester\"]}}");
  EXPECT_EQ(world.refusal(app(web("{card: {type: gpu}}"))), "");
}

// A region that joins is served by a profile that nobody was asked about: what runs goes on, and it waits
// there for somebody who may have it.
TEST(Frontend, ARoleIsAskedForAlsoWhereARegionJoinsLater) {
  World world;
  const auto gpu = [](const std::string& name, const std::string& more, int version) {
    return fmt::format(
        "{{apiVersion: qleet.io/v1, kind: Profile, metadata: {{name: {}}}, spec: {{satisfies: {{type: gpu}}, "
        "default: true, provider: container, template: {{v: {}}}{}}}}}",
        name, version, more);
  };
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: default}, spec: {regions: {selector: "
      "tier=all}}}");
  world.apply(
      "{apiVersion: qleet.io/v1, kind: ServiceAccount, metadata: {name: boss}, spec: {role: operator}}");
  world.apply(gpu("gpu-open", ", regions: \"gpu=no\"", 1));
  world.apply(gpu("gpu-fast", ", regions: \"gpu=yes\", askers: {roles: [operator]}", 1));
  world.join("lab", {{"tier", "all"}, {"gpu", "no"}});
  const auto shop = app(web("{card: {type: gpu}}"));
  EXPECT_EQ(world.refusal(shop), "");
  world.settle();
  ASSERT_EQ(world.state("shop.default"), "Ready 1");

  world.join("fast", {{"tier", "all"}, {"gpu", "yes"}});
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Blocked 1");
  const auto there = [&] { return world.get<v1::Resource>("fast.default.shop.workload.web").has_value(); };
  EXPECT_FALSE(there());
  EXPECT_TRUE(world.get<v1::Resource>("lab.default.shop.workload.web"));
  EXPECT_THAT(
      world.at<v1::Deployment>("shop.default").ShortDebugString(),
      HasSubstr("only who has one of the roles operator may ask for it, and it serves here since this was "
                "applied last; have one of them apply it again"));
  // A release that nobody applies grants nothing.
  world.apply(gpu("gpu-open", ", regions: \"gpu=no\"", 2));
  world.settle();
  EXPECT_FALSE(there());
  EXPECT_THAT(world.refusal(shop), HasSubstr("who applies this has none; have one of them apply it"));
  EXPECT_FALSE(there());
  const auto tester = world.caller;
  world.caller.subject = "serviceaccount:boss";
  EXPECT_EQ(world.refusal(shop), "");
  world.settle();
  EXPECT_TRUE(there());
  EXPECT_THAT(world.state("shop.default"), testing::StartsWith("Ready"));
  // The same again is nothing new.
  const auto before = world.at<v1::Application>("shop").status().latest_release();
  EXPECT_EQ(world.refusal(shop), "");
  EXPECT_EQ(world.at<v1::Application>("shop").status().latest_release(), before);
  // And it stays, whoever lets a new generation of the profile out.
  world.caller = tester;
  world.apply(gpu("gpu-fast", ", regions: \"gpu=yes\", askers: {roles: [operator]}", 2));
  world.settle();
  EXPECT_THAT(world.state("shop.default"), testing::StartsWith("Ready"));
}

TEST(Frontend, AProfileSaysWhoMayAskAndWhichParametersAreWhose) {
  World world;
  const auto text = [&](const char* name) {
    const auto found = frontend::describe(world.context(), *model::find_kind("Profile"), name);
    return found ? found->text() : found.error().message;
  };
  EXPECT_THAT(text("router-container"), HasSubstr("may be asked for by: other profiles only\n"));
  EXPECT_THAT(
      text("router-container"),
      HasSubstr("parameters of the operator: connectTimeout, idleTimeout, image, keepAliveTimeout, listen, "
                "maxHeaderSize, port, requestTimeout, responseTimeout, tunnelTimeout\n"));
  EXPECT_THAT(text("redis-container"), HasSubstr("may be asked for by: workloads and other profiles\n"));
  EXPECT_THAT(text("redis-container"),
              HasSubstr("parameters: memory, size\nparameters of the operator: image\n"));
}

TEST(Frontend, AnApplicationIsDescribedInABlockForEachEnvironment) {
  World world;
  world.join("lab");
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: prod}, spec: {applications: {shop: "
      "{workloads: {web: {replicas: 3}}}}}}");
  const std::string both =
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: shop}\nspec:\n  "
      "environments: [default, prod]\n  workloads:\n    web:\n      score: {containers: "
      "{main: {image: a/b:1}}}\n";
  world.apply(both);
  world.settle();
  const auto described = [&](const char* kind, const char* name, const char* environment = "") {
    const auto found = frontend::describe(world.context(), *model::find_kind(kind), name, environment);
    return found ? found->text() : found.error().message;
  };
  const auto prod = described("Application", "shop", "prod");
  EXPECT_THAT(prod, HasSubstr("in prod"));
  EXPECT_THAT(prod, HasSubstr("\nruns in region: lab ("));
  EXPECT_THAT(prod, HasSubstr("\nvalues of web: replicas 3\n"));
  EXPECT_THAT(prod, HasSubstr("\nevents:\n"));
  EXPECT_THAT(prod, Not(HasSubstr("in default")));
  const auto of_default = described("Application", "shop", "default");
  EXPECT_THAT(of_default, Not(HasSubstr("values of web")));
  const auto all = described("Application", "shop");
  EXPECT_TRUE(all.ends_with("\n\nenvironment default\n" + of_default + "\nenvironment prod\n" + prod)) << all;
  EXPECT_THAT(all, HasSubstr("\nenvironments: default, prod\n"));
  EXPECT_EQ(described("Application", "shop", "dev"),
            "application \"shop\" is not in environment \"dev\"; it is in: default, prod");
  EXPECT_EQ(described("Region", "lab", "dev"),
            "query parameter environment: only an application is described for one environment");
}

TEST(Frontend, ApplyingAgainChangesNothing) {
  World world;
  world.join("lab");
  EXPECT_EQ(world.apply(app(web("{}"))).objects(0).action(), "Created");
  world.settle();
  const auto revision = world.store.snapshot().value()->revision();
  const auto again = world.apply(app(web("{}")));
  EXPECT_EQ(again.objects(0).action(), "Unchanged");
  EXPECT_EQ(again.releases(0).state(), "Unchanged");
  world.settle();
  EXPECT_EQ(world.store.snapshot().value()->revision(), revision);
}

TEST(Frontend, ADryRunSaysWhatWouldComeOfItAndWritesNothing) {
  World world;
  const auto revision = world.store.snapshot().value()->revision();
  const auto objects = model::decode(app(web("{}")));
  const auto result = frontend::apply(world.context(), world.caller, *objects, {.dry_run = true});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->dry_run());
  EXPECT_EQ(result->objects(0).action(), "Created");
  EXPECT_EQ(result->releases(0).release(), 1u);
  EXPECT_EQ(world.store.snapshot().value()->revision(), revision);
}

TEST(Frontend, WritersMayInsistOnWhatTheyRead) {
  World world;
  const auto objects = model::decode(app(web("{}")));
  const auto write = [&](const frontend::ApplyOptions& options) {
    const auto result = frontend::apply(world.context(), world.caller, *objects, options);
    return result ? "" : result.error().message;
  };
  EXPECT_EQ(write({.expect = frontend::Expect::kUpdate}), "application shop does not exist");
  EXPECT_EQ(write({.expect = frontend::Expect::kCreate}), "");
  EXPECT_EQ(write({.expect = frontend::Expect::kCreate}), "application shop exists already");
  EXPECT_THAT(write({.if_match = 1}), HasSubstr("application shop is at resourceVersion"));
  EXPECT_EQ(write({.if_match = world.at<v1::Application>("shop").metadata().resource_version()}), "");
}

TEST(Frontend, WhatIsInUseStays) {
  World world;
  world.join("lab");
  world.apply(app(web("{db: {type: postgres}}")));
  world.settle();
  EXPECT_EQ(world.erase("environment", "default"),
            "environment default is in use by shop: take it out of their spec.environments first");
  EXPECT_EQ(world.erase("profile", "postgres-container"),
            "profile postgres-container is in use by shop in default");
  EXPECT_EQ(world.erase("region", "lab"),
            "region lab is in use by shop.default: cordon it, and take it out of their environments' "
            "selectors or counts");
  EXPECT_EQ(world.erase("agent", "agent-lab"), "agent agent-lab may still connect: revoke it first");
  EXPECT_EQ(world.erase("app", "shp"), "application shp does not exist; did you mean shop?");
  EXPECT_EQ(world.erase("release", "shop.1"), "releases are written by the hub alone");
  EXPECT_EQ(world.erase("profile", "mysql-container"), "");
}

TEST(Frontend, ABuildIsAnsweredOnce) {
  World world;
  world.join("lab");
  world.apply(
      app("{workloads: {web: {score: {containers: {main: {image: reg/web}}}, builds: {image: reg/web}}}}"));
  const auto first = world.build("reg/web", "v1", 'a', "key-1");
  EXPECT_EQ(first.releases(0).release(), 2u);
  EXPECT_EQ(first.releases(0).state(), "RollingOut");
  // The same key: the same answer. With another build it is refused, and nothing happens.
  EXPECT_EQ(world.build("reg/web", "v1", 'a', "key-1").releases(0).state(), "RollingOut");
  v1::BuildSpec other;
  other.set_image("reg/web");
  other.set_tag("v2");
  other.set_digest("sha256:" + std::string(64, 'b'));
  const auto reused =
      frontend::notify_build(world.context(), world.caller, other, {.idempotency_key = "key-1"});
  ASSERT_FALSE(reused);
  EXPECT_EQ(reused.error().code, Code::kInvalid);
  EXPECT_EQ(reused.error().reason, frontend::kKeyReused);
  EXPECT_THAT(reused.error().message, HasSubstr("was used for another build"));
  EXPECT_EQ(world.at<v1::Application>("shop").status().latest_release(), 2u);
  // Without it: known by its digest.
  const auto same = world.build("reg/web", "v1", 'a');
  EXPECT_EQ(same.state(), "Unchanged");
  EXPECT_EQ(same.releases(0).reason(), "v1 is what release 2 has already");
  EXPECT_EQ(world.build("reg/web", "v2", 'b').releases(0).release(), 3u);
  // Told again, it brings back what it names.
  EXPECT_EQ(world.build("reg/web", "v1", 'a').releases(0).state(), "RollingOut");
  EXPECT_EQ(world.at<v1::Release>("shop.4").spec().images(0).image(),
            "reg/web:v1@sha256:" + std::string(64, 'a'));
  // The answers are forgotten in time.
  world.clock.advance(std::chrono::hours(25));
  world.build("reg/web", "v3", 'c', "key-2");
  const auto reader = world.store.snapshot().value();
  const auto kept = reader->scan({.prefix = "x/idem/"}).value();
  EXPECT_EQ(kept.size(), 1u);
}

TEST(Frontend, ABuildBeforeItsApplicationIsNotLost) {
  World world;
  EXPECT_THAT(world.build("reg/web", "v1", 'a').releases(), IsEmpty());
  world.build("reg/web", "v2", 'b');
  world.apply(
      app("{workloads: {web: {score: {containers: {main: {image: reg/web}}}, builds: {image: reg/web}}}}"));
  EXPECT_EQ(world.at<v1::Release>("shop.1").spec().images(0).image(),
            "reg/web:v2@sha256:" + std::string(64, 'b'));
}

TEST(Frontend, ABuildMustBeExact) {
  World world;
  const auto refuse = [&](const std::string& image, const std::string& digest) {
    v1::BuildSpec build;
    build.set_image(image);
    build.set_digest(digest);
    const auto result = frontend::notify_build(world.context(), world.caller, build);
    return result ? "" : result.error().message;
  };
  const auto good = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(refuse("", good), "image: is missing");
  EXPECT_EQ(refuse("reg:5000/web:v1", good),
            "image: must be a repository without tag or digest; leave out \":v1\"");
  EXPECT_EQ(refuse("reg:5000/web", good), "");
  EXPECT_EQ(refuse("reg/web", "sha256:abc"),
            "digest: \"sha256:abc\" is not a digest; it is sha256: and 64 hexadecimal digits");
}

TEST(Frontend, TokensAreShownOnceAndKeptAsHashes) {
  World world;
  v1::TokenRequest request;
  request.set_service_account("ci");
  EXPECT_EQ(frontend::create_service_account_token(world.context(), world.caller, request).error().message,
            "serviceaccount ci does not exist");
  request.set_role("ci");
  request.set_valid_for("1h");
  const auto token = frontend::create_service_account_token(world.context(), world.caller, request);
  ASSERT_TRUE(token) << token.error().message;
  EXPECT_EQ(token->token().substr(0, 4), "qlt_");
  const auto key = keys::token(crypto::sha256_hex(token->token()));
  EXPECT_EQ(world.store.snapshot().value()->get(key).value()->value, "ci");
  const auto all = world.store.snapshot().value()->scan({.prefix = ""}).value();
  for (const auto& entry : all) EXPECT_EQ(entry.value.find(token->token()), std::string::npos) << entry.key;
  EXPECT_TRUE(frontend::revoke_token(world.context(), world.caller, "ci", token->id()));
  EXPECT_FALSE(world.store.snapshot().value()->get(key).value());
  EXPECT_EQ(frontend::revoke_token(world.context(), world.caller, "ci", token->id()).error().code,
            Code::kNotFound);
}

TEST(Frontend, AJoinTokenIsGoodForOneAgent) {
  World world;
  v1::JoinTokenRequest request;
  request.set_region("eu-1");
  (*request.mutable_labels())["tier"] = "prod";
  const auto make = [&] {
    return frontend::create_join_token(world.context(), world.caller, request)->token();
  };
  const auto redeem = [&](const std::string& token, const std::string& agent,
                          const std::string& key = "UKEY") {
    v1::EnrolRequest enrol;
    enrol.set_token(token);
    enrol.set_agent(agent);
    enrol.set_public_key(key);
    const auto result = frontend::redeem_join_token(world.context(), enrol);
    return result ? "" : result.error().message;
  };
  const auto unknown =
      "the join token is unknown, used already, or too old: make another: "
      "qleet agent join-token --region REGION";
  const auto token = make();
  EXPECT_EQ(redeem(token, "one"), "");
  EXPECT_EQ(redeem(token, "one"), "") << "the answer may have been lost";
  EXPECT_EQ(redeem(token, "one", "UOTHER"), unknown);
  EXPECT_EQ(redeem(token, "two"), unknown);
  EXPECT_EQ(world.at<v1::Region>("eu-1").metadata().labels().at("tier"), "prod");
  EXPECT_EQ(redeem(make(), "two"), "region eu-1 is served by agent one: revoke it first");
  // Another machine of the same name, for another region and for this one.
  request.set_region("us-1");
  EXPECT_EQ(redeem(make(), "one", "UOTHER"),
            "agent one serves region eu-1: give this one another name, with --name us-1 behind qleet-agent "
            "enrol, or revoke that one first");
  request.set_region("eu-1");
  const auto see = [&](const std::string& state) {
    auto agent = world.at<v1::Agent>("one");
    agent.mutable_status()->set_state(state);
    ASSERT_TRUE(world.store.transact([&](Txn& txn) -> Result<> {
      TRY(objects::put_status(txn, agent));
      return {};
    }));
  };
  see("Connected");
  EXPECT_EQ(
      redeem(make(), "one", "UOTHER"),
      "agent one is connected and serves region eu-1: stop it first, or give this one a region and a name "
      "of its own");
  see("Lost");
  // Refused, the token is still good.
  const auto late = make();
  world.clock.advance(std::chrono::hours(2));
  EXPECT_EQ(redeem(late, "one"), unknown);
  ASSERT_TRUE(frontend::revoke_agent(world.context(), world.caller, "one"));
  const auto again = make();
  EXPECT_EQ(redeem(again, "two"), "");
  EXPECT_EQ(world.at<v1::Region>("eu-1").status().agent(), "two");
  EXPECT_EQ(world.at<v1::Agent>("one").status().state(), "Revoked");
  ASSERT_TRUE(frontend::revoke_agent(world.context(), world.caller, "two"));
  EXPECT_EQ(redeem(again, "two"), unknown) << "a used token brings no revoked agent back";
}

TEST(Frontend, ACertificateIsForWhoeverHoldsTheAgentsKey) {
  World world;
  crypto::SeededRandom random(7);
  const auto key = crypto::NKey::generate(crypto::KeyKind::kUser, random);
  const auto other = crypto::NKey::generate(crypto::KeyKind::kUser, random);
  const auto enrol = [&](const std::string& name, const crypto::NKey& with) {
    v1::JoinTokenRequest invite;
    invite.set_region(name);
    v1::EnrolRequest request;
    request.set_token(frontend::create_join_token(world.context(), world.caller, invite)->token());
    request.set_agent(name);
    request.set_public_key(with.public_key());
    EXPECT_TRUE(frontend::redeem_join_token(world.context(), request));
  };
  enrol("eu", key);
  enrol("us", other);
  const auto without = [&] { return *frontend::agents_without_certificate(world.context()); };
  EXPECT_EQ(without(), (std::vector<std::string>{"eu", "us"}));

  const auto request = [&](const std::string& agent, const crypto::NKey& with, Millis off = Millis(0)) {
    v1::CertificateRequest made;
    made.set_agent(agent);
    made.set_tls_request("a request");
    *made.mutable_time() = objects::timestamp(world.clock.wall() + off);
    made.set_signature(with.sign(certificate_proof(agent, made.tls_request(), made.time().seconds())));
    return made;
  };
  const auto code = [&](const v1::CertificateRequest& asked) {
    const auto answer = frontend::asker_of_certificate(world.context(), asked);
    return answer ? "" : answer.error().message;
  };
  const std::string stranger =
      "there is no such agent, or the request is not signed by its key; enrol it (again) with the "
      "line that qleet agent join-token --region REGION prints";
  EXPECT_EQ(code(request("eu", key)), "");
  EXPECT_EQ(code(request("eu", key, std::chrono::minutes(4))), "");
  EXPECT_EQ(code(request("eu", key, -std::chrono::minutes(4))), "");
  EXPECT_EQ(code(request("eu", other)), stranger);
  EXPECT_EQ(code(request("nobody", key)), stranger) << "whether there is such an agent is not told";
  auto for_another = request("eu", key);
  for_another.set_agent("us");
  EXPECT_EQ(code(for_another), stranger);
  auto changed = request("eu", key);
  changed.set_tls_request("another request");
  EXPECT_EQ(code(changed), stranger);
  auto unsigned_one = request("eu", key);
  unsigned_one.clear_signature();
  EXPECT_EQ(code(unsigned_one), stranger);
  for (const auto off : {Millis(std::chrono::hours(2)), -Millis(std::chrono::hours(2))}) {
    const auto late = code(request("eu", key, off));
    EXPECT_THAT(late, testing::HasSubstr("set the clock of the agent, or of the hub"));
    EXPECT_THAT(late, testing::HasSubstr("here it is " + format_time(world.clock.wall())));
  }

  // Known once it was given; until it is enrolled with another key.
  ASSERT_TRUE(frontend::note_certificate(
      world.context(), *frontend::asker_of_certificate(world.context(), request("eu", key))));
  EXPECT_EQ(without(), std::vector<std::string>{"us"});
  ASSERT_TRUE(frontend::revoke_agent(world.context(), world.caller, "us"));
  EXPECT_TRUE(without().empty());
  EXPECT_EQ(code(request("us", other)), "agent \"us\": it is revoked; enrol it again with a new key");
  ASSERT_TRUE(frontend::revoke_agent(world.context(), world.caller, "eu"));
  enrol("eu", other);
  EXPECT_EQ(without(), std::vector<std::string>{"eu"});
  // One that cannot be read keeps no hub from starting, and has none as far as anybody knows.
  ASSERT_TRUE(world.store.transact([](Txn& txn) -> Result<> {
    txn.put("o/agents/us", "garbage");
    return {};
  }));
  EXPECT_EQ(without(), (std::vector<std::string>{"eu", "us"}));
}

TEST(Frontend, ADeadRegionCanBeForgotten) {
  World world;
  world.join("lab");
  world.join("dead");
  world.apply(app(web("{db: {type: postgres}}")));
  world.settle();
  world.set_agent("dead", "Lost");
  world.silent = {"dead"};
  world.apply("{apiVersion: qleet.io/v1, kind: Region, metadata: {name: dead}, spec: {cordoned: true}}");
  world.apply(
      "{apiVersion: qleet.io/v1, kind: Environment, metadata: {name: default}, spec: {regions: {count: 1}}}");
  world.settle();
  EXPECT_EQ(world.erase("region", "dead"),
            "region dead is in use by agent agent-dead: revoke the agent first");
  ASSERT_TRUE(frontend::revoke_agent(world.context(), world.caller, "agent-dead"));
  EXPECT_EQ(world.erase("region", "dead"), "");
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 1");
  for (const auto& name : world.resources()) EXPECT_THAT(name, testing::StartsWith("lab."));
}

TEST(Frontend, WhoDidWhatIsRecorded) {
  World world;
  world.apply(app(web("{}")));
  world.erase("app", "shop");
  const auto reader = world.store.snapshot().value();
  const auto records = objects::list<v1::AuditRecord>(*reader).value();
  std::vector<std::string> deeds;
  for (const auto& record : records) {
    const auto& spec = record.spec();
    if (spec.subject() == "serviceaccount:tester")
      deeds.push_back(fmt::format("{} {} {}", spec.verb(), spec.regarding_kind(), spec.regarding_name()));
  }
  EXPECT_THAT(deeds, ElementsAre("create Application shop", "delete Application shop"));
}

TEST(Frontend, DefaultsAreMadeOnce) {
  World world;
  EXPECT_EQ(world.erase("profile", "mysql-container"), "");
  ASSERT_TRUE(frontend::ensure_defaults(world.context(), QLEET_SOURCE_DIR "/profiles"));
  EXPECT_FALSE(world.get<v1::Profile>("mysql-container"));
  EXPECT_TRUE(world.get<v1::Environment>("default"));
  EXPECT_TRUE(world.get<v1::Role>("ci"));
}

}  // namespace
}  // namespace qleet::hub::tests
