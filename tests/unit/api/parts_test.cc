#include <gtest/gtest.h>

#include "hub/access/roles.h"
#include "hub/api/content.h"
#include "hub/api/json_writer.h"
#include "hub/api/log_sink.h"
#include "hub/api/message.h"
#include "hub/api/problem.h"
#include "hub/api/rate_limiter.h"
#include "hub/api/router.h"

namespace qleet::hub::api {
namespace {

TEST(Target, IsSplitAndDecoded) {
  Request request;
  ASSERT_TRUE(parse_target("/v1/why/redis%2Fsessions?labelSelector=a%3Db%2Cc&x=1+2&flag&=z", request));
  EXPECT_EQ(request.path, "/v1/why/redis/sessions");
  EXPECT_EQ(request.parameter("labelSelector"), "a=b,c");
  EXPECT_EQ(request.parameter("x"), "1 2");
  EXPECT_TRUE(request.query.contains("flag"));
  EXPECT_EQ(request.parameter("missing"), "");
  for (const auto* bad : {"", "v1", "*", "http://x/y", "/%", "/%1", "/%g0", "/a%00b", "/x?a=%0"}) {
    Request refused;
    EXPECT_FALSE(parse_target(bad, refused)) << bad;
  }
}

TEST(JsonString, EscapesAndNeverWritesWhatIsNoUtf8) {
  EXPECT_EQ(json_string("a\"b\\c\n\t\r\x01\x7f"), R"("a\"b\\c\n\t\r\u0001\u007f")");
  EXPECT_EQ(json_string("gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82"), "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82\"");
  for (const auto* bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3"})
    EXPECT_TRUE(json_string(bad).starts_with("\"\xef\xbf\xbd")) << bad;
}

TEST(Problem, HoldsWhatRfc9457AsksForAndTheFields) {
  const Response response =
      problem({Code::kInvalid, "shop is wrong", {{.field = "spec.x", .message = "unknown", .line = 7}}});
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(
      response.body,
      R"({"type":"https://qleet.io/problems/invalid","title":"Unprocessable Content","status":422,)"
      R"("detail":"shop is wrong","code":"Invalid","errors":[{"field":"spec.x","message":"unknown","line":7}]})");
}

TEST(Problem, MapsEveryCode) {
  struct Row {
    Code code;
    int status;
    std::string_view name;
  };
  for (const Row& row :
       {Row{Code::kInvalid, 422, "Invalid"}, Row{Code::kUnauthenticated, 401, "Unauthenticated"},
        Row{Code::kDenied, 403, "Denied"}, Row{Code::kNotFound, 404, "NotFound"},
        Row{Code::kExists, 409, "AlreadyExists"}, Row{Code::kConflict, 409, "Conflict"},
        Row{Code::kCompacted, 410, "Compacted"}, Row{Code::kTooLarge, 413, "TooLarge"},
        Row{Code::kExhausted, 429, "Exhausted"}, Row{Code::kFull, 507, "StorageFull"},
        Row{Code::kUnavailable, 503, "Unavailable"}, Row{Code::kDeadline, 504, "DeadlineExceeded"},
        Row{Code::kUnsupported, 501, "Unsupported"}, Row{Code::kInternal, 500, "Internal"}}) {
    EXPECT_EQ(status_of(row.code), row.status);
    EXPECT_EQ(code_name(row.code), row.name);
  }
  const auto unauthenticated = problem({Code::kUnauthenticated, "x", {}});
  ASSERT_EQ(unauthenticated.headers.size(), 1U);
  EXPECT_EQ(unauthenticated.headers[0].first, "WWW-Authenticate");
}

TEST(RateLimiter, LetsABurstThroughThenTheRate) {
  ManualClock clock;
  RateLimiter limiter({.per_second = 2, .burst = 3}, clock);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter.take("a"));
  EXPECT_EQ(limiter.take("a"), Millis(500));
  EXPECT_FALSE(limiter.take("b")) << "one key's use is nothing to another";
  clock.advance(Millis(500));
  EXPECT_FALSE(limiter.take("a"));
  EXPECT_TRUE(limiter.take("a"));
  clock.advance(Millis(1'000'000));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter.take("a"));
  EXPECT_TRUE(limiter.take("a")) << "never more than the burst";
}

TEST(RateLimiter, ForgetsTheLeastRecentlyUsed) {
  ManualClock clock;
  RateLimiter limiter({.per_second = 1, .burst = 1}, clock, 2);
  EXPECT_FALSE(limiter.take("a"));
  EXPECT_FALSE(limiter.take("b"));
  EXPECT_TRUE(limiter.take("a"));
  EXPECT_FALSE(limiter.take("c"));  // b goes
  EXPECT_TRUE(limiter.take("a"));
  EXPECT_FALSE(limiter.take("b"));
}

Router test_router() {
  Router router;
  for (const auto& [method, pattern] :
       std::vector<std::pair<std::string, std::string>>{{"GET", "/v1/agents"},
                                                        {"GET", "/v1/agents/{name}"},
                                                        {"DELETE", "/v1/agents/{name}"},
                                                        {"POST", "/v1/agents/join-tokens"},
                                                        {"POST", "/v1/agents/{name}/revoke"}})
    router.add({method, pattern, Access::open(), {}});
  return router;
}

TEST(Router, FindsTheMostLiteralRoute) {
  const Router router = test_router();
  struct Row {
    std::string_view method, path, pattern, allow;
  };
  for (const Row& row : {
           Row{"GET", "/v1/agents", "/v1/agents", ""},
           Row{"HEAD", "/v1/agents", "/v1/agents", ""},
           Row{"GET", "/v1/agents/a1", "/v1/agents/{name}", ""},
           Row{"POST", "/v1/agents/join-tokens", "/v1/agents/join-tokens", ""},
           Row{"POST", "/v1/agents/a1/revoke", "/v1/agents/{name}/revoke", ""},
           Row{"PUT", "/v1/agents/a1", "", "DELETE, GET, HEAD"},
           Row{"GET", "/v1/agents/join-tokens", "", "POST"},
           Row{"POST", "/v1/agents", "", "GET, HEAD"},
           Row{"GET", "/v1/agents/", "", ""},
           Row{"GET", "/v1", "", ""},
           Row{"GET", "/", "", ""},
           Row{"GET", "", "", ""},
       }) {
    const Match match = router.match(row.method, row.path);
    EXPECT_EQ(match.route ? match.route->pattern : "", row.pattern) << row.method << " " << row.path;
    EXPECT_EQ(match.allow, row.allow) << row.method << " " << row.path;
  }
  EXPECT_EQ(router.match("GET", "/v1/agents/a1").parameters.at("name"), "a1");
}

TEST(Content, FormatFollowsAccept) {
  EXPECT_EQ(accepted_format(""), Format::kJson);
  EXPECT_EQ(accepted_format("*/*"), Format::kJson);
  EXPECT_EQ(accepted_format("application/yaml"), Format::kYaml);
  EXPECT_EQ(accepted_format("text/html, application/json;q=0.9"), Format::kJson);
  EXPECT_EQ(accepted_format("application/yaml;q=0, */*"), Format::kJson);
  EXPECT_EQ(accepted_format("text/html"), std::nullopt);
  EXPECT_EQ(accepted_format("application/json;q=0"), std::nullopt);
}

TEST(Content, BodiesThatAreSurelyNeitherJsonNorYamlAreRefused) {
  for (const auto* good : {"", "application/json", "application/json; charset=utf-8", "application/yaml",
                           "text/x-yaml", "application/x-www-form-urlencoded", "Text/Plain"})
    EXPECT_TRUE(acceptable_body(good)) << good;
  for (const auto* bad : {"application/xml", "multipart/form-data; boundary=x", "image/png"})
    EXPECT_FALSE(acceptable_body(bad)) << bad;
}

TEST(Content, ParametersAreCheckedByName) {
  Request request;
  request.query = {{"limit", "12"}, {"watch", "yes"}, {"labelSelektor", "a"}};
  EXPECT_EQ(**number(request, "limit", 100), 12U);
  EXPECT_EQ(number(request, "limit", 10).error().message,
            "query parameter limit: \"12\" is not a whole number from 0 to 10");
  EXPECT_EQ(number(request, "watch", 10).error().message,
            "query parameter watch: \"yes\" is not a whole number from 0 to 10");
  EXPECT_EQ(flag(request, "watch").error().message,
            "query parameter watch: \"yes\" is neither true nor false");
  EXPECT_FALSE(*flag(request, "dryRun"));
  EXPECT_EQ(only_parameters(request, {"limit", "watch", "labelSelector"}).error().message,
            "query parameter labelSelektor: unknown; did you mean \"labelSelector\"?");
}

TEST(LogSink, KeepsLinesWholeAndNamesTheirSource) {
  LogSink sink;
  int woken = 0;
  sink.start([&] { ++woken; });
  EXPECT_TRUE(sink.write("eu/web", "one\ntw"));
  EXPECT_TRUE(sink.write("us/web", "other\n"));
  EXPECT_EQ(sink.next().data, "eu/web | one\nus/web | other\n");
  EXPECT_TRUE(sink.write("eu/web", "o\n\nrest"));
  EXPECT_EQ(sink.next().data, "eu/web | two\neu/web | \n");
  sink.finish("us: its agent is away");
  const Piece last = sink.next();
  EXPECT_EQ(last.data, "eu/web | rest\n-- us: its agent is away\n");
  EXPECT_TRUE(last.end);
  EXPECT_GE(woken, 4);
  EXPECT_FALSE(sink.write("eu/web", "late\n"));
}

TEST(LogSink, TimesStayOnlyWhereTheyAreAskedFor) {
  LogSink plain({.names = false});
  LogSink timed({.names = true, .times = true});
  for (auto* sink : {&plain, &timed}) {
    sink->write("s", "2026-11-30T19:00:34.120Z one\n- two\n");
    sink->write("s", "of an older agent\n");
  }
  EXPECT_EQ(plain.next().data, "one\ntwo\nof an older agent\n");
  EXPECT_EQ(timed.next().data, "s | 2026-11-30T19:00:34.120Z one\ns | - two\ns | of an older agent\n");
}

TEST(LogSink, ALineOfAMegabyteIsOneLine) {
  LogSink sink({.names = false});
  const std::string line(1 << 20, 'x');
  for (size_t at = 0; at < line.size(); at += 65536) sink.write("s", line.substr(at, 65536));
  sink.write("s", "\n");
  EXPECT_EQ(sink.next().data, line + "\n");
}

TEST(LogSink, SaysWhatASlowReaderMissed) {
  LogSink sink({.names = false, .max_bytes = 20});
  for (int i = 0; i < 10; ++i) sink.write("s", "12345678\n");
  EXPECT_EQ(sink.next().data,
            "12345678\n12345678\n-- 8 lines were left out here: they came faster than they were read\n");
  sink.write("s", "x\n");
  EXPECT_EQ(sink.next().data, "x\n");
}

TEST(LogSink, UnfinishedLinesCountForItsBound) {
  LogSink sink({.names = false, .max_bytes = 20});
  for (int i = 0; i < 10; ++i) sink.write("s", "12345678");
  sink.write("t", "1234567890\n");
  sink.write("s", "\nend\n");
  EXPECT_EQ(sink.next().data,
            "1234567890\nend\n-- 1 lines were left out here: they came faster than they were read\n");
}

TEST(LogSink, TellsTheProducerThatNobodyListens) {
  LogSink sink;
  int told = 0;
  sink.on_cancel([&] { ++told; });
  sink.cancel();
  sink.cancel();
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(sink.write("s", "x\n"));
  sink.on_cancel([&] { ++told; });
  EXPECT_EQ(told, 2) << "too late to be cancelled: told at once";
}

TEST(Roles, CiCanDoNothingButNotifyBuilds) {
  const auto& rules = access::builtin_role("ci")->spec().rules();
  EXPECT_TRUE(access::allows(rules, "notify", "builds"));
  for (const auto* verb : {"get", "list", "watch", "create", "update", "delete", "plan", "approve", "token"})
    for (const auto* kind : {"builds", "applications", "secrets", "metrics", "serviceaccounts"})
      EXPECT_FALSE(access::allows(rules, verb, kind)) << verb << " " << kind;
}

TEST(Roles, Table) {
  struct Row {
    std::string_view role, verb, kind;
    bool allowed;
  };
  for (const Row& row : {
           Row{"admin", "delete", "rolebindings", true},
           Row{"admin", "token", "serviceaccounts", true},
           Row{"operator", "update", "profiles", true},
           Row{"operator", "approve", "applications", true},
           Row{"operator", "enrol", "agents", true},
           Row{"operator", "update", "serviceaccounts", false},
           Row{"operator", "token", "serviceaccounts", false},
           Row{"operator", "create", "rolebindings", false},
           Row{"developer", "update", "applications", true},
           Row{"developer", "rollback", "applications", true},
           Row{"developer", "logs", "applications", true},
           Row{"developer", "approve", "applications", false},
           Row{"developer", "update", "environments", false},
           Row{"developer", "list", "serviceaccounts", false},
           Row{"viewer", "watch", "resources", true},
           Row{"viewer", "list", "secrets", false},
           Row{"viewer", "logs", "applications", false},
           Row{"viewer", "update", "applications", false},
       })
    EXPECT_EQ(access::allows(access::builtin_role(row.role)->spec().rules(), row.verb, row.kind), row.allowed)
        << row.role << " " << row.verb << " " << row.kind;
}

}  // namespace
}  // namespace qleet::hub::api
