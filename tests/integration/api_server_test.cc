// The API as it is deployed: on a TLS socket, with the real operations behind it.
#include "hub/api/api.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/crypto/certificate.h"
#include "common/http/client.h"
#include "hub/frontend/frontend.h"
#include "hub/store/memory_store.h"
#include "tests/support/tls_socket.h"

namespace qleet::hub::api {
namespace {

using namespace std::chrono_literals;

class ApiServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto now = clock.wall();
    ca = *crypto::make_ca("test", std::chrono::days(10), now);
    const auto server_key =
        *crypto::make_server_certificate(ca, {.dns = {"localhost"}, .ips = {}}, std::chrono::days(5), now);
    ASSERT_TRUE(frontend::ensure_defaults({store, clock}, "").has_value());
    v1::TokenRequest request;
    request.set_service_account("root");
    request.set_role("admin");
    const auto issued = frontend::create_service_account_token({store, clock}, {"hub"}, request);
    ASSERT_TRUE(issued.has_value()) << issued.error().message;
    token = issued->token();
    ApiOptions options;
    options.http.certificate_pem = server_key.certificate_pem;
    options.http.key_pem = server_key.private_key_pem;
    options.http.limits.heartbeat = 50ms;
    auto started = ApiServer::start(options, {.store = store, .clock = clock});
    ASSERT_TRUE(started.has_value()) << started.error().message;
    server = *std::move(started);
    client = std::make_unique<http::Client>(
        http::ClientOptions{.tls = {.ca_pem = ca.certificate_pem, .pinned_ca_sha256 = {}}});
  }

  http::Response send(std::string method, const std::string& path, std::string body = {},
                      http::Headers headers = {}) {
    http::Request request;
    request.method = std::move(method);
    request.url = fmt::format("https://localhost:{}{}", server->port(), path);
    request.headers = std::move(headers);
    request.headers.emplace_back("Authorization", "Bearer " + token);
    request.body = std::move(body);
    auto response = client->request(request);
    EXPECT_TRUE(response.has_value()) << response.error().message;
    return response ? *std::move(response) : http::Response{};
  }

  std::string region(const std::string& name, const std::string& tier) {
    return fmt::format(
        "apiVersion: qleet.io/v1\nkind: Region\nmetadata: {{name: {}, labels: {{tier: {}}}}}\n", name, tier);
  }

  // A raw request, so that the stream's own bytes are seen.
  std::string get(const std::string& target, const std::string& headers = {}) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n{}\r\n", target,
                       token, headers);
  }

  SystemClock clock;
  MemoryStore store;
  crypto::CertifiedKey ca;
  std::string token;
  std::unique_ptr<ApiServer> server;
  std::unique_ptr<http::Client> client;
};

TEST_F(ApiServerTest, AppliesYamlAndGoesByEtags) {
  const auto applied = send("POST", "/v1/apply", region("eu", "x") + "---\n" + region("us", "y"),
                            {{"Content-Type", "application/yaml"}});
  EXPECT_EQ(applied.status, 200) << applied.body;
  const auto eu = send("GET", "/v1/regions/eu");
  EXPECT_EQ(eu.status, 200);
  const std::string tag(eu.header("ETag"));
  EXPECT_EQ(send("GET", "/v1/regions/eu", "", {{"If-None-Match", tag}}).status, 304);
  EXPECT_EQ(send("PUT", "/v1/regions/eu", region("eu", "z"), {{"If-Match", tag}}).status, 200);
  EXPECT_EQ(send("PUT", "/v1/regions/eu", region("eu", "w"), {{"If-Match", tag}}).status, 412);
  EXPECT_EQ(send("DELETE", "/v1/regions/us").status, 200);
  EXPECT_EQ(send("GET", "/v1/regions/us").status, 404);
}

TEST_F(ApiServerTest, BadInputNamesTheLineAndTheField) {
  const auto refused =
      send("POST", "/v1/apply",
           "apiVersion: qleet.io/v1\nkind: Region\nmetadata:\n  name: eu\nspec:\n  cordonned: true\n");
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(
      refused.body.find(
          R"("errors":[{"field":"spec.cordonned","message":"unknown field; did you mean \"cordoned\"?","line":6}])"),
      std::string::npos)
      << refused.body;
}

TEST_F(ApiServerTest, AnOversizedAndADeepBodyAreTooLarge) {
  const auto large = send("POST", "/v1/apply", std::string((1 << 20) + 1, ' '));
  EXPECT_EQ(large.status, 413);
  EXPECT_NE(large.body.find("the request body is larger than 1048576 bytes"), std::string::npos)
      << large.body;
  const auto deep = send("POST", "/v1/apply", std::string(100'000, '['));
  EXPECT_EQ(deep.status, 413) << deep.body;
  EXPECT_EQ(send("GET", "/v1/regions").status, 200) << "still there";
}

TEST_F(ApiServerTest, AWrongTokenIsNotToldMoreThanThat) {
  token = "qlt_wrong";
  const auto refused = send("GET", "/v1/regions");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.header("WWW-Authenticate"), "Bearer realm=\"qleet\"");
  EXPECT_NE(refused.body.find("the token is unknown, or was revoked"), std::string::npos);
  EXPECT_EQ(refused.body.find("qlt_"), std::string::npos);
}

TEST_F(ApiServerTest, AWatchIsResumedWhereItWasCut) {
  send("POST", "/v1/apply", region("a", "x"));
  std::string last;
  const auto id_of = [](const std::string& event) {
    const size_t at = event.rfind("id: ");
    return event.substr(at + 4, event.find('\n', at) - at - 4);
  };
  {
    testing::TlsSocket socket(server->port());
    socket.send(get("/v1/regions?watch=true"));
    const auto list = socket.read_until("event: bookmark\n");
    EXPECT_NE(list.find("Content-Type: text/event-stream"), std::string::npos) << list;
    EXPECT_NE(list.find("event: added"), std::string::npos);
    send("POST", "/v1/apply", region("b", "x"));
    const auto added = socket.read_until("\"name\":\"b\"");
    EXPECT_NE(added.find("event: added"), std::string::npos) << added;
    last = id_of(added);
  }
  send("POST", "/v1/apply", region("c", "x"));
  send("POST", "/v1/apply", region("b", "y"));
  send("DELETE", "/v1/regions/c");
  testing::TlsSocket socket(server->port());
  socket.send(get("/v1/regions?watch=true", fmt::format("Last-Event-ID: {}\r\n", last)));
  const auto rest = socket.read_until("event: deleted");
  const size_t c = rest.find("\"name\":\"c\"");
  const size_t b = rest.find("\"name\":\"b\"");
  ASSERT_NE(c, std::string::npos) << rest;
  ASSERT_NE(b, std::string::npos) << rest;
  EXPECT_LT(c, b);
  EXPECT_NE(rest.find("event: modified"), std::string::npos);
  EXPECT_EQ(rest.find("\"name\":\"a\""), std::string::npos);
  EXPECT_FALSE(socket.read_until(": heartbeat\n\n").empty());
}

TEST_F(ApiServerTest, AWatchFromARevisionThatIsGoneIs410) {
  const auto gone = send("GET", "/v1/regions?watch=true&resourceVersion=99999");
  EXPECT_EQ(gone.status, 410);
  EXPECT_NE(gone.body.find("\"code\":\"Compacted\""), std::string::npos) << gone.body;
}

TEST_F(ApiServerTest, ManyClientsAtOnceEachSeeEveryChangeOnce) {
  constexpr int kWatchers = 8;
  constexpr int kChanges = 40;
  std::vector<std::unique_ptr<testing::TlsSocket>> watchers;
  for (int i = 0; i < kWatchers; ++i) {
    watchers.push_back(std::make_unique<testing::TlsSocket>(server->port()));
    watchers.back()->send(get("/v1/regions?watch=true"));
    ASSERT_FALSE(watchers.back()->read_until("event: bookmark\n").empty());
  }
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([&, w] {
      for (int i = 0; i < kChanges / 4; ++i)
        send("POST", "/v1/apply", region(fmt::format("r{}-{}", w, i), "x"));
    });
  for (auto& writer : writers) writer.join();
  send("POST", "/v1/apply", region("zz-last", "x"));
  for (auto& watcher : watchers) {
    const auto seen = watcher->read_until("\"name\":\"zz-last\"");
    size_t count = 0;
    for (size_t at = seen.find("event: added"); at != std::string::npos;
         at = seen.find("event: added", at + 1))
      ++count;
    EXPECT_EQ(count, kChanges + 1U);
  }
}

TEST_F(ApiServerTest, StopsWhileStreamsAreOpenAndAClientDoesNotRead) {
  testing::TlsSocket reading(server->port());
  reading.send(get("/v1/regions?watch=true"));
  reading.read_until("event: bookmark\n");
  testing::TlsSocket deaf(server->port());
  deaf.send(get("/v1/regions?watch=true"));
  server->stop();
  EXPECT_NE(reading.read_all().find("0\r\n\r\n"), std::string::npos) << "ended, not cut";
}

}  // namespace
}  // namespace qleet::hub::api
