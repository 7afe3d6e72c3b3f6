#include "bench/fleet/fleet.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <fstream>
#include <numeric>

#include "bench/fleet/parallel.h"
#include "common/crypto/certificate.h"
#include "common/crypto/nkey.h"
#include "common/crypto/private_file.h"
#include "common/crypto/token.h"
#include "common/model/model.h"
#include "qleet/agent/v1/identity.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::bench {
namespace {

std::string json_of(const google::protobuf::Message& message) {
  std::string out;
  if (!google::protobuf::util::MessageToJsonString(message, &out).ok()) fail_with("a message is no JSON");
  return out;
}

// Both calls of one agent, as an operator and then the agent make them.
std::string enrol_one(cli::HubClient& operator_, cli::HubClient& agent, const std::string& name,
                      const std::map<std::string, std::string>& labels, const std::string& tls_request,
                      crypto::Random& random) {
  v1::JoinTokenRequest join;
  join.set_region(name);
  for (const auto& [key, value] : labels) (*join.mutable_labels())[key] = value;
  v1::JoinTokenResult token;
  if (const auto made = operator_.send_into("POST", "/v1/agents/join-tokens", json_of(join), token); !made)
    fail_with("join token: " + made.error().message);
  const auto key = crypto::NKey::generate(crypto::KeyKind::kUser, random);
  v1::EnrolRequest request;
  request.set_token(token.token());
  request.set_agent(name);
  request.set_public_key(key.public_key());
  request.set_version(QLEET_VERSION);
  request.set_tls_request(tls_request);
  v1::EnrolResult result;
  if (const auto enrolled = agent.send_into("POST", "/v1/enrol", json_of(request), result); !enrolled)
    fail_with("enrol: " + enrolled.error().message);
  agent::v1::Identity identity;
  identity.set_name(name);
  identity.set_region(name);
  *identity.mutable_nats_urls() = result.nats_urls();
  identity.set_nats_jwt(result.nats_jwt());
  identity.set_nats_ca(result.nats_ca());
  identity.set_nats_server_name(result.nats_server_name());
  identity.set_nats_client_certificate(result.nats_client_certificate());
  identity.set_epoch(result.epoch());
  return json_of(identity) + "\t" + key.seed();
}

}  // namespace

std::string Fleet::name(size_t number) { return fmt::format("r{:05}", number); }

Fleet::~Fleet() {
  for (auto& held : held_) held.process.kill9();
  held_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(setup_.journals, ignored);
}

double Fleet::enrol(size_t count, const Labels& labels) {
  constexpr size_t kConnections = 8;
  if (tls_key_.empty()) {
    tls_key_ = crypto::make_client_key().value();
    tls_request_ = crypto::make_certificate_request(tls_key_, "bench").value();
  }
  const size_t first = lines_.size();
  lines_.resize(first + count);
  return share(kConnections, count, 1, [&](const TakeNumber& take) {
    const auto operator_ = hub_.client();
    const auto agent = hub_.stranger();
    crypto::SystemRandom random;
    while (const auto taken = take()) {
      const size_t number = first + *taken;
      lines_[number] = enrol_one(*operator_, *agent, name(number), labels(number), tls_request_, random);
    }
  });
}

void Fleet::hold(size_t at_most_per_process) {
  std::filesystem::create_directories(setup_.journals);
  const auto identities = setup_.folder / "identities";
  {
    std::ofstream out(identities);
    for (const auto& line : lines_) out << line << "\n";
  }
  auto key_file = identities;
  key_file += ".key";
  if (!crypto::write_private_file(key_file, tls_key_)) fail_with(key_file.string() + ": cannot be written");
  std::filesystem::permissions(identities,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  while (first_free_ < lines_.size()) {
    const size_t end = std::min(lines_.size(), first_free_ + at_most_per_process);
    const auto counts = setup_.folder / fmt::format("counts-{}", held_.size());
    Held held{.process = {}, .counts = map_counts(counts, true), .agents = end - first_free_};
    held.process = Process({setup_.binaries + "/bench_agents", identities, std::to_string(first_free_),
                            std::to_string(end), setup_.journals, counts, setup_.heartbeat_ms},
                           setup_.folder / "agents.log");
    held_.push_back(std::move(held));
    first_free_ = end;
    // One after the other: the first makes the sealing key.
    wait_until("simulated agents are made", std::chrono::seconds(120), [&] {
      if (!held_.back().process.running())
        fail_with("simulated agents have ended: see " + (setup_.folder / "agents.log").string());
      return held_.back().counts->opened == held_.back().agents;
    });
  }
}

double Fleet::connect(std::chrono::seconds limit) {
  for (auto& held : held_) held.counts->connect = held.agents;
  return wait_until("agents are connected and in sync", limit,
                    [&] { return state().settled == first_free_; });
}

FleetState Fleet::state() const {
  FleetState sum;
  for (const auto& held : held_) {
    sum.opened += held.counts->opened;
    sum.connected += held.counts->connected;
    sum.in_sync += held.counts->in_sync;
    sum.settled += held.counts->settled;
    sum.held += held.counts->held;
    sum.present += held.counts->present;
    sum.applies += held.counts->applies;
  }
  return sum;
}

double Fleet::cpu_seconds() const {
  double sum = 0;
  for (const auto& held : held_) sum += usage_of(held.process.pid()).cpu_seconds;
  return sum;
}

double Fleet::resident_mb() const {
  double sum = 0;
  for (const auto& held : held_) sum += usage_of(held.process.pid()).resident_mb;
  return sum;
}

}  // namespace qleet::bench
