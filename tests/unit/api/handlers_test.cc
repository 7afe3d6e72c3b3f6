#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cctype>

#include "common/crypto/token.h"
#include "hub/api/api.h"
#include "hub/store/keys.h"
#include "hub/store/memory_store.h"
#include "hub/store/objects.h"
#include "qleet/v1/delivery.pb.h"
#include "tests/unit/api/frontend_double.h"

namespace qleet::hub::api {
namespace {

class StaleFreshness final : public Freshness {
 public:
  void refresh(google::protobuf::Message& object) const override {
    if (auto* resource = dynamic_cast<v1::Resource*>(&object); resource != nullptr && stale)
      resource->mutable_status()->set_state("Stale");
  }
  std::atomic<bool> stale = false;
};

class NotingEnroller final : public Enroller {
 public:
  Result<v1::EnrolResult> admit(const v1::Agent& agent) override {
    v1::EnrolResult result;
    result.add_nats_urls("tls://hub:4222");
    result.set_nats_jwt("jwt of " + agent.metadata().name());
    return result;
  }
  Result<> expel(const v1::Agent& agent) override {
    expelled.push_back(agent.metadata().name());
    return {};
  }
  std::vector<std::string> expelled;
};

class NotingLogs final : public LogSource {
 public:
  Result<> open(const LogQuery& asked, std::shared_ptr<LogSink> sink) override {
    query = asked;
    sink->write("r1/web", "hello\n");
    sink->finish();
    return {};
  }
  LogQuery query;
};

class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    test::frontend_double() = {};
    for (const auto* role : {"admin", "operator", "developer", "ci", "viewer"}) account(role);
    ApiOptions options;
    options.per_subject = {.per_second = 10, .burst = 1000};
    options.per_address = {.per_second = 1, .burst = 5};
    api = std::make_unique<Api>(
        options, ApiDependencies{.store = store,
                                 .clock = clock,
                                 .freshness = &freshness,
                                 .enroller = &enroller,
                                 .logs = &logs,
                                 .ca_fingerprint = "cafe",
                                 .readiness = {{"store", [this] { return trouble; }}},
                                 .gauges = {{"qleet_hub_store_revision", "The newest revision.",
                                             [this] { return double((*store.snapshot())->revision()); }}}});
  }

  void put(std::string_view plural, const std::string& name, const google::protobuf::Message& object) {
    ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
      txn.put(keys::object(plural, name), object.SerializeAsString());
      return {};
    }));
  }

  // An account named as its role, with the token "qlt_<role>".
  void account(const std::string& role) {
    v1::ServiceAccount made;
    made.mutable_metadata()->set_name(role);
    made.mutable_spec()->set_role(role);
    const auto hash = crypto::sha256_hex("qlt_" + role);
    made.mutable_status()->add_tokens()->set_sha256(hash);
    put("serviceaccounts", role, made);
    ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
      txn.put(keys::token(hash), role);
      return {};
    }));
  }

  Response send(std::string method, const std::string& target, std::string body = {},
                const std::string& role = "admin", std::map<std::string, std::string> headers = {}) {
    Request request;
    request.method = std::move(method);
    EXPECT_TRUE(parse_target(target, request));
    request.body = std::move(body);
    request.headers = std::move(headers);
    if (!role.empty()) request.headers["authorization"] = "Bearer qlt_" + role;
    request.peer = peer;
    request.id = "r1";
    return api->handle(request);
  }

  static std::string header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return {};
  }

  static std::string detail(const Response& response) {
    const size_t at = response.body.find("\"detail\":\"");
    if (at == std::string::npos) return response.body;
    const size_t end = response.body.find("\",\"code\"", at);
    return response.body.substr(at + 10, end - at - 10);
  }

  const std::vector<std::string>& calls() { return test::frontend_double().calls; }

  MemoryStore store;
  ManualClock clock;
  StaleFreshness freshness;
  NotingEnroller enroller;
  NotingLogs logs;
  std::optional<std::string> trouble;
  std::string peer = "127.0.0.1";
  std::unique_ptr<Api> api;
};

constexpr std::string_view kRegion =
    R"({"apiVersion":"qleet.io/v1","kind":"Region","metadata":{"name":"eu"},"spec":{"capacity":{"cpu":"4"}}})";

std::string region(const std::string& name, const std::string& tier = "x") {
  return fmt::format(
      R"({{"apiVersion":"qleet.io/v1","kind":"Region","metadata":{{"name":"{}","labels":{{"tier":"{}"}}}}}})",
      name, tier);
}

TEST_F(ApiTest, CreatesReadsReplacesAndDeletesWithEtags) {
  const auto created = send("POST", "/v1/regions", std::string(kRegion));
  EXPECT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(header(created, "Location"), "/v1/regions/eu");
  const auto tag = header(created, "ETag");
  EXPECT_NE(created.body.find("\"resourceVersion\":" + std::string("\"") + tag.substr(1, tag.size() - 2)),
            std::string::npos)
      << created.body;

  EXPECT_EQ(send("POST", "/v1/regions", std::string(kRegion)).status, 409);
  EXPECT_EQ(send("GET", "/v1/regions/eu").body, created.body);
  const auto unchanged = send("GET", "/v1/regions/eu", "", "admin", {{"if-none-match", tag}});
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.body, "");

  const auto changed = send("PUT", "/v1/regions/eu", region("eu"), "admin", {{"if-match", tag}});
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_NE(header(changed, "ETag"), tag);
  const auto stale = send("PUT", "/v1/regions/eu", region("eu", "y"), "admin", {{"if-match", tag}});
  EXPECT_EQ(stale.status, 412);
  const auto number = [](const std::string& etag) { return etag.substr(1, etag.size() - 2); };
  EXPECT_EQ(detail(stale),
            fmt::format("Region \\\"eu\\\" has changed: it is at revision {}, not {}; read it again",
                        number(header(changed, "ETag")), number(tag)));
  EXPECT_EQ(send("GET", "/v1/regions/eu", "", "admin", {{"if-none-match", tag}}).status, 200);
  EXPECT_EQ(send("PUT", "/v1/regions/eu", region("eu"), "admin", {{"if-none-match", "*"}}).status, 412);
  EXPECT_EQ(send("DELETE", "/v1/regions/eu", "", "admin", {{"if-match", tag}}).status, 412);
  EXPECT_EQ(send("PUT", "/v1/regions/us", region("us"), "admin", {{"if-match", "\"1\""}}).status, 412);
  EXPECT_EQ(send("PUT", "/v1/regions/us", region("us")).status, 201);

  EXPECT_EQ(send("DELETE", "/v1/regions/eu").status, 200);
  const auto gone = send("GET", "/v1/regions/eu");
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(detail(gone), "Region \\\"eu\\\": not found");
  EXPECT_EQ(send("DELETE", "/v1/regions/eu").status, 404);
}

TEST_F(ApiTest, SaysExactlyWhatIsWrongWithARequest) {
  put("regions", "eu", v1::Region());
  struct Row {
    std::string method, target, body;
    std::map<std::string, std::string> headers;
    int status;
    std::string detail;
  };
  for (const Row& row : std::vector<Row>{
           {"GET", "/v1/regoins", "", {}, 404, "nothing is at /v1/regoins; did you mean /v1/regions?"},
           {"GET", "/nowhere", "", {}, 404, "nothing is at /nowhere"},
           {"PATCH",
            "/v1/regions/eu",
            "",
            {},
            405,
            "PATCH is not possible on /v1/regions/eu; possible: DELETE, GET, HEAD, PUT"},
           {"POST",
            "/v1/releases",
            "{}",
            {},
            405,
            "POST is not possible on /v1/releases; possible: GET, HEAD"},
           {"GET", "/v1/apply", "", {}, 405, "GET is not possible on /v1/apply; possible: POST"},
           {"GET",
            "/v1/regions?limit=many",
            "",
            {},
            422,
            "query parameter limit: \\\"many\\\" is not a whole number from 0 to 1000"},
           {"GET",
            "/v1/regions?continue=abc",
            "",
            {},
            422,
            "query parameter continue: not one that this list gave; begin again without it"},
           {"GET", "/v1/regions?lable=x", "", {}, 422, "query parameter lable: unknown"},
           {"GET",
            "/v1/regions?application=x",
            "",
            {},
            422,
            "query parameter application: regions have no application"},
           {"GET",
            "/v1/regions?watch=perhaps",
            "",
            {},
            422,
            "query parameter watch: \\\"perhaps\\\" is neither true nor false"},
           {"GET",
            "/v1/regions?watch=true",
            "",
            {{"last-event-id", "x"}},
            422,
            "header Last-Event-ID: \\\"x\\\" is no revision"},
           {"GET",
            "/v1/regions?watch=true&resourceVersion=999999",
            "",
            {},
            410,
            "revision 999999 is not part of this store's history, which ends at 11: list again, and watch "
            "from the list's resourceVersion"},
           {"GET",
            "/v1/regions/eu",
            "",
            {{"accept", "text/html"}},
            406,
            "text/html is not written here; accept application/json or application/yaml"},
           {"POST",
            "/v1/regions",
            "<x/>",
            {{"content-type", "application/xml"}},
            415,
            "a body of type application/xml is not understood; send application/json or application/yaml"},
           {"POST", "/v1/regions", region("a") + "\n---\n" + region("b"), {}, 422, ""},
           {"PUT",
            "/v1/regions/eu",
            region("us"),
            {},
            422,
            "metadata.name is \\\"us\\\", but the address says \\\"eu\\\""},
           {"PUT",
            "/v1/environments/eu",
            region("eu"),
            {},
            422,
            "the body holds a Region, where environments are wanted"},
           {"PUT",
            "/v1/regions/eu",
            region("eu"),
            {{"if-match", "\"x\""}},
            422,
            "header If-Match: \\\"\\\"x\\\"\\\" is no ETag of this hub"},
           {"POST",
            "/v1/plan",
            "{}",
            {},
            422,
            "what to plan: send objects, or exactly one of {\\\"build\\\": ...}, {\\\"delete\\\": "
            "{\\\"kind\\\", \\\"name\\\"}}, {\\\"approve\\\": ...}, {\\\"rollback\\\": ...}"},
           {"POST",
            "/v1/plan",
            R"({"delete":{"kind":"Planet","name":"x"}})",
            {},
            422,
            "delete.kind: \\\"Planet\\\" is no kind"},
           {"POST",
            "/v1/applications/shop/approve",
            R"({"application":"cart"})",
            {},
            422,
            "application is \\\"cart\\\", but the address says \\\"shop\\\""},
           {"POST",
            "/v1/builds",
            "{}",
            {{"idempotency-key", std::string(300, 'x')}},
            422,
            "header Idempotency-Key: longer than 256 characters"},
           {"GET",
            "/v1/applications/shop/logs",
            "",
            {},
            404,
            "Application \\\"shop\\\" runs in no environment"},
       }) {
    const auto response = send(row.method, row.target, row.body, "admin", row.headers);
    EXPECT_EQ(response.status, row.status) << row.method << " " << row.target << ": " << response.body;
    if (!row.detail.empty()) EXPECT_EQ(detail(response), row.detail) << row.method << " " << row.target;
    EXPECT_EQ(response.content_type, "application/problem+json") << row.method << " " << row.target;
  }
  EXPECT_EQ(header(send("PATCH", "/v1/regions/eu"), "Allow"), "DELETE, GET, HEAD, PUT");
}

TEST_F(ApiTest, DeepNestingIsRefusedByTheDoor) {
  std::string deep =
      R"({"apiVersion":"qleet.io/v1","kind":"Profile","metadata":{"name":"p"},"spec":{"template":)";
  for (int i = 0; i < 500; ++i) deep += R"({"a":)";
  deep += "1" + std::string(500, '}') + "}}";
  const auto response = send("POST", "/v1/apply", deep);
  EXPECT_EQ(response.status, 413) << response.body;
  EXPECT_TRUE(calls().empty());
}

TEST_F(ApiTest, WhoMayDoWhat) {
  struct Row {
    std::string role, method, target, body;
    int status;
  };
  for (const Row& row : std::vector<Row>{
           {"", "GET", "/v1/regions", "", 401},
           {"nobody", "GET", "/v1/regions", "", 401},
           {"ci", "GET", "/v1/regions", "", 403},
           {"ci", "GET", "/v1/builds", "", 403},
           {"ci", "GET", "/metrics", "", 403},
           {"ci", "POST", "/v1/apply", std::string(kRegion), 403},
           {"ci", "POST", "/v1/plan", R"({"build":{}})", 403},
           {"ci", "POST", "/v1/builds", "{}", 200},
           {"viewer", "GET", "/v1/regions", "", 200},
           {"viewer", "GET", "/v1/secrets", "", 403},
           {"viewer", "PUT", "/v1/regions/eu", std::string(kRegion), 403},
           {"viewer", "POST", "/v1/builds", "{}", 403},
           {"viewer", "GET", "/metrics", "", 200},
           {"developer", "POST", "/v1/apply", std::string(kRegion), 403},
           {"developer", "POST", "/v1/applications/shop/rollback", "{}", 200},
           {"developer", "POST", "/v1/applications/shop/approve", "{}", 403},
           {"operator", "POST", "/v1/applications/shop/approve", "{}", 200},
           {"operator", "POST", "/v1/apply", std::string(kRegion), 200},
           {"operator", "POST", "/v1/agents/join-tokens", "{}", 201},
           {"operator", "POST", "/v1/serviceaccounts/x/tokens", "{}", 403},
           {"admin", "POST", "/v1/serviceaccounts/x/tokens", "{}", 201},
       })
    EXPECT_EQ(send(row.method, row.target, row.body, row.role).status, row.status)
        << row.role << " " << row.method << " " << row.target;
  EXPECT_EQ(detail(send("GET", "/v1/regions", "", "ci")), "serviceaccount:ci (role ci) may not list regions");
  EXPECT_EQ(header(send("GET", "/v1/regions", "", ""), "WWW-Authenticate"), "Bearer realm=\"qleet\"");
}

TEST_F(ApiTest, OfAnApplyEveryKindMustBeAllowed) {
  const std::string both = std::string(kRegion) + "\n";
  const auto refused =
      send("POST", "/v1/apply",
           "apiVersion: qleet.io/v1\nkind: Secret\nmetadata: {name: s}\nspec: {data: {a: b}}\n---\n"
           "apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: eu}\n",
           "developer");
  EXPECT_EQ(refused.status, 403) << refused.body;
  EXPECT_EQ(detail(refused), "serviceaccount:developer (role developer) may not create regions");
  EXPECT_TRUE(calls().empty());
}

TEST_F(ApiTest, ListsInPagesThatAWatchCanGoOnFrom) {
  for (int i = 0; i < 7; ++i)
    put("regions", fmt::format("r{}", i), [&] {
      v1::Region one;
      one.mutable_metadata()->set_name(fmt::format("r{}", i));
      (*one.mutable_metadata()->mutable_labels())["tier"] = i % 2 ? "odd" : "even";
      return one;
    }());
  const auto first = send("GET", "/v1/regions?limit=2&labelSelector=tier%3Deven");
  EXPECT_EQ(first.status, 200);
  EXPECT_TRUE(first.body.starts_with(R"({"apiVersion":"qleet.io/v1","kind":"RegionList","metadata":{)"))
      << first.body;
  const auto revision = header(first, "X-Resource-Version");
  const auto next = header(first, "X-Continue");
  ASSERT_FALSE(next.empty());
  v1::Region later;
  later.mutable_metadata()->set_name("r9");
  put("regions", "r9", later);
  const auto second = send("GET", "/v1/regions?limit=2&labelSelector=tier%3Deven&continue=" + next);
  EXPECT_NE(second.body.find("\"name\":\"r4\""), std::string::npos) << second.body;
  EXPECT_NE(second.body.find("\"name\":\"r6\""), std::string::npos);
  EXPECT_EQ(second.body.find("\"name\":\"r0\""), std::string::npos);
  EXPECT_EQ(header(second, "X-Resource-Version"), revision) << "of the first page";
  EXPECT_EQ(header(second, "X-Continue"), "");

  auto watched = send("GET", "/v1/regions?watch=true&resourceVersion=" + revision);
  ASSERT_TRUE(watched.stream);
  EXPECT_EQ(watched.content_type, "text/event-stream");
  EXPECT_NE(watched.stream->next().data.find("event: added"), std::string::npos);
  auto resumed = send("GET", "/v1/regions?watch=true&resourceVersion=1", "", "admin",
                      {{"last-event-id", std::to_string((*store.snapshot())->revision())}});
  EXPECT_EQ(resumed.stream->next().data, "") << "the header wins over the address";
}

TEST_F(ApiTest, ListsAsYamlDocuments) {
  send("POST", "/v1/regions", region("a"));
  send("POST", "/v1/regions", region("b"));
  const auto list = send("GET", "/v1/regions", "", "admin", {{"accept", "application/yaml"}});
  EXPECT_EQ(list.content_type, "application/yaml");
  EXPECT_EQ(std::ranges::count(list.body, '\n') > 6, true);
  EXPECT_NE(list.body.find("\n---\n"), std::string::npos) << list.body;
}

TEST_F(ApiTest, ListsOneApplicationsOwn) {
  for (const auto* name : {"shop.1", "shop.2", "shopping.1"}) {
    v1::Release release;
    release.mutable_metadata()->set_name(name);
    release.mutable_spec()->set_application(std::string(name).substr(0, std::string(name).find('.')));
    put("releases", name, release);
  }
  const auto list = send("GET", "/v1/releases?application=shop");
  EXPECT_NE(list.body.find("shop.2"), std::string::npos);
  EXPECT_EQ(list.body.find("shopping"), std::string::npos);
}

TEST_F(ApiTest, SecretsComeInAndNeverOut) {
  const std::string secret =
      R"({"apiVersion":"qleet.io/v1","kind":"Secret","metadata":{"name":"s"},"spec":{"data":{"key":"hunter2"}}})";
  const auto created = send("POST", "/v1/secrets", secret);
  EXPECT_EQ(created.status, 201) << created.body;
  auto watched = send("GET", "/v1/secrets?watch=true");
  for (const std::string& shown :
       {created.body, send("GET", "/v1/secrets/s").body, send("GET", "/v1/secrets").body,
        send("GET", "/v1/secrets/s", "", "admin", {{"accept", "application/yaml"}}).body,
        watched.stream->next().data}) {
    EXPECT_EQ(shown.find("hunter2"), std::string::npos);
    EXPECT_NE(shown.find("***"), std::string::npos) << shown;
    EXPECT_NE(shown.find("key"), std::string::npos);
  }
  const auto back = send("PUT", "/v1/secrets/s", send("GET", "/v1/secrets/s").body);
  EXPECT_EQ(back.status, 422);
  EXPECT_EQ(detail(back), "secret s: hidden values cannot be written back");
  EXPECT_NE(back.body.find(R"("field":"spec.data.key")"), std::string::npos) << back.body;
  EXPECT_EQ(send("GET", "/v1/serviceaccounts/ci").body.find("sha256"), std::string::npos);
}

TEST_F(ApiTest, FixedRolesStayAsTheyAre) {
  const std::string role =
      R"({"apiVersion":"qleet.io/v1","kind":"Role","metadata":{"name":"NAME"},"spec":{"rules":[{"kinds":["*"],"verbs":["*"]}]}})";
  const auto named = [&](const std::string& name) {
    return std::string(role).replace(role.find("NAME"), 4, name);
  };
  const auto refused = send("POST", "/v1/apply", named("ci"));
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(detail(refused), "role ci: its rules are fixed");
  EXPECT_EQ(send("POST", "/v1/apply", named("deputy")).status, 200);
  EXPECT_EQ(send("POST", "/v1/apply", named("admin")).status, 200) << "unchanged";
}

TEST_F(ApiTest, StatusOfALostAgentIsStaleWhereverItIsShown) {
  v1::Resource resource;
  resource.mutable_metadata()->set_name("eu.dev.shop.redis.s");
  resource.mutable_status()->set_state("Ready");
  put("resources", "eu.dev.shop.redis.s", resource);
  const std::string path = "/v1/resources/eu.dev.shop.redis.s";
  const auto tag = header(send("GET", path), "ETag");
  EXPECT_NE(send("GET", path).body.find("\"Ready\""), std::string::npos);
  freshness.stale = true;
  const auto shown = send("GET", path, "", "admin", {{"if-none-match", tag}});
  EXPECT_EQ(shown.status, 200) << "not 304: what is shown has changed, although nothing was written";
  EXPECT_NE(shown.body.find("\"Stale\""), std::string::npos);
  EXPECT_NE(send("GET", "/v1/resources").body.find("\"Stale\""), std::string::npos);
  EXPECT_NE(send("GET", "/v1/describe/resources/eu.dev.shop.redis.s").body.find("\"Stale\""),
            std::string::npos);
}

TEST_F(ApiTest, PassesTheSubjectAndTheRequestOn) {
  test::frontend_double().answers.add_releases()->set_application("shop");
  const auto build = send("POST", "/v1/builds", R"({"image":"i","tag":"t"})", "ci",
                          {{"idempotency-key", "k1"}, {"content-type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(build.body, "{\"releases\":[{\"application\":\"shop\"}]}\n");
  send("POST", "/v1/applications/shop/approve", R"({"environment":"prod","release":14})");
  send("POST", "/v1/applications/shop/rollback", "");
  send("POST", "/v1/plan", R"({"delete":{"kind":"app","name":"shop"}})");
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
                R"(plan build serviceaccount:admin {"image":"i"})",
                "plan apply serviceaccount:admin 1 objects",
                "apply serviceaccount:admin 1 objects dry",
                "why  redis/sessions",
                R"(token serviceaccount:admin {"serviceAccount":"bot","role":"ci"})",
                "revoke-token serviceaccount:admin bot t1",
            }));
}

TEST_F(ApiTest, AnOperationsErrorIsAProblemWithItsFields) {
  test::frontend_double().refuse = {Code::kConflict, "region eu is in use by shop", {}};
  const auto response = send("DELETE", "/v1/serviceaccounts/viewer");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(detail(response), "region eu is in use by shop");
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

TEST_F(ApiTest, LogsOfAWorkload) {
  v1::Deployment deployment;
  deployment.mutable_metadata()->set_name("shop.dev");
  deployment.mutable_spec()->set_environment("dev");
  deployment.mutable_status()->add_regions()->set_region("eu");
  put("deployments", "shop.dev", deployment);
  v1::Resource resource;
  resource.mutable_metadata()->set_name("eu.dev.shop.workload.web");
  resource.mutable_spec()->set_id("web");
  put("resources", "eu.dev.shop.workload.web", resource);
  auto response = send("GET", "/v1/applications/shop/logs?workload=web&tail=10&follow=true&container=c");
  ASSERT_TRUE(response.stream) << response.body;
  EXPECT_EQ(logs.query.resources, std::vector<std::string>{"eu.dev.shop.workload.web"});
  EXPECT_TRUE(logs.query.follow);
  EXPECT_EQ(logs.query.tail, 10U);
  EXPECT_EQ(logs.query.container, "c");
  EXPECT_EQ(response.stream->next().data, "r1/web | hello\n");
  EXPECT_EQ(send("GET", "/v1/applications/shop/logs?prefix=false").stream->next().data, "hello\n");
  EXPECT_EQ(detail(send("GET", "/v1/applications/shop/logs?workload=api")),
            "Application \\\"shop\\\" has no workload \\\"api\\\" there; it has: web");
}

TEST_F(ApiTest, AnAgentEnrolsWithItsJoinTokenAlone) {
  const auto token = send("POST", "/v1/agents/join-tokens", R"({"region":"eu"})", "operator");
  EXPECT_EQ(token.status, 201);
  EXPECT_NE(token.body.find(R"("caFingerprint":"cafe")"), std::string::npos) << token.body;
  const auto enrolled =
      send("POST", "/v1/enrol", R"({"token":"qlj_good","agent":"a1","publicKey":"U1"})", "");
  EXPECT_EQ(enrolled.status, 201) << enrolled.body;
  EXPECT_NE(enrolled.body.find("jwt of a1"), std::string::npos) << enrolled.body;
  EXPECT_NE(enrolled.body.find(store.identity().epoch), std::string::npos);
  const auto refused = send("POST", "/v1/enrol", R"({"token":"qlj_bad","agent":"a1"})", "");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(detail(refused), "the join token is unknown, used or expired");

  v1::Agent agent;
  agent.mutable_metadata()->set_name("a1");
  put("agents", "a1", agent);
  EXPECT_EQ(send("POST", "/v1/agents/a1/revoke", "", "operator").status, 204);
  EXPECT_EQ(enroller.expelled, std::vector<std::string>{"a1"});
}

TEST_F(ApiTest, GuessingIsSlowedDownPerAddress) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(send("GET", "/v1/regions", "", "wrong").status, 401);
  const auto limited = send("GET", "/v1/regions", "", "wrong");
  EXPECT_EQ(limited.status, 429);
  EXPECT_EQ(header(limited, "Retry-After"), "1");
  EXPECT_EQ(detail(limited), "too many requests: try again in 1 s");
  EXPECT_EQ(send("POST", "/v1/enrol", "{}", "").status, 429);
  EXPECT_EQ(send("GET", "/healthz", "", "").status, 200) << "health is always told";
  EXPECT_EQ(send("GET", "/v1/regions").status, 200) << "a good token does not suffer for its neighbour";
  peer = "127.0.0.2";
  EXPECT_EQ(send("GET", "/v1/regions").status, 200);
  peer = "127.0.0.1";
  clock.advance(Millis(1000));
  EXPECT_EQ(send("GET", "/v1/regions", "", "wrong").status, 401);
}

TEST_F(ApiTest, OneAccountsRequestsAreLimitedWhereverTheyComeFrom) {
  for (int i = 0; i < 1000; ++i) send("GET", "/v1/version", "", "viewer");
  peer = "127.0.0.3";
  EXPECT_EQ(send("GET", "/v1/version", "", "viewer").status, 429);
  EXPECT_EQ(send("GET", "/v1/version", "", "admin").status, 200);
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
  for (const auto* path : {"/v1/applications/{application}/approve", "/v1/plan", "/v1/enrol", "/healthz"})
    EXPECT_NE(schema.find(path), std::string::npos) << path;
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
