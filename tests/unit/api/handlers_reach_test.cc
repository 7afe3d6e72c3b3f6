// Tokens that are for some applications alone, and what CI is told of its builds.
#include <gmock/gmock.h>

#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/environment.pb.h"
#include "tests/unit/api/api_fixture.h"

namespace qleet::hub::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ReachTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    for (const auto* role : {"admin", "developer", "ci"}) limited(role);
    for (const auto* name : {"shop", "cart"}) {
      v1::Application app;
      app.set_api_version("qleet.io/v1");
      app.set_kind("Application");
      app.mutable_metadata()->set_name(name);
      put("applications", name, app);
      v1::Deployment deployment;
      deployment.mutable_metadata()->set_name(std::string(name) + ".dev");
      deployment.mutable_spec()->set_application(name);
      put("deployments", deployment.metadata().name(), deployment);
      v1::Resource resource;
      resource.mutable_metadata()->set_name("eu.dev." + std::string(name) + ".workload.web");
      resource.mutable_spec()->set_application(name);
      put("resources", resource.metadata().name(), resource);
      v1::Event event;
      event.mutable_metadata()->set_name("event-" + std::string(name));
      event.mutable_spec()->set_regarding_kind("Deployment");
      event.mutable_spec()->set_regarding_name(std::string(name) + ".dev");
      put("events", event.metadata().name(), event);
      v1::Build build;
      build.mutable_metadata()->set_name("build-" + std::string(name));
      build.mutable_spec()->set_application(name);
      put("builds", build.metadata().name(), build);
      v1::Secret secret;
      secret.mutable_metadata()->set_name("secret-" + std::string(name));
      secret.mutable_spec()->add_applications(name);
      put("secrets", secret.metadata().name(), secret);
      v1::Release release;
      release.mutable_metadata()->set_name(std::string(name) + ".1");
      release.mutable_spec()->set_application(name);
      put("releases", release.metadata().name(), release);
    }
    v1::Environment environment;
    environment.mutable_metadata()->set_name("dev");
    (*environment.mutable_spec()->mutable_applications())["shop"];
    (*environment.mutable_spec()->mutable_applications())["cart"];
    put("environments", "dev", environment);
  }

  // An account "shop-<role>" with the token "qlt_shop-<role>", for the application shop alone.
  void limited(const std::string& role) {
    v1::ServiceAccount made;
    const auto name = "shop-" + role;
    made.mutable_metadata()->set_name(name);
    made.mutable_spec()->set_role(role);
    made.mutable_spec()->add_applications("shop");
    const auto hash = crypto::sha256_hex("qlt_" + name);
    made.mutable_status()->add_tokens()->set_sha256(hash);
    put("serviceaccounts", name, made);
    ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
      txn.put(keys::token(hash), name);
      return {};
    }));
  }
};

TEST_F(ReachTest, ListsHoldTheOwnAlone) {
  for (const auto* kind :
       {"applications", "deployments", "resources", "events", "builds", "secrets", "releases"}) {
    const auto all = send("GET", std::string("/v1/") + kind, "", "admin").body;
    EXPECT_THAT(all, HasSubstr("cart")) << kind;
    const auto own = send("GET", std::string("/v1/") + kind, "", "shop-admin");
    EXPECT_EQ(own.status, 200) << own.body;
    EXPECT_THAT(own.body, HasSubstr("shop")) << kind;
    EXPECT_THAT(own.body, Not(HasSubstr("cart"))) << kind;
  }
  const auto environment = send("GET", "/v1/environments/dev", "", "shop-developer");
  EXPECT_EQ(environment.status, 200);
  EXPECT_THAT(environment.body, Not(HasSubstr("cart"))) << "what differs there for others";
  EXPECT_THAT(send("GET", "/v1/environments", "", "shop-developer").body, Not(HasSubstr("cart")));
}

TEST_F(ReachTest, WhatCannotBeReadIsNobodys) {
  ASSERT_TRUE(store.transact([](Txn& txn) -> Result<> {
    txn.put(keys::object("secrets", "damaged"), "\xff");
    return {};
  }));
  EXPECT_THAT(send("GET", "/v1/secrets", "", "admin").body, HasSubstr("damaged"));
  const auto own = send("GET", "/v1/secrets", "", "shop-admin").body;
  EXPECT_THAT(own, HasSubstr("secret-shop"));
  EXPECT_THAT(own, Not(HasSubstr("damaged")));
}

TEST_F(ReachTest, WatchesTellOfTheOwnAlone) {
  const auto watch = send("GET", "/v1/applications?watch=true", "", "shop-admin");
  ASSERT_EQ(watch.status, 200);
  watch.stream->start([] {});
  std::string told;
  const auto read = [&] {
    for (bool more = true; more;) {
      auto piece = watch.stream->next();
      told += piece.data;
      more = piece.more;
    }
  };
  read();
  for (const auto* name : {"shop", "cart"}) {
    v1::Application app;
    app.mutable_metadata()->set_name(name);
    (*app.mutable_metadata()->mutable_labels())["new"] = "yes";
    put("applications", name, app);
  }
  read();
  EXPECT_THAT(told, HasSubstr("event: modified"));
  EXPECT_THAT(told, Not(HasSubstr("cart")));
  watch.stream->cancel();
}

// A stream that goes on where another one ended does not know what its client has.
TEST_F(ReachTest, WatchesThatGoOnTellOfTheOwnAlone) {
  const auto since = std::to_string((*store.snapshot())->revision());
  struct Case {
    std::string kind;
    std::shared_ptr<Stream> stream;
    std::string told;
  };
  std::vector<Case> cases;
  for (const auto* kind : {"applications", "deployments", "resources", "events", "builds", "secrets"}) {
    const auto watch =
        send("GET", std::string("/v1/") + kind + "?watch=true&resourceVersion=" + since, "", "shop-admin");
    ASSERT_EQ(watch.status, 200) << watch.body;
    watch.stream->start([] {});
    cases.push_back({kind, watch.stream, {}});
  }
  const auto relabel = [&]<class T>(const std::string& kind, const std::string& name, T object) {
    object = *objects::get<T>(**store.snapshot(), name).value();
    (*object.mutable_metadata()->mutable_labels())["new"] = "yes";
    put(kind, name, object);
  };
  for (const auto* name : {"shop", "cart"}) {
    const std::string app(name);
    relabel("applications", app, v1::Application());
    relabel("deployments", app + ".dev", v1::Deployment());
    relabel("resources", "eu.dev." + app + ".workload.web", v1::Resource());
    relabel("events", "event-" + app, v1::Event());
    relabel("builds", "build-" + app, v1::Build());
    relabel("secrets", "secret-" + app, v1::Secret());
  }
  // One's own that becomes somebody else's: that it went is told, and nothing of what it is now.
  auto given = *objects::get<v1::Secret>(**store.snapshot(), "secret-shop").value();
  given.mutable_spec()->set_applications(0, "cart");
  put("secrets", "secret-shop", given);
  for (auto& one : cases) {
    for (bool more = true; more;) {
      auto piece = one.stream->next();
      one.told += piece.data;
      more = piece.more;
    }
    EXPECT_THAT(one.told, HasSubstr("shop")) << one.kind;
    EXPECT_THAT(one.told, Not(HasSubstr("cart"))) << one.kind;
    one.stream->cancel();
  }
  EXPECT_THAT(cases.back().told, HasSubstr("event: deleted"));
}

TEST_F(ReachTest, OthersAreRefusedWhateverIsAsked) {
  struct Row {
    std::string method, target, body;
    int status;
  };
  const std::string cart =
      R"({"apiVersion":"qleet.io/v1","kind":"Application","metadata":{"name":"cart"},"spec":{"workloads":{"web":{"score":{"containers":{"main":{"image":"i"}}}}}}})";
  const std::string secret =
      R"({"apiVersion":"qleet.io/v1","kind":"Secret","metadata":{"name":"secret-cart"},"spec":{"data":{"a":"b"},"applications":["shop"]}})";
  const std::string open =
      R"({"apiVersion":"qleet.io/v1","kind":"Secret","metadata":{"name":"new"},"spec":{"data":{"a":"b"}}})";
  for (const auto& row : {
           Row{"GET", "/v1/applications/cart", "", 403},
           Row{"GET", "/v1/applications/gone", "", 403},  // whether there is one is not told
           Row{"GET", "/v1/deployments/cart.dev", "", 403},
           Row{"GET", "/v1/releases/cart.1", "", 403},
           Row{"GET", "/v1/resources/eu.dev.cart.workload.web", "", 403},
           Row{"GET", "/v1/resources/eu.dev.-.postgres.default", "", 403},
           Row{"GET", "/v1/builds/build-cart", "", 404},
           Row{"GET", "/v1/events/event-cart", "", 404},
           Row{"GET", "/v1/secrets/secret-cart", "", 404},
           Row{"GET", "/v1/applications/cart/history", "", 403},
           Row{"GET", "/v1/applications/cart/tree", "", 403},
           Row{"GET", "/v1/applications/cart/diff?from=1&to=2", "", 403},
           Row{"GET", "/v1/applications/cart/logs", "", 403},
           Row{"GET", "/v1/describe/applications/cart", "", 403},
           Row{"GET", "/v1/describe/environments/dev", "", 403},
           Row{"DELETE", "/v1/applications/cart", "", 403},
           Row{"DELETE", "/v1/resources/eu.dev.cart.workload.web", "", 403},
           Row{"PUT", "/v1/applications/cart", cart, 403},
           Row{"POST", "/v1/applications", cart, 403},
           Row{"POST", "/v1/apply", cart, 403},
           Row{"POST", "/v1/plan", cart, 403},
           Row{"POST", "/v1/plan", R"({"delete":{"kind":"Application","name":"cart"}})", 403},
           Row{"POST", "/v1/plan", R"({"rollback":{"application":"cart"}})", 403},
           Row{"POST", "/v1/plan", R"({"approve":{"application":"cart"}})", 403},
           Row{"POST", "/v1/applications/cart/approve", "{}", 403},
           Row{"POST", "/v1/applications/cart/rollback", "{}", 403},
           Row{"POST", "/v1/apply", secret, 403},
           Row{"POST", "/v1/apply", open, 403},
           Row{"PATCH", "/v1/secrets/secret-cart", R"({"data":{"a":"c"}})", 403},
           Row{"POST", "/v1/plan", R"({"delete":{"kind":"Secret","name":"secret-cart"}})", 403},
           Row{"POST", "/v1/plan", R"({"delete":{"kind":"Build","name":"build-cart"}})", 403},
           Row{"GET", "/v1/resources/eu.dev.cart.workload.web/logs", "", 403},
           Row{"GET", "/v1/resources/eu.dev.-.postgres.default/logs", "", 403},
           Row{"GET", "/v1/status", "", 403},
           // What is no application's: its limit would be worth nothing.
           Row{"POST", "/v1/serviceaccounts/x/tokens", R"({"role":"admin"})", 403},
           Row{"GET", "/v1/serviceaccounts", "", 403},
           Row{"GET", "/v1/auditrecords", "", 403},
           Row{"GET", "/v1/agents", "", 403},
           Row{"GET", "/metrics", "", 403},
           Row{"POST", "/v1/agents/join-tokens", "{}", 403},
           Row{"POST", "/v1/apply", std::string(kRegion), 403},
           Row{"DELETE", "/v1/environments/dev", "", 403},
           // Its own.
           Row{"PATCH", "/v1/secrets/secret-shop", R"({"data":{"a":"c"}})", 200},
           Row{"GET", "/v1/applications/shop", "", 200},
           Row{"GET", "/v1/resources/eu.dev.shop.workload.web", "", 200},
           Row{"GET", "/v1/builds/build-shop", "", 200},
           Row{"GET", "/v1/releases/shop.9", "", 404},
           Row{"POST", "/v1/applications/shop/approve", "{}", 200},
           Row{"GET", "/v1/environments/dev", "", 200},
       }) {
    const auto response = send(row.method, row.target, row.body, "shop-admin");
    EXPECT_EQ(response.status, row.status)
        << row.method << " " << row.target << " " << row.body << response.body;
    EXPECT_THAT(response.body, Not(HasSubstr("secret-cart\",\"labels"))) << row.target;
  }
  EXPECT_EQ(detail(send("POST", "/v1/apply", cart, "shop-developer")),
            "serviceaccount:shop-developer is for application shop alone: not for application cart");
  EXPECT_EQ(detail(send("GET", "/v1/agents", "", "shop-developer")),
            "serviceaccount:shop-developer is for application shop alone: it may not list agents");
}

TEST_F(ReachTest, CiTellsOfBuildsForItsOwnAndLearnsTheirFate) {
  EXPECT_EQ(send("POST", "/v1/builds", R"({"image":"i","tag":"t"})", "shop-ci").status, 200);
  EXPECT_THAT(calls().back(), HasSubstr(" for shop"));
  EXPECT_EQ(send("GET", "/v1/builds/web-1/fate", "", "shop-ci").status, 200);
  EXPECT_EQ(calls().back(), "fate serviceaccount:shop-ci web-1");
  for (const auto* target : {"/v1/builds", "/v1/builds/build-shop", "/v1/applications/shop", "/v1/events",
                             "/v1/applications/shop/tree", "/v1/resources?watch=true"})
    EXPECT_EQ(send("GET", target, "", "shop-ci").status, 403) << target;
  EXPECT_EQ(send("GET", "/v1/builds/web-1/fate", "", "viewer").status, 403);
}

TEST_F(ReachTest, ABuildThatNothingFollowsHasAStatusOfItsOwn) {
  test::frontend_double().answers.set_state("NotFollowed");
  EXPECT_EQ(send("POST", "/v1/builds", "{}", "ci").status, 202);
  test::frontend_double().answers.set_state("Unchanged");
  EXPECT_EQ(send("POST", "/v1/builds", "{}", "ci").status, 200);
  EXPECT_EQ(send("POST", "/v1/builds?mustBeFollowed=true", "{}", "ci").status, 200);
  EXPECT_THAT(calls().back(), HasSubstr(" followed"));
  test::frontend_double().refuse = {Code::kNotFound, "nothing follows i", {}, "NotFollowed"};
  const auto refused = send("POST", "/v1/builds?mustBeFollowed=true", "{}", "ci");
  EXPECT_EQ(refused.status, 404);
  EXPECT_THAT(refused.body, HasSubstr(R"("code":"NotFollowed")"));
  test::frontend_double().refuse = {Code::kInvalid, "was used for another build", {}, "IdempotencyKeyReused"};
  const auto reused = send("POST", "/v1/builds", "{}", "ci");
  EXPECT_EQ(reused.status, 422);
  EXPECT_THAT(reused.body, HasSubstr(R"("code":"IdempotencyKeyReused")"));
}

TEST_F(ReachTest, APlansBodyIsToldByItsForm) {
  // The word stands in a value; and an object is one also where it is written as YAML with comments.
  EXPECT_EQ(send("POST", "/v1/plan", R"({"build":{"image":"apiversion/web","tag":"apiVersion"}})").status,
            200);
  EXPECT_THAT(calls().back(), HasSubstr("build"));
  EXPECT_EQ(send("POST", "/v1/plan", "# apiVersion\nrollback: {application: shop}\n").status, 200);
  EXPECT_THAT(calls().back(), HasSubstr("rollback"));
  EXPECT_EQ(send("POST", "/v1/plan", "kind: Region\nmetadata: {name: eu}\napiVersion: qleet.io/v1\n").status,
            200);
  EXPECT_THAT(calls().back(), HasSubstr("apply"));
  EXPECT_EQ(send("POST", "/v1/plan", std::string(kRegion) + "\n").status, 200);
  EXPECT_THAT(detail(send("POST", "/v1/plan", "kind: Region\nmetadata: {name: eu}\n")),
              HasSubstr("apiVersion"));
  EXPECT_THAT(detail(send("POST", "/v1/plan", "")), HasSubstr("what to plan"));
}

TEST_F(ReachTest, TheSchemaNeedsNoToken) {
  EXPECT_EQ(send("GET", "/openapi.json", "", "").status, 200);
  EXPECT_EQ(send("GET", "/v1/version", "", "").status, 401);
}

}  // namespace
}  // namespace qleet::hub::api
