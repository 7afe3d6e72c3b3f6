#include "bench/fleet/hub.h"

#include <fmt/format.h>
#include <signal.h>

#include <fstream>
#include <iterator>

namespace qleet::bench {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  return text;
}

}  // namespace

Hub::Hub(HubSetup setup) : setup_(std::move(setup)) {
  std::filesystem::create_directories(setup_.folder);
  start();
}

Hub::~Hub() {
  const pid_t nats = nats_pid();
  process_.stop();
  // A hub that was killed leaves its server to the next one.
  if (nats > 0 && usage_of(nats).resident_mb > 0) ::kill(nats, SIGTERM);
}

double Hub::start() {
  const auto log = setup_.folder / "hub.log";
  const auto before = std::filesystem::exists(log) ? std::filesystem::file_size(log) : 0;
  const auto begin = Steady::now();
  process_ = Process(
      {setup_.binaries + "/qleet-hub", "serve", "--state", setup_.folder / "hub", "--listen", listen_,
       "--nats-listen", "127.0.0.1:0", "--profiles", setup_.profiles, "--heartbeat-ms", setup_.heartbeat_ms,
       "--requests-per-second", "100000", "--anonymous-requests-per-second", "100000"},
      log);
  wait_until("the hub serves", std::chrono::seconds(120), [&] {
    if (!process_.running()) fail_with("the hub has ended: " + read_file(log).substr(before));
    const auto text = read_file(log).substr(before);
    constexpr std::string_view kMark = "msg=serving api=";
    const auto at = text.find(kMark);
    if (at == std::string::npos) return false;
    const auto end = text.find_first_of(" \n", at + kMark.size());
    if (end == std::string::npos) return false;
    url_ = text.substr(at + kMark.size(), end - at - kMark.size());
    return true;
  });
  const double took = seconds_since(begin);
  // The same address after a restart.
  listen_ = url_.substr(url_.find("//") + 2);
  token_ = read_file(setup_.folder / "hub/admin-token");
  while (token_.ends_with('\n')) token_.pop_back();
  ca_ = read_file(setup_.folder / "hub/tls/ca.pem");
  return took;
}

std::unique_ptr<cli::HubClient> Hub::client() const {
  return std::make_unique<cli::HubClient>(cli::HubContext{url_, token_, ca_});
}

std::unique_ptr<cli::HubClient> Hub::stranger() const {
  return std::make_unique<cli::HubClient>(cli::HubContext{url_, "", ca_});
}

void Hub::apply(cli::HubClient& client, const std::string& documents) const {
  if (const auto applied = client.send("POST", "/v1/apply", documents); !applied)
    fail_with("apply: " + applied.error().message);
}

pid_t Hub::nats_pid() const {
  return static_cast<pid_t>(std::atoi(read_file(setup_.folder / "hub/broker/nats.pid").c_str()));
}

std::string Hub::memory() const {
  const auto hub = usage_of(pid());
  const auto nats = usage_of(nats_pid());
  return fmt::format(
      "memory: hub {:.0f} MB (peak {:.0f}; without the store's mapped file {:.0f}), nats-server {:.0f} MB "
      "(peak {:.0f})",
      hub.resident_mb, hub.peak_mb, hub.own_mb, nats.resident_mb, nats.peak_mb);
}

}  // namespace qleet::bench
