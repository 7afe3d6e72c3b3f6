// Requests that are refused, and the words that say why.
#include "tests/unit/api/api_fixture.h"

namespace qleet::hub::api {
namespace {

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
           {"GET", "/v1/applications/shop/logs", "", {}, 404, "Application \\\"shop\\\" does not exist"},
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

TEST_F(ApiTest, AnOperationsErrorIsAProblemWithItsFields) {
  test::frontend_double().refuse = {Code::kConflict, "region eu is in use by shop", {}};
  const auto response = send("DELETE", "/v1/serviceaccounts/viewer");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(detail(response), "region eu is in use by shop");
}

}  // namespace
}  // namespace qleet::hub::api
