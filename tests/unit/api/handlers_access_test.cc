// Who may do what, and how often.
#include <gmock/gmock.h>

#include "tests/unit/api/api_fixture.h"

namespace qleet::hub::api {
namespace {

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
           {"viewer", "PATCH", "/v1/secrets/s", R"({"data":{"a":"b"}})", 403},
           {"developer", "PATCH", "/v1/secrets/s", R"({"data":{"a":"b"}})", 200},
           {"developer", "PATCH", "/v1/secrets/s", R"({"data":{"a":"***"}})", 422},
           {"developer", "PATCH", "/v1/secrets/s", R"({"dta":{}})", 422},
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

TEST_F(ApiTest, AnAgentIsGivenACertificateForItsSignatureAlone) {
  const auto enrolled = send("POST", "/v1/enrol",
                             R"({"token":"qlj_good","agent":"a1","publicKey":"U1","tlsRequest":"mine"})", "");
  EXPECT_EQ(enrolled.status, 201) << enrolled.body;
  EXPECT_NE(enrolled.body.find(R"("natsClientCertificate":"certificate for mine")"), std::string::npos)
      << enrolled.body;
  EXPECT_THAT(test::frontend_double().calls, ::testing::Contains(::testing::HasSubstr("note-certificate")));

  const std::string good = R"("tlsRequest":"next","signature":"Z29vZA==")";  // "good"
  const auto given = send("POST", "/v1/agents/a1/certificate", "{" + good + "}", "");
  EXPECT_EQ(given.status, 201) << given.body;
  EXPECT_NE(given.body.find("certificate of a1 for next"), std::string::npos) << given.body;
  const auto elsewhere = send("POST", "/v1/agents/a1/certificate", R"({"agent":"a2",)" + good + "}", "");
  EXPECT_THAT(detail(elsewhere), ::testing::HasSubstr("but the address says"));
  const auto refused = send("POST", "/v1/agents/a1/certificate", R"({"tlsRequest":"next"})", "");
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(header(refused, "Date"), ::testing::EndsWith(" GMT")) << "an agent's clock may be wrong";
}

TEST_F(ApiTest, ARequestThatCannotBeAdmittedUsesNoTokenUp) {
  enroller.needs_certificate = true;
  const auto refused = send("POST", "/v1/enrol", R"({"token":"qlj_good","agent":"a1","publicKey":"U1"})", "");
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(test::frontend_double().calls,
              ::testing::Not(::testing::Contains(::testing::HasSubstr("redeem"))));
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

}  // namespace
}  // namespace qleet::hub::api
