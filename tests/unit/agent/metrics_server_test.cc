// The agent's /metrics: what it says, and that nothing else is answered.
#include "agent/metrics/metrics_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/metrics/agent_metrics.h"
#include "common/clock/clock.h"

namespace qleet::agent {
namespace {

// What the other end says to these bytes, until it closes.
std::string exchange(std::uint16_t port, const std::string& request) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  EXPECT_EQ(::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char chunk[4096];
  for (ssize_t got = 0; (got = ::recv(descriptor, chunk, sizeof chunk, 0)) > 0;)
    answer.append(chunk, static_cast<size_t>(got));
  ::close(descriptor);
  return answer;
}

class Serving : public ::testing::Test {
 protected:
  SystemClock clock;
  IoThread io{clock};
  std::unique_ptr<MetricsServer> server =
      MetricsServer::start(io.loop(), "127.0.0.1:0", [this] { return text; }).value();
  std::string text = "a 1\n";
};

TEST_F(Serving, AnswersMetricsAndNothingElse) {
  const auto answer = exchange(server->port(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(
      answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                         "Content-Length: 4\r\nConnection: close\r\n\r\na 1\n"))
      << answer;
  EXPECT_TRUE(exchange(server->port(), "GET /metrics?x=1 HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(
      exchange(server->port(), "HEAD /metrics HTTP/1.1\r\n\r\n").ends_with("Connection: close\r\n\r\n"));
  EXPECT_TRUE(exchange(server->port(), "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(exchange(server->port(), "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(exchange(server->port(), "\r\n\r\n").starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(exchange(server->port(), "GET /metrics HTTP/1.1\r\nX: " + std::string(9000, 'x'))
                  .starts_with("HTTP/1.1 431 "));
}

TEST_F(Serving, ALargeTextComesWhole) {
  text = std::string(4 << 20, 'x');
  EXPECT_TRUE(exchange(server->port(), "GET /metrics HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n" + text));
}

TEST_F(Serving, EndsWhileSomebodyIsConnected) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET,
                      .sin_port = htons(server->port()),
                      .sin_addr = {htonl(INADDR_LOOPBACK)},
                      .sin_zero = {}};
  ASSERT_EQ(::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(exchange(server->port(), "GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
  server.reset();
  char byte = 0;
  EXPECT_LE(::recv(descriptor, &byte, 1, 0), 0);
  ::close(descriptor);
}

TEST_F(Serving, AnAddressThatIsTakenOrNoneIsNamed) {
  const auto taken = MetricsServer::start(io.loop(), "127.0.0.1:" + std::to_string(server->port()),
                                          [] { return std::string(); });
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::kUnavailable);
  for (const std::string address : {"7444", "host:", "127.0.0.1:x", "no.such.host:1", ""})
    EXPECT_EQ(MetricsServer::start(io.loop(), address, [] { return std::string(); }).error().code,
              Code::kInvalid)
        << address;
}

TEST(AgentMetrics, SayStatesDurationsAndFailures) {
  AgentMetrics metrics;
  metrics.step_ended("container", StepKind::kApply, false, Millis(1500));
  metrics.step_ended("container", StepKind::kApply, true, Millis(10));
  metrics.engine_called(true, Millis(20));
  const auto text = metrics.text(
      {.version = "1",
       .region = "eu\"1",
       .counts =
           [] { return ReportCounts{.by_state = {{"Ready", 3}, {"", 1}}, .restarts = 2, .unconfirmed = 4}; },
       .connected = [] { return true; },
       .certificate_days = [] { return 12.5; },
       .journal_bytes = [] { return std::uint64_t(4096); }});
  for (const std::string line :
       {"qleet_agent_build_info{version=\"1\",region=\"eu\\\"1\"} 1", "# TYPE qleet_agent_resources gauge",
        "qleet_agent_resources{state=\"Ready\"} 3", "qleet_agent_resources{state=\"Stalled\"} 0",
        "qleet_agent_restarts 2", "qleet_agent_engine_call_seconds_count 1",
        "qleet_agent_engine_calls_failed_total 1", "qleet_agent_reports_unconfirmed 4",
        "qleet_agent_bus_connected 1", "qleet_agent_certificate_days 12.5", "qleet_agent_journal_bytes 4096",
        "qleet_agent_step_seconds_bucket{provider=\"container\",step=\"apply\",le=\"0.01\"} 1",
        "qleet_agent_step_seconds_bucket{provider=\"container\",step=\"apply\",le=\"5\"} 2",
        "qleet_agent_step_seconds_bucket{provider=\"container\",step=\"apply\",le=\"+Inf\"} 2",
        "qleet_agent_step_seconds_sum{provider=\"container\",step=\"apply\"} 1.51",
        "qleet_agent_step_seconds_count{provider=\"container\",step=\"apply\"} 2",
        "qleet_agent_steps_failed_total{provider=\"container\",step=\"apply\"} 1"})
    EXPECT_TRUE(("\n" + text).contains("\n" + line + "\n")) << line << " is not in\n" << text;
  EXPECT_EQ(text.find("state=\"Pending\""), text.rfind("state=\"Pending\"")) << text;
}

}  // namespace
}  // namespace qleet::agent
