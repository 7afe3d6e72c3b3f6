#include "bench/fleet/sim_agent.h"

#include <fmt/format.h>

#include <cstdlib>
#include <unordered_map>
#include <utility>

#include "providers/api/provider.h"

namespace qleet::bench {
namespace {

constexpr size_t kJournalBytes = 64U << 20U;

template <class T>
T must(Result<T> result, const std::string& what) {
  if (result) return *std::move(result);
  fmt::print(stderr, "{}: {}\n", what, result.error().message);
  std::exit(1);
}

void move(std::atomic<std::uint64_t>& total, std::uint64_t& own, std::uint64_t now) {
  total += now - own;
  own = now;
}

void move(std::atomic<std::uint64_t>& total, bool& own, bool now) {
  if (own == now) return;
  own = now;
  now ? ++total : --total;
}

}  // namespace

// The no-op provider's contract in its smallest form: what was applied is there, as it was applied.
class CountingProvider final : public Provider {
 public:
  explicit CountingProvider(Counts& counts) : counts_(counts) {}
  std::string name() const override { return "noop"; }
  Result<Observation> observe(const ProviderResource& resource) override {
    Observation seen;
    const auto made = made_.find(resource.name);
    if (made == made_.end()) return seen;
    seen.state = made->second == resource.hash ? Observation::State::kReady : Observation::State::kOutOfDate;
    seen.self["name"] = resource.name;
    return seen;
  }
  Result<StepResult> apply(const ProviderResource& resource, const Observation&) override {
    if (made_.insert_or_assign(resource.name, resource.hash).second) ++counts_.present;
    ++counts_.applies;
    return StepResult{.done = true};
  }
  Result<StepResult> remove(const ProviderResource& resource, const Observation&) override {
    if (made_.erase(resource.name) > 0) --counts_.present;
    return StepResult{.done = true};
  }
  std::shared_ptr<void> watch(std::function<void(std::string)>) override {
    return std::make_shared<int>();  // nobody else changes this world
  }

 private:
  Counts& counts_;
  std::unordered_map<std::string, std::string> made_;  // name -> hash
};

SimAgent::SimAgent(SimShared& shared, agent::v1::Identity identity, std::string seed)
    : shared_(shared), identity_(std::move(identity)), seed_(std::move(seed)) {
  journal_ = must(
      agent::LmdbJournal::open(
          {.folder = shared.journals + "/" + identity_.name(), .max_bytes = kJournalBytes}, shared.sealer),
      identity_.name());
  provider_ = std::make_shared<CountingProvider>(shared.counts);
}

SimAgent::~SimAgent() = default;

void SimAgent::connect() {
  NatsOptions nats = small_nats_options();
  nats.urls.assign(identity_.nats_urls().begin(), identity_.nats_urls().end());
  nats.name = identity_.name();
  nats.tls_ca_pem = identity_.nats_ca();
  nats.tls_server_name = identity_.nats_server_name();
  nats.user_jwt = identity_.nats_jwt();
  nats.user_seed = std::exchange(seed_, {});
  nats.connect_timeout = Millis(30'000);
  nats.reconnect_jitter = Millis(5'000);
  nats.ping_interval = Millis(60'000);
  bus_ = must(LightNatsBus::start(std::move(nats), shared_.loop, shared_.trust), identity_.name());
  agent_ = must(agent::Agent::open({.name = identity_.name(),
                                    .owner = identity_.name(),
                                    .enrolled_epoch = identity_.epoch(),
                                    .heartbeat = shared_.heartbeat,
                                    .provider_names = {"noop"}},
                                   {.journal = *journal_,
                                    .bus = *bus_,
                                    .clock = shared_.clock,
                                    .secrets = shared_.secrets,
                                    .jitter = shared_.jitter,
                                    .executor = executor_,
                                    .providers = {{"noop", provider_}}}),
                identity_.name());
  bus_->on_state([this](BusState state, const std::string& why) {
    move(shared_.counts.connected, connected_, state == BusState::kConnected);
    if (state == BusState::kRefused) fmt::print(stderr, "{}: refused: {}\n", identity_.name(), why);
  });
  agent_->wake().set([this] { wake(); });
  wake();
}

void SimAgent::wake() {
  if (woken_.exchange(true)) return;
  shared_.loop.post([this] { step(); });
}

void SimAgent::step() {
  woken_ = false;
  const MonoTime due = agent_->step();
  count();
  if (due == timer_at_ && timer_ != 0) return;
  shared_.loop.cancel(std::exchange(timer_, 0));
  if (due == MonoTime::max()) return;
  timer_at_ = due;
  timer_ = shared_.loop.at(due, [this] {
    timer_ = 0;
    wake();
  });
}

void SimAgent::count() {
  const auto& session = agent_->session();
  const bool settled = session.idle() && agent_->engine().idle();
  move(shared_.counts.in_sync, in_sync_, settled || session.state().in_sync);
  move(shared_.counts.settled, settled_, settled && connected_);
  move(shared_.counts.held, held_, session.held().entries().size());
}

}  // namespace qleet::bench
