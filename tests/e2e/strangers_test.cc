// A stranger at every port that a fleet has open: which ports these are, and what he is told there.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>

#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "tests/e2e/container_fleet.h"
#include "tests/support/listening.h"
#include "tests/support/nats_stranger.h"
#include "tests/support/tcp_stranger.h"

namespace qleet::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::NatsStranger;

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

constexpr const char* kApp = R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: open}
spec:
  workloads:
    web:
      score:
        containers:
          main: {image: "localhost/shop/web:main-1", command: [python3, -m, http.server, "8080"]}
        service: {ports: {http: {port: 80, targetPort: 8080}}}
        resources: {url: {type: route, params: {host: open.localhost}}}
)";

struct Answer {
  int status = 0;
  std::string head;
  std::string body;
};

class Strangers : public ContainerFleet {
 protected:
  void SetUp() override {
    ContainerFleet::SetUp();
    const auto applied = fleet().qleet({"apply", "-", "--wait", "--timeout", "2m"}, kApp);
    ASSERT_EQ(applied.exit, 0) << applied.out << applied.err;
    ASSERT_TRUE(answers("open.localhost", "/", "Directory listing"));
    hub_ = fleet().hub_pid();
    nats_ = fleet().nats_pid();
  }
  // Nothing that was said has brought anything down.
  void TearDown() override {
    EXPECT_TRUE(fleet().hub_runs());
    EXPECT_EQ(fleet().hub_pid(), hub_);
    EXPECT_EQ(fleet().nats_pid(), nats_);
    EXPECT_EQ(fleet().get("agents", agent)["status.state"].str(), "Connected");
    ContainerFleet::TearDown();
  }

  static int api_port() { return std::stoi(fleet().url().substr(fleet().url().rfind(':') + 1)); }
  static int broker_port() { return std::stoi(contents(fleet().hub_state() / "broker/port")); }

  // Of the agent as it runs now: each start says so once more.
  static int metrics_port() {
    const auto log = contents(fleet().folder() / (std::string(agent) + ".log"));
    const std::regex said("msg=metrics .*port=([0-9]+)");
    int port = 0;
    for (auto it = std::sregex_iterator(log.begin(), log.end(), said); it != std::sregex_iterator(); ++it)
      port = std::stoi((*it)[1]);
    return port;
  }

  // From an address of its own, as each has so many requests without good credentials.
  static Answer ask(int from, const std::string& method, const std::string& path, const std::string& token) {
    std::vector<std::string> command{"curl",
                                     "-s",
                                     "-i",
                                     "-m",
                                     "20",
                                     "--interface",
                                     fmt::format("127.0.1.{}", from),
                                     "--cacert",
                                     (fleet().hub_state() / "tls/ca.pem").string(),
                                     "-X",
                                     method,
                                     fleet().url() + path};
    if (!token.empty()) command.insert(command.end(), {"-H", "Authorization: " + token});
    if (method != "GET" && method != "DELETE")
      command.insert(command.end(), {"-H", "Content-Type: application/json", "-d", "{}"});
    const auto ran = run(command);
    Answer answer;
    const auto end = ran.out.find("\r\n\r\n");
    answer.head = ran.out.substr(0, end);
    answer.body = end == std::string::npos ? "" : ran.out.substr(end + 4);
    if (answer.head.starts_with("HTTP/1.1 ")) answer.status = std::stoi(answer.head.substr(9, 3));
    return answer;
  }

  static std::string admin_token() {
    const auto text = contents(fleet().hub_state() / "admin-token");
    return text.substr(0, text.find('\n'));
  }

  pid_t hub_ = 0;
  pid_t nats_ = 0;
};

// A new port needs a row here, and a test below.
TEST_F(Strangers, ThePortsAreTheKnownOnes) {
  const auto found = listening(fleet().folder());
  const std::set<std::string> known{
      fmt::format("qleet-hub tcp 127.0.0.1:{}", api_port()),
      fmt::format("nats-server tcp 127.0.0.1:{}", broker_port()),
      fmt::format("haproxy tcp 127.0.0.1:{}", port()),
      fmt::format("qleet-agent tcp 127.0.0.1:{}", metrics_port()),
  };
  EXPECT_EQ(found, known) << ::testing::PrintToString(found);
}

TEST_F(Strangers, ThePortOfTheAgentsMetricsTellsCountsAlone) {
  const auto get = [](const std::string& target) {
    return TcpStranger(metrics_port()).say("GET " + target + " HTTP/1.1\r\nHost: agent\r\n\r\n");
  };
  const auto served = get("/metrics");
  EXPECT_TRUE(served.starts_with("HTTP/1.1 200 ")) << served;
  EXPECT_EQ(served.find("open"), std::string::npos) << "names no application: " << served;
  for (const char* target : {"/", "/v1", "/metrics/../identity", "/%2e%2e/etc/passwd", "//metrics"})
    EXPECT_TRUE(get(target).starts_with("HTTP/1.1 404 ")) << target;
  for (const std::string& said : {std::string("POST /metrics HTTP/1.1\r\n\r\n"),
                                  "GET /metrics HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n",
                                  std::string(5000, '\xff') + "\r\n\r\n"}) {
    const auto heard = TcpStranger(metrics_port()).say(said);
    EXPECT_TRUE(heard.empty() || heard.starts_with("HTTP/1.1 4")) << heard.substr(0, 200);
  }
  EXPECT_EQ(get("/metrics").substr(0, 12), "HTTP/1.1 200");
}

TEST_F(Strangers, NoRouteOfTheApiAnswersWithoutAGoodToken) {
  const auto document = run({"curl", "-fsS", "--cacert", (fleet().hub_state() / "tls/ca.pem").string(), "-H",
                             "Authorization: Bearer " + admin_token(), fleet().url() + "/openapi.json"});
  ASSERT_EQ(document.exit, 0) << document.err;
  const Json paths = Json::parse(document.out)["paths"];
  const std::set<std::string> open{"GET /healthz", "GET /openapi.json", "GET /readyz", "POST /v1/enrol",
                                   "POST /v1/agents/{agent}/certificate"};
  std::set<std::string> answered;
  int asked = 0;
  for (const auto& path : paths.names()) {
    std::string filled = path;
    for (auto at = filled.find('{'); at != std::string::npos; at = filled.find('{'))
      filled.replace(at, filled.find('}', at) + 1 - at, agent);
    for (std::string method : paths.field(path).names()) {
      std::ranges::transform(method, method.begin(),
                             [](char c) { return static_cast<char>(std::toupper(c)); });
      const auto what = method + " " + path;
      for (const std::string token :
           {"", "Bearer qlt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Basic YWRtaW46"}) {
        const auto answer = ask(1 + asked++ / 20, method, filled, token);
        EXPECT_NE(answer.head.find("Strict-Transport-Security: max-age="), std::string::npos)
            << what << answer.head;
        if (open.contains(what)) {
          answered.insert(what);
          EXPECT_NE(answer.status, 403) << what;
          EXPECT_LT(answer.status, 500) << what;
        } else {
          EXPECT_EQ(answer.status, 401) << what << " with \"" << token << "\": " << answer.body;
          EXPECT_EQ(answer.body.find("open"), std::string::npos) << answer.body;
        }
      }
    }
  }
  EXPECT_GT(asked, 100);
  EXPECT_EQ(answered, open) << "the document names all of them";
  // What it does not name is not there for him either.
  for (const char* method : {"PATCH", "OPTIONS", "TRACE", "PUT"})
    for (const char* path : {"/", "/v1", "/v1/applications", "/v1/applications/open/secrets", "/metrics/x",
                             "/v1/../metrics", "/%2e%2e/etc/passwd", "//v1/applications", "/debug/pprof"}) {
      const auto answer = ask(200 + asked++ / 20 % 50, method, path, "");
      EXPECT_GE(answer.status, 400) << method << " " << path << answer.head;
      EXPECT_LT(answer.status, 500) << method << " " << path << answer.head;
    }
}

TEST_F(Strangers, ThePortOfTheApiSpeaksNothingButGoodTls) {
  for (const std::string& said :
       {std::string("GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n"),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), std::string("CONNECT {}\r\nPING\r\n"),
        std::string(5000, '\xff'), std::string(5000, '\0'),
        std::string("\x16\x03\x01\xff\xff\x01", 6) + std::string(4000, 'x')}) {
    TcpStranger one(api_port());
    const auto heard = one.say(said);
    EXPECT_EQ(heard.find("HTTP/"), std::string::npos) << heard;
    EXPECT_LT(heard.size(), 100U) << "an alert at most";
    EXPECT_TRUE(one.closed());
  }
  const auto offered = [](int version, const char* suites) {
    return TcpStranger(api_port()).handshake(version, suites);
  };
  EXPECT_EQ(offered(TLS1_3_VERSION, ""), "");
  EXPECT_EQ(offered(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"), "");
  for (const int version : {TLS1_1_VERSION, TLS1_VERSION})
    EXPECT_THAT(offered(version, "ALL:@SECLEVEL=0"), HasSubstr("alert protocol version"));
  for (const char* suite :
       {"ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "AES128-GCM-SHA256", "aNULL:@SECLEVEL=0"})
    EXPECT_THAT(offered(TLS1_2_VERSION, suite), HasSubstr("alert handshake failure")) << suite;
  EXPECT_EQ(ask(250, "GET", "/readyz", "").status, 200);
}

TEST_F(Strangers, ThePortOfTheBrokerHearsNobodyWithoutACertificateOfTheHubsCa) {
  const auto ca = contents(fleet().hub_state() / "tls/ca.pem");
  const SystemClock clock;
  const auto other = *crypto::make_ca("test", std::chrono::days(365), clock.wall());
  TlsClient foreign;
  foreign.key_pem = *crypto::make_client_key();
  foreign.certificate_pem =
      *crypto::make_client_certificate(other, *crypto::make_certificate_request(foreign.key_pem, agent),
                                       agent, std::chrono::days(1), clock.wall());
  const TlsClient servers{contents(fleet().hub_state() / "broker/tls.crt"),
                          contents(fleet().hub_state() / "broker/tls.key")};
  const TlsClient agents{contents(fleet().agent_state(agent) / "identity/tls.crt"),
                         contents(fleet().agent_state(agent) / "identity/tls.key")};
  const auto heard = [&](const TlsClient& client, const std::string& token) {
    NatsStranger one(broker_port(), ca, "broker.qleet.internal", client);
    return one.say_hello_with(token);
  };
  EXPECT_NE(heard(agents, "not.a.token"), "") << "so that the others were refused for what they showed";
  EXPECT_EQ(heard(agents, "not.a.token").find("PONG"), std::string::npos);
  for (const auto& client : {TlsClient{}, foreign, servers})
    for (const std::string& token : {std::string("not.a.token"), testing::token_with_a_truncated_issuer()})
      EXPECT_EQ(heard(client, token), "");
  for (const std::string& said :
       {std::string("CONNECT {\"verbose\":true}\r\nPING\r\n"), std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string(5000, '\xff'), std::string("INFO {}\r\nPUB desired.local-1 1\r\nx\r\n")}) {
    TcpStranger one(broker_port(), "\r\n");
    const auto answer = one.say(said);
    EXPECT_EQ(answer.find("PONG"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("+OK"), std::string::npos) << answer;
    EXPECT_TRUE(one.closed());
  }
  const auto offered = [](int version, const char* suites) {
    return TcpStranger(broker_port(), "\r\n").handshake(version, suites);
  };
  EXPECT_THAT(offered(TLS1_1_VERSION, "ALL:@SECLEVEL=0"), HasSubstr("alert protocol version"));
  EXPECT_THAT(offered(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA"), HasSubstr("alert handshake failure"));
  EXPECT_THAT(offered(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"), HasSubstr("alert bad certificate"));
}

TEST_F(Strangers, ThePortOfTheRouterAnswersForKnownHostsAlone) {
  for (const std::string host :
       {"nobody.localhost", "127.0.0.1", "open.localhost.evil", "xopen.localhost", ""}) {
    const auto got = http_get(port(), host, "/");
    EXPECT_TRUE(got.status == 404 || got.status == 503 || got.status == 400) << host << " " << got.status;
    EXPECT_EQ(got.body.find("Directory listing"), std::string::npos) << host;
  }
  for (const std::string& said :
       {std::string("GET / HTTP/1.1\r\nHost: open.localhost\r\nHost: nobody.localhost\r\nTransfer-Encoding: "
                    "chunked\r\nContent-Length: 5\r\n\r\nx"),
        std::string("CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n"),
        fmt::format("GET https://127.0.0.1:{}/healthz HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", api_port(),
                    api_port()),
        std::string(5000, '\xff') + "\r\n\r\n"}) {
    TcpStranger one(port());
    const auto heard = one.say(said);
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 4") || heard.starts_with("HTTP/1.0 4") ||
                heard.starts_with("HTTP/1.1 5") || heard.starts_with("HTTP/1.0 5"))
        << heard.substr(0, 200);
  }
  EXPECT_TRUE(answers("open.localhost", "/", "Directory listing"));
}

}  // namespace
}  // namespace qleet::test
