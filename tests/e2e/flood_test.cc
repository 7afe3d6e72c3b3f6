// An agent with a valid identity that sends as fast as it can, against the real hub and its nats-server: what
// another agent's applies take before and meanwhile, and what hub and nats-server hold. QLEET_FLOOD_SECONDS:
// how long each kind of flood is kept up.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>

#include "agent/enrol/enrol.h"
#include "common/bus/light_nats_bus.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/sync/subjects.h"
#include "qleet/wire/v1/wire.pb.h"
#include "tests/e2e/noop_fleet.h"
#include "tests/support/patience.h"

namespace qleet::test {
namespace {

using SteadyClock = std::chrono::steady_clock;
namespace subjects = sync::subjects;

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// Told of the highest generation of one resource that the hub has seen ready.
class ReadyWatch {
 public:
  ReadyWatch(http::Client& client, http::Request request, std::string name) : name_(std::move(name)) {
    thread_ = std::jthread([this, &client, request](const std::stop_token& stop) mutable {
      request.stop = stop;
      request.timeout = Millis(0);
      while (!stop.stop_requested()) {
        buffer_.clear();
        (void)client.stream(request, [this](std::string_view data) { return take(data), true; });
        if (!stop.stop_requested()) nap(20ms);
      }
    });
  }
  bool wait(const std::string& mark, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return mark_ == mark; });
  }

 private:
  void take(std::string_view data) {
    buffer_ += data;
    for (std::size_t end = 0; (end = buffer_.find("\n\n")) != std::string::npos; buffer_.erase(0, end + 2)) {
      const auto at = buffer_.find("data: ");
      if (at > end) continue;
      const Json object =
          Json::parse(std::string_view(buffer_).substr(at + 6, buffer_.find('\n', at) - at - 6));
      if (object["metadata.name"].str() != name_ || object["status.state"].str() != "Ready" ||
          object["status.observedGeneration"].number() != object["metadata.generation"].number())
        continue;
      const std::lock_guard lock(mutex_);
      mark_ = object["spec.template.mark"].str();
      changed_.notify_all();
    }
  }
  const std::string name_;
  std::string buffer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string mark_;
  std::jthread thread_;
};

long resident_kib(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  return 0;
}

struct Times {
  std::vector<double> ms;
  double at(double share) {
    std::ranges::sort(ms);
    return ms.empty() ? 0
                      : ms[std::min(ms.size() - 1,
                                    static_cast<std::size_t>(share * static_cast<double>(ms.size())))];
  }
};

class Flood : public NoopFleet {
 protected:
  void SetUp() override {
    fleet.add_agent({.name = "good", .labels = {"tier=good"}});
    client_ = std::make_unique<http::Client>(http::ClientOptions{
        .tls = {.ca_pem = contents(fleet.hub_state() / "tls/ca.pem"), .pinned_ca_sha256 = {}}});
    fleet.apply(R"(apiVersion: qleet.io/v1
kind: Environment
metadata: {name: default}
spec: {builds: {by: auto}, unusedAfter: 1s, regions: {selector: "tier=good"}}
---
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: ping-noop}
spec:
  satisfies: {type: ping}
  scope: application
  parameters: {mark: {type: string, default: none}}
  provider: noop
  template: {mark: "${params.mark}"}
  default: true
)");
    watch_ = std::make_unique<ReadyWatch>(*client_, request("GET", "/v1/resources?watch=1"),
                                          "good.default.steady.ping.web.pong");
    ASSERT_TRUE(apply_once(std::chrono::seconds(30)));
  }

  http::Request request(const std::string& method, const std::string& path) const {
    http::Request out;
    out.method = method;
    out.url = fleet.url() + path;
    out.headers = {{"Authorization", "Bearer " + contents(fleet.hub_state() / "admin-token")}};
    return out;
  }

  // From the request to the hub having heard that it is applied.
  std::optional<double> apply_once(std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const std::string mark = fmt::format("m{}", ++applied_);
    auto applying = request("POST", "/v1/apply");
    applying.headers.emplace_back("Content-Type", "application/yaml");
    applying.body = fmt::format(R"(apiVersion: qleet.io/v1
kind: Application
metadata: {{name: steady}}
spec:
  workloads:
    web:
      score:
        containers: {{web: {{image: "a/b:1"}}}}
        resources: {{pong: {{type: ping, params: {{mark: {}}}}}}}
)",
                                mark);
    const auto begin = SteadyClock::now();
    const auto answer = client_->request(applying);
    if (!answer || !answer->ok()) {
      ADD_FAILURE() << (answer ? answer->body : answer.error().message);
      return std::nullopt;
    }
    if (!watch_->wait(mark, limit)) {
      ADD_FAILURE() << "not applied in time: " << mark;
      return std::nullopt;
    }
    return std::chrono::duration<double, std::milli>(SteadyClock::now() - begin).count();
  }

  Times applies(std::chrono::milliseconds time) {
    Times times;
    for (const auto end = SteadyClock::now() + time; SteadyClock::now() < end;) {
      const auto took = apply_once();
      if (!took) break;
      times.ms.push_back(*took);
      nap(20ms);
    }
    return times;
  }

  // As fast as it goes, in a thread.
  void flood(const std::string& kind, const std::function<std::string(std::uint64_t)>& subject,
             const std::function<std::string(std::uint64_t)>& message, bool cut_off);

  // Enrolled like any other, and run by this test.
  NatsOptions stolen_identity(const std::string& name) {
    fleet.enrol({.name = name, .labels = {"tier=evil"}});
    crypto::SystemRandom random;
    const auto stored = agent::load_identity(fleet.agent_state(name), random).value();
    NatsOptions options = small_nats_options();
    options.urls.assign(stored.identity.nats_urls().begin(), stored.identity.nats_urls().end());
    options.name = name;
    options.tls_ca_pem = stored.identity.nats_ca();
    options.tls_server_name = stored.identity.nats_server_name();
    options.tls_certificate_pem = stored.identity.nats_client_certificate();
    options.tls_key_pem = stored.tls_key;
    options.user_jwt = stored.identity.nats_jwt();
    options.user_seed = stored.seed;
    options.reconnect_wait = Millis(20);
    options.reconnect_jitter = Millis(20);
    options.max_wait = Millis(100);
    return options;
  }

  SystemClock clock_;
  IoThread io_{clock_};
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<ReadyWatch> watch_;
  int applied_ = 0;
};

void Flood::flood(const std::string& kind, const std::function<std::string(std::uint64_t)>& subject,
                  const std::function<std::string(std::uint64_t)>& message, bool cut_off) {
  const char* given = std::getenv("QLEET_FLOOD_SECONDS");
  const std::chrono::seconds time(given == nullptr ? 4 : std::atoi(given));
  auto options = stolen_identity("evil-" + kind);
  auto bus = *LightNatsBus::start(std::move(options), io_.loop());
  ASSERT_TRUE(bus->wait_connected(Millis(15'000)));
  std::atomic<long> refused_after_ms = -1;

  Times before = applies(time / 2);
  const long hub_before = resident_kib(fleet.hub_pid());
  const long nats_before = resident_kib(fleet.nats_pid());
  std::atomic<std::uint64_t> sent = 0;
  std::atomic<long> hub_most = hub_before;
  std::atomic<long> nats_most = nats_before;
  const auto begin = SteadyClock::now();
  bus->on_state([&](BusState state, const std::string&) {
    if (state == BusState::kRefused && refused_after_ms < 0)
      refused_after_ms =
          std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - begin).count();
  });
  const std::jthread attacker([&](const std::stop_token& stop) {
    for (std::uint64_t i = 0; !stop.stop_requested(); ++i) {
      if (bus->publish(subject(i), message(i))) {
        ++sent;
      } else {
        nap(1ms);
      }
    }
  });
  const std::jthread observer([&](const std::stop_token& stop) {
    for (; !stop.stop_requested(); nap(20ms)) {
      hub_most = std::max(hub_most.load(), resident_kib(fleet.hub_pid()));
      nats_most = std::max(nats_most.load(), resident_kib(fleet.nats_pid()));
    }
  });
  Times during = applies(time);
  // What the broker refuses is seen by its log alone, a file of it at a time.
  if (cut_off) EXPECT_TRUE(until([&] { return refused_after_ms >= 0; }));
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();

  const auto figures = fmt::format(
      "{}: {} messages in {:.1f} s, cut off after {} ms; another agent's applies: before p50 {:.0f}, most "
      "{:.0f} "
      "ms ({}); "
      "meanwhile p50 {:.0f}, p99 {:.0f}, most {:.0f} ms ({}); hub {:+.1f} MiB at most, nats-server {:+.1f} "
      "MiB",
      kind, sent.load(), seconds, refused_after_ms.load(), before.at(0.5), before.at(1), before.ms.size(),
      during.at(0.5), during.at(0.99), during.at(1), during.ms.size(),
      static_cast<double>(hub_most - hub_before) / 1024, static_cast<double>(nats_most - nats_before) / 1024);
  std::printf("%s\n", figures.c_str());
  RecordProperty("flood_" + kind, figures);
  EXPECT_GT(sent, 200U);
  EXPECT_GE(during.ms.size(), 3U);
  EXPECT_LT(during.at(1), before.at(1) + 3'000 * QLEET_PATIENCE);
  EXPECT_LT(hub_most - hub_before, QLEET_PATIENCE * (96L << 10U)) << "KiB";
  EXPECT_LT(nats_most - nats_before, QLEET_PATIENCE * (192L << 10U)) << "KiB";
  EXPECT_EQ(fleet.get("agents", "good")["status.state"].str(), "Connected");
}

TEST_F(Flood, OfReports) {
  flood(
      "status", [](auto) { return subjects::of(subjects::kStatus, "evil-status"); },
      [](std::uint64_t i) {
        wire::v1::StatusReport report;
        report.set_protocol(1);
        report.set_boot_id("evil");
        report.set_sequence(i);
        for (int k = 0; k < 10; ++k) {
          auto& item = *report.add_resources();
          item.set_name(fmt::format("evil-status.default.steady.ping.p{}", k));
          item.set_state("Ready");
          item.set_version(i);
        }
        return report.SerializeAsString();
      },
      true);
}

TEST_F(Flood, OfHeartbeats) {
  flood(
      "heartbeat", [](auto) { return subjects::of(subjects::kHeartbeat, "evil-heartbeat"); },
      [](std::uint64_t i) {
        wire::v1::Heartbeat beat;
        beat.set_protocol(1);
        beat.set_boot_id(fmt::format("b{}", i));
        return beat.SerializeAsString();
      },
      true);
}

TEST_F(Flood, OfLargeMessages) {
  flood(
      "large", [](auto) { return subjects::of(subjects::kStatus, "evil-large"); },
      [](std::uint64_t) { return std::string(64 * 1024, 'x'); }, false);
}

TEST_F(Flood, OfWhatItMayNotSend) {
  flood(
      "forbidden", [](auto) { return subjects::of(subjects::kStatus, "good"); },
      [](std::uint64_t) { return std::string("x"); }, true);
}

}  // namespace
}  // namespace qleet::test
