#include "hub/assembly/hub.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <optional>

#include "common/bus/light_nats_bus.h"
#include "common/crypto/private_file.h"
#include "common/log/log.h"
#include "common/loop/loop.h"
#include "hub/api/api.h"
#include "hub/api/pki.h"
#include "hub/assembly/adapters.h"
#include "hub/assembly/census_gauges.h"
#include "hub/broker/broker.h"
#include "hub/controllers/events.h"
#include "hub/controllers/manager.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/secret_uses.h"
#include "hub/dispatch/dispatch.h"
#include "hub/fleet/fleet.h"
#include "hub/frontend/frontend.h"

namespace qleet::hub {
namespace {

constexpr log::Logger kLog{"hub"};
const frontend::Caller kItself{"hub"};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool is_address(const std::string& text) {
  return text.find_first_not_of("0123456789.") == std::string::npos || text.contains(':');
}

crypto::ServerNames names_of(const HubOptions& options) {
  crypto::ServerNames names{.dns = {"localhost"}, .ips = {"127.0.0.1", "::1"}};
  for (const auto& name : options.advertise) (is_address(name) ? names.ips : names.dns).push_back(name);
  return names;
}

// The first administrator's way in: made once, kept where only this user can read it.
Result<> ensure_admin_token(const frontend::Context& context, const std::filesystem::path& file) {
  if (std::filesystem::exists(file)) return {};
  v1::TokenRequest request;
  request.set_service_account("admin");
  request.set_role("admin");
  const auto result = TRY(frontend::create_service_account_token(context, kItself, request));
  return crypto::write_private_file(file, result.token() + "\n");
}

// Cuts an agent off, or lets it back, by the key under which it is enrolled now.
void suspend_agent(const Store& store, Broker& broker, const std::string& name, bool suspended) {
  const auto done = [&]() -> Result<> {
    const auto snapshot = TRY(store.snapshot());
    const auto agent = TRY(objects::get<v1::Agent>(*snapshot, name));
    if (!agent || agent->spec().revoked()) return {};
    const auto& key = agent->spec().public_key();
    return suspended ? broker.identities().suspend(key) : broker.identities().readmit(key);
  }();
  if (!done) kLog.error("agent cannot be cut off", {{"agent", name}, {"error", done.error().message}});
}

FleetHooks hooks_of(const Store& store, Broker& broker, const Clock& clock, const Random& random) {
  return {.erase_resource = [&clock, random](Txn& txn, const v1::Resource& resource) -> Result<> {
            controllers::Work work{txn, {.now = clock.wall(), .random = random}};
            return controllers::erase_resource(work, resource.metadata().name());
          },
          .record_event = {},
          .random = random,
          .note = [&clock, random](Txn& txn, const std::string& agent, std::string_view reason,
                                   const std::string& message) -> Result<> {
            controllers::Work work{txn, {.now = clock.wall(), .random = random}};
            return controllers::record_event(work, {.kind = "Agent",
                                                    .name = agent,
                                                    .type = "Warning",
                                                    .reason = reason,
                                                    .message = message,
                                                    .source = "hub"});
          },
          .take_box_key = [&clock, random](Txn& txn, const std::string& agent,
                                           const std::string& box_key) -> Result<> {
            controllers::Work work{txn, {.now = clock.wall(), .random = random}};
            TRY(controllers::put_box_key(work, agent, box_key));
            return {};
          },
          .suspend = [&store, &broker](const std::string& agent,
                                       bool suspended) { suspend_agent(store, broker, agent, suspended); }};
}

}  // namespace

// In the order of construction; the destructor's order is its reverse, so that nothing is called back after
// it is gone.
struct Hub::Impl {
  Impl(HubOptions given, Store& the_store, const Clock& the_clock, const crypto::Sealer* the_sealer)
      : options(std::move(given)), store(the_store), clock(the_clock), sealer(the_sealer) {}

  HubOptions options;
  Store& store;
  const Clock& clock;
  const crypto::Sealer* sealer;
  Random ids = system_random();
  qleet::SystemRandom jitter;
  api::Pki pki;
  std::unique_ptr<Broker> broker;
  std::unique_ptr<IoThread> io;
  std::unique_ptr<LightNatsBus> bus;
  FloodWatch flood;
  BootWatch boots;
  crypto::SystemRandom box_random;
  std::unique_ptr<AgentSecrets> boxes;
  std::unique_ptr<LogStreams> logs;
  std::unique_ptr<Dispatch> dispatch;
  std::unique_ptr<Fleet> fleet;
  std::shared_ptr<void> connections_ended;
  std::shared_ptr<void> refusals_told;
  std::unique_ptr<hub::Freshness> freshness;
  std::unique_ptr<controllers::Manager> manager;
  std::unique_ptr<ApiFreshness> api_freshness;
  std::unique_ptr<BrokerEnroller> enroller;
  std::unique_ptr<AgentLogs> api_logs;
  std::unique_ptr<Certificates> certificates;
  std::unique_ptr<CensusGauges> census;
  std::vector<std::unique_ptr<LoopThread>> loops;
  std::unique_ptr<api::ApiServer> api;

  Result<> start(crypto::Random& random, const StoreSigns& store_signs);
  Result<> start_bus(crypto::Random& random);
  Result<> start_fleet();
  Result<> start_api(const StoreSigns& store_signs);
  std::vector<std::string> urls_for_agents() const;
  api::PkiOptions pki_options() const;
  void stop();
};

std::vector<std::string> Hub::Impl::urls_for_agents() const {
  if (broker->port() == 0) return broker->cluster_urls();
  std::vector<std::string> urls;
  for (const auto& name : options.advertise)
    urls.push_back(fmt::format(fmt::runtime(name.contains(':') ? "tls://[{}]:{}" : "tls://{}:{}"), name,
                               broker->port()));
  if (urls.empty()) urls.push_back(fmt::format("tls://127.0.0.1:{}", broker->port()));
  return urls;
}

api::PkiOptions Hub::Impl::pki_options() const {
  return {.directory = options.state / "tls",
          .names = names_of(options),
          .certificate_file = options.certificate_file,
          .key_file = options.key_file,
          .ca_file = options.ca_file};
}

Result<> Hub::Impl::start_bus(crypto::Random& random) {
  BrokerOptions broker_options;
  broker_options.folder = options.state / "broker";
  broker_options.host = options.nats_address;
  broker_options.port = options.nats_port;
  broker_options.names = names_of(options);
  broker_options.cluster.urls = options.nats_urls;
  broker_options.cluster.server_name = options.nats_server_name;
  if (!options.nats_ca_file.empty()) broker_options.cluster.ca_pem = read_file(options.nats_ca_file);
  if (!options.nats_certificate_file.empty())
    broker_options.cluster.client = {read_file(options.nats_certificate_file),
                                     TRY(crypto::read_private_file(options.nats_key_file))};
  broker_options.binary = options.nats_server;
  broker_options.client_certificates =
      TRY(certificates_required(options.client_certificates, broker_options.folder, {store, clock}));
  broker_options.ca = pki.ca;
  if (pki.ca.private_key_pem.empty()) {
    // The given certificate is the API's alone: the bus has a CA of its own.
    auto own = api::open_pki({.directory = options.state / "broker/tls",
                              .names = names_of(options),
                              .certificate_file = {},
                              .key_file = {},
                              .ca_file = {}},
                             clock);
    if (!own) return std::unexpected(std::move(own).error());
    broker_options.ca = own->ca;
  }
  broker = TRY(Broker::start(std::move(broker_options), random, clock));
  auto nats = TRY(broker->hub_options());
  nats.on_error = [](const std::string& what) { kLog.warn("bus", {{"what", what}}); };
  io = std::make_unique<IoThread>(clock);
  bus = TRY(LightNatsBus::start(std::move(nats), io->loop(), broker->trust()));
  if (!bus->wait_connected(Millis(10'000))) kLog.warn("the bus is not connected yet; agents wait");
  return {};
}

Result<> Hub::Impl::start_fleet() {
  DispatchOptions dispatch_options;
  dispatch_options.flood = &flood;
  dispatch_options.boots = &boots;
  if (sealer != nullptr) boxes = std::make_unique<AgentSecrets>(store, *sealer, box_random);
  dispatch_options.boxes = boxes.get();
  // No request is taken before the loops run: then there is a fleet.
  dispatch_options.box_key_changed = [this](const std::string& agent, const std::string& key) {
    fleet->box_key_changed(agent, key);
  };
  dispatch_options.schemas_told = [this](const std::string& agent, ProviderSchemas schemas) {
    fleet->schemas_told(agent, std::move(schemas));
  };
  logs = std::make_unique<LogStreams>(*bus, clock, jitter, LogStreamOptions{});
  dispatch_options.came = [this](const std::string& agent) { logs->came(agent); };
  dispatch = std::make_unique<Dispatch>(store, *bus, clock, dispatch_options);
  TRY(dispatch->start());
  FleetOptions fleet_options;
  fleet_options.heartbeat = options.heartbeat;
  fleet_options.flood = &flood;
  fleet_options.boots = &boots;
  fleet = std::make_unique<Fleet>(store, *bus, clock, dispatch->agents(), dispatch->index(),
                                  hooks_of(store, *broker, clock, ids), fleet_options);
  TRY(fleet->start());
  connections_ended =
      TRY(broker->on_connection_ended([this](const std::string& agent) { fleet->left(agent); }));
  if (auto* server = broker->server())
    refusals_told = server->on_refused([this](const std::string& key, std::uint64_t per_second) {
      for (const auto& agent : dispatch->agents().all())
        if (!agent.key_mark.empty() && key.starts_with(agent.key_mark))
          flood.count_refused(agent.name, per_second);
    });
  freshness = std::make_unique<hub::Freshness>(dispatch->agents(), fleet->liveness(), store.identity().epoch);

  // A revocation that was committed but not told to the bus before a crash is told now.
  std::vector<std::string> revoked;
  auto snapshot = TRY(store.snapshot());
  for (const auto& agent : dispatch->agents().all()) {
    if (!agent.revoked) continue;
    const auto stored = TRY(objects::get<v1::Agent>(*snapshot, agent.name));
    if (stored) revoked.push_back(stored->spec().public_key());
  }
  snapshot.reset();
  if (!revoked.empty()) {
    if (const auto told = broker->identities().revoke(revoked); !told)
      kLog.warn("revocations are not confirmed yet", {{"error", told.error().message}});
  }

  manager = std::make_unique<controllers::Manager>(
      store, clock, ids, controllers::ManagerOptions{.workers = options.controllers});
  TRY(manager->start());
  loops.push_back(std::make_unique<LoopThread>(*dispatch, dispatch->wake(), clock));
  loops.push_back(std::make_unique<LoopThread>(*fleet, fleet->wake(), clock));
  loops.push_back(std::make_unique<LoopThread>(*logs, logs->wake(), clock));
  return {};
}

Result<> Hub::Impl::start_api(const StoreSigns& store_signs) {
  api_freshness = std::make_unique<ApiFreshness>(*freshness);
  enroller = std::make_unique<BrokerEnroller>(*broker, store.identity(), urls_for_agents());
  api_logs = std::make_unique<AgentLogs>(*logs, dispatch->agents());

  api::ApiOptions api_options;
  api_options.http.address = options.listen_address;
  api_options.http.port = options.listen_port;
  api_options.http.certificate_pem = pki.server.certificate_pem;
  api_options.http.key_pem = pki.server.private_key_pem;
  api_options.per_subject = {.per_second = options.requests_per_second,
                             .burst = 4 * options.requests_per_second};
  api_options.per_address = {.per_second = options.anonymous_requests_per_second,
                             .burst = 10 * options.anonymous_requests_per_second};
  api::ApiDependencies needs{.store = store, .clock = clock};
  needs.freshness = api_freshness.get();
  needs.enroller = enroller.get();
  needs.logs = api_logs.get();
  needs.ca_fingerprint = pki.ca_fingerprint;
  needs.readiness.push_back({"bus", [this]() -> std::optional<std::string> {
                               if (bus->state() == BusState::kConnected) return std::nullopt;
                               return "not connected to nats-server";
                             }});
  needs.gauges = store_signs.gauges;
  needs.histograms = store_signs.histograms;
  needs.gauges.push_back({"qleet_hub_build_info",
                          "Always 1; the version is its label.",
                          [] { return 1.0; },
                          {{"version", QLEET_VERSION}}});
  census = std::make_unique<CensusGauges>(store, clock);
  for (auto& gauge : census->gauges()) needs.gauges.push_back(std::move(gauge));
  for (const auto& check : store_signs.readiness) needs.readiness.push_back(check);
  needs.gauges.push_back({"qleet_hub_controller_queue_keys", "Keys that controllers have yet to look at.",
                          [this] { return static_cast<double>(manager->depth()); }});
  needs.gauges.push_back({"qleet_hub_agents_enrolled", "Agents that are enrolled and not revoked.", [this] {
                            const auto agents = dispatch->agents().all();
                            return static_cast<double>(std::ranges::count_if(
                                agents, [](const auto& agent) { return !agent.revoked; }));
                          }});
  const auto of_fleet = [&](std::string name, std::string help, std::uint64_t FleetCounters::* counter) {
    needs.gauges.push_back({std::move(name), std::move(help),
                            [this, counter] { return static_cast<double>(fleet->counters().*counter); }});
  };
  of_fleet("qleet_hub_agent_messages_ignored",
           "Messages of agents that are unknown, revoked, replaced or cut off, since start.",
           &FleetCounters::ignored);
  of_fleet("qleet_hub_agent_messages_garbage",
           "Messages of agents, or parts, that could not be taken, since start.", &FleetCounters::garbage);
  of_fleet("qleet_hub_agent_reports_dropped",
           "Reports dropped because too many of their agent waited, since start.", &FleetCounters::dropped);
  of_fleet("qleet_hub_agent_reports_over_allowance",
           "Reports dropped because their agent sends more than its region needs, since start.",
           &FleetCounters::over);
  of_fleet("qleet_hub_agents_suspended", "Times that an agent was cut off for flooding, since start.",
           &FleetCounters::suspended);
  needs.gauges.push_back({"qleet_hub_agents_with_copies", "Agents whose state two processes have.",
                          [this] { return static_cast<double>(boots.agents_with_copies(clock.mono())); }});
  needs.gauges.push_back({"qleet_hub_agent_syncs_over_allowance",
                          "Sync requests not answered because their agent asks too often, since start.",
                          [this] { return static_cast<double>(dispatch->counters().syncs_over); }});
  needs.gauges.push_back({"qleet_hub_log_streams", "Log streams that are open.",
                          [this] { return static_cast<double>(logs->open_streams()); }});
  certificates = std::make_unique<Certificates>(
      CertificateOptions{pki_options(), options.client_certificates, options.state / "broker"}, pki, *broker,
      frontend::Context{store, clock},
      [this](const crypto::CertifiedKey& server) { return api->use_certificate(server); });
  for (auto& gauge : certificates->gauges()) needs.gauges.push_back(std::move(gauge));
  needs.certificates = [this] { return certificates->left(); };
  api = TRY(api::ApiServer::start(std::move(api_options), std::move(needs)));
  loops.push_back(std::make_unique<LoopThread>(*certificates, certificates->wake(), clock));
  return {};
}

Result<> Hub::Impl::start(crypto::Random& random, const StoreSigns& store_signs) {
  pki = TRY(api::open_pki(pki_options(), clock));
  const frontend::Context context{store, clock};
  TRY(frontend::ensure_defaults(context, options.profiles.string()));
  TRY(ensure_admin_token(context, options.state / "admin-token"));
  TRY(start_bus(random));
  TRY(start_fleet());
  TRY(start_api(store_signs));
  kLog.info("serving", {{"api", fmt::format("https://{}:{}", options.listen_address, api->port())},
                        {"nats", fmt::format("{}", broker->port())},
                        {"epoch", store.identity().epoch}});
  return {};
}

void Hub::Impl::stop() {
  if (api) api->stop();
  if (manager) manager->stop();
  loops.clear();
  connections_ended.reset();
  refusals_told.reset();
  if (bus) bus->close();
  if (broker) broker->stop();
}

Hub::Hub(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Hub::~Hub() { stop(); }

Result<std::unique_ptr<Hub>> Hub::start(HubOptions options, Store& store, const Clock& clock,
                                        crypto::Random& random, const StoreSigns& store_signs,
                                        const crypto::Sealer* sealer) {
  std::unique_ptr<Hub> hub(new Hub(std::make_unique<Impl>(std::move(options), store, clock, sealer)));
  TRY(hub->impl_->start(random, store_signs));
  return hub;
}

void Hub::stop() { impl_->stop(); }
std::uint16_t Hub::port() const { return impl_->api->port(); }
int Hub::nats_port() const { return impl_->broker->port(); }

}  // namespace qleet::hub
