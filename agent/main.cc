// qleet-agent: reads the command line, and names the journal, the bus and the providers that the agent is
// made of.
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/assembly/agent.h"
#include "agent/assembly/state_backup.h"
#include "agent/enrol/certificate_keeper.h"
#include "agent/enrol/enrol.h"
#include "agent/journal/epoch_order.h"
#include "agent/journal/lmdb_journal.h"
#include "agent/metrics/agent_metrics.h"
#include "agent/metrics/metrics_server.h"
#include "common/bus/light_nats_bus.h"
#include "common/crypto/certificate.h"
#include "common/crypto/sealed.h"
#include "common/engine/podman_service.h"
#include "common/engine/registry_auth.h"
#include "common/log/log.h"
#include "common/loop/io_loop.h"
#include "common/loop/loop.h"
#include "common/process/bus_error.h"
#include "common/process/code_pages.h"
#include "common/process/command_line.h"
#include "common/process/stop_signals.h"
#include "providers/api/endpoints.h"
#include "providers/container/provider.h"
#include "providers/noop/noop_provider.h"
#include "providers/route/provider.h"

namespace {

using namespace qleet;  // NOLINT(google-build-using-namespace)

constexpr log::Logger kLog{"main"};

struct RunOptions {
  std::filesystem::path state;
  std::string engine = "auto";  // "auto", "own", "none", or a socket's path
  std::vector<std::string> search_registries;
  std::vector<std::string> insecure_registries;
  std::filesystem::path registry_auth;
  std::int64_t heartbeat_ms = 10'000;
  std::string metrics = "127.0.0.1:7444";  // or "none"
  bool noop = false;
  std::string noop_world;
  bool verbose = false;
};

// The container engine that this agent works with: one that is there, or Podman of its own.
struct Engine {
  std::unique_ptr<containers::PodmanService> own;
  std::string socket;  // empty: none
};

Result<Engine> find_engine(const RunOptions& options) {
  Engine engine;
  if (options.engine == "none") return engine;
  if (options.engine != "own") {
    const auto found =
        containers::find_engine(containers::engine_sockets(options.engine == "auto" ? "" : options.engine));
    if (found) {
      engine.socket = *found;
      return engine;
    }
    if (options.engine != "auto") return std::unexpected(found.error());
  }
  engine.own = TRY(containers::PodmanService::start({.state = options.state,
                                                     .search_registries = options.search_registries,
                                                     .insecure_registries = options.insecure_registries}));
  engine.socket = engine.own->socket();
  return engine;
}

TlsClient client_of(const agent::StoredIdentity& stored) {
  if (stored.identity.nats_client_certificate().empty()) return {};
  return {.certificate_pem = stored.identity.nats_client_certificate(), .key_pem = stored.tls_key};
}

// Days for which the certificate in this agent's folder is good; 0 where there is none.
double certificate_days(const std::filesystem::path& state, const Clock& clock) {
  crypto::SystemRandom random;
  const auto stored = agent::load_identity(state, random);
  if (!stored) return 0;
  const auto info = crypto::inspect_certificate(stored->identity.nats_client_certificate());
  if (!info) return 0;
  using Days = std::chrono::duration<double, std::chrono::days::period>;
  return Days(info->not_after - clock.wall()).count();
}

// Null where there shall be none, or the address is somebody else's: an agent does its work without.
std::unique_ptr<agent::MetricsServer> serve_metrics(const RunOptions& options, IoLoop& loop,
                                                    const agent::AgentMetrics& metrics,
                                                    agent::MetricsSources sources) {
  if (options.metrics == "none") return nullptr;
  auto server = agent::MetricsServer::start(
      loop, options.metrics, [&metrics, sources = std::move(sources)] { return metrics.text(sources); });
  if (!server) {
    kLog.warn("no metrics are served; --metrics-listen chooses another address",
              {{"why", server.error().message}});
    return nullptr;
  }
  kLog.info("metrics", {{"address", options.metrics}, {"port", std::to_string((*server)->port())}});
  return *std::move(server);
}

Result<> run(const RunOptions& options, const StopSignals& stop) {
  const SystemClock clock;
  crypto::SystemRandom secrets;
  const auto stored = TRY(agent::load_identity(options.state, secrets));
  qleet::SystemRandom jitter;
  const auto sealer = TRY(crypto::Sealer::open_or_create(options.state / "identity/journal.key", secrets));
  auto journal = TRY(agent::LmdbJournal::open({.folder = (options.state / "journal").string()}, sealer));

  const auto engine = TRY(find_engine(options));
  EndpointBoard endpoints;
  std::map<std::string, std::shared_ptr<Provider>> providers;
  agent::AgentMetrics metrics;
  if (!engine.socket.empty()) {
    const auto call_ended = [&metrics](bool failed, Millis took) { metrics.engine_called(failed, took); };
    std::function<void()> timed_out;
    std::function<std::optional<containers::RegistryAuth>(std::string_view)> registry_auth;
    if (!options.registry_auth.empty()) registry_auth = containers::registry_auth_from(options.registry_auth);
    if (engine.own) timed_out = [&service = *engine.own] { service.suspect(); };
    providers["container"] = container::make_provider({.socket = engine.socket,
                                                       .state = options.state / "container",
                                                       .registry_auth = registry_auth,
                                                       .timed_out = timed_out,
                                                       .call_ended = call_ended},
                                                      endpoints, clock);
    providers["route"] = route::make_provider({.socket = engine.socket,
                                               .state = options.state / "route",
                                               .registry_auth = registry_auth,
                                               .timed_out = timed_out,
                                               .call_ended = call_ended},
                                              endpoints);
    kLog.info("container engine", {{"socket", engine.socket}, {"own", engine.own ? "yes" : "no"}});
  }
  if (options.noop || !options.noop_world.empty()) {
    auto world = options.noop_world.empty() ? std::make_shared<noop::World>()
                                            : TRY(noop::World::in_file(options.noop_world));
    providers["noop"] = std::make_shared<noop::NoopProvider>(clock, std::move(world));
  }

  NatsOptions nats = small_nats_options();
  nats.urls.assign(stored.identity.nats_urls().begin(), stored.identity.nats_urls().end());
  nats.name = stored.identity.name();
  nats.tls_server_name = stored.identity.nats_server_name();
  nats.user_jwt = stored.identity.nats_jwt();
  nats.user_seed = stored.seed;
  nats.on_error = [](const std::string& what) { kLog.warn("bus", {{"what", what}}); };
  const auto trust = TRY(TlsTrust::make(stored.identity.nats_ca(), client_of(stored)));
  agent::CertificateKeeper certificate(options.state, stored, clock, jitter, agent::ask_hub(stored, clock),
                                       [&](const std::string& ca, const std::string& given) {
                                         return trust->replace(
                                             ca, {.certificate_pem = given, .key_pem = stored.tls_key});
                                       });
  IoThread io(clock);
  auto bus = TRY(LightNatsBus::start(std::move(nats), io.loop(), trust));
  bus->on_state([&certificate](BusState state, const std::string& why) {
    certificate.bus_is(state);
    if (state == BusState::kConnected) kLog.info("connected to the hub");
    if (state == BusState::kRefused) kLog.warn("refused by the hub; what runs goes on", {{"why", why}});
    if (state == BusState::kDisconnected) kLog.warn("the hub is away; what runs goes on", {{"why", why}});
  });

  const auto step_ended = [&metrics](const std::string& provider, agent::StepKind kind, bool failed,
                                     Millis took) { metrics.step_ended(provider, kind, failed, took); };
  agent::ThreadExecutor executor(16);
  agent::AgentOptions agent_options{.name = stored.identity.name(),
                                    .owner = stored.owner,
                                    .enrolled_epoch = stored.identity.epoch(),
                                    .heartbeat = Millis(options.heartbeat_ms),
                                    .provider_names = {},
                                    .box = stored.box};
  for (const auto& [name, _] : providers) agent_options.provider_names.push_back(name);
  auto agent = TRY(agent::Agent::open(std::move(agent_options), {.journal = *journal,
                                                                 .bus = *bus,
                                                                 .clock = clock,
                                                                 .secrets = secrets,
                                                                 .jitter = jitter,
                                                                 .executor = executor,
                                                                 .providers = providers,
                                                                 .step_ended = step_ended}));
  {
    const auto serving =
        serve_metrics(options, io.loop(), metrics,
                      {.version = QLEET_VERSION,
                       .region = stored.identity.region(),
                       .counts = [&engine = agent->engine()] { return engine.report_counts(); },
                       .connected = [&bus = *bus] { return bus.state() == BusState::kConnected; },
                       .certificate_days = [&] { return certificate_days(options.state, clock); },
                       .journal_bytes = [file = options.state / "journal/data.mdb"]() -> std::uint64_t {
                         std::error_code error;
                         const auto size = std::filesystem::file_size(file, error);
                         return error ? 0 : size;
                       }});
    const LoopThread loop(*agent, agent->wake(), clock);
    const LoopThread keeping(certificate, certificate.wake(), clock);
    kLog.info("running", {{"agent", stored.identity.name()}, {"region", stored.identity.region()}});
    std::optional<int> signal;
    // What a start or a burst of work needed once is not kept.
    while (!(signal = stop.wait_for(Millis(60'000)))) release_code_pages();
    kLog.info("stopping; what runs goes on", {{"signal", std::to_string(*signal)}});
    certificate.stop();
  }
  agent.reset();
  bus->close();
  return {};
}

// What providers keep that cannot be made again: without it all that runs would be replaced.
std::vector<std::filesystem::path> provider_files() {
  return {std::filesystem::path("container") / container::kRevisionKey};
}

// Follows another hub's store: what is held runs on until that states it.
Result<bool> accept_epoch(const std::filesystem::path& state, const std::string& epoch) {
  crypto::SystemRandom random;
  const auto sealer = TRY(crypto::Sealer::open_or_create(state / "identity/journal.key", random));
  const auto journal = TRY(agent::LmdbJournal::open({.folder = (state / "journal").string()}, sealer));
  return agent::order_epoch(*journal, epoch);
}

Result<> follow(const std::filesystem::path& state, const std::string& epoch) {
  if (!std::filesystem::exists(state / "journal"))
    return fail(Code::kNotFound, (state / "journal").string() + ": there is no journal");
  const bool entered = TRY(accept_epoch(state, epoch));
  std::cout << (entered ? "the agent will follow epoch " : "the agent is in this epoch already: ") << epoch
            << "\n";
  return {};
}

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  std::string result(name);
  return result.substr(0, result.find('.'));
}

CLI::App* add_command(CLI::App& app, const char* name, const char* what, std::filesystem::path& state) {
  auto* command = app.add_subcommand(name, what);
  command->add_option("--state", state, "Folder of this agent alone")->capture_default_str();
  return command;
}

CLI::App* add_enrol(CLI::App& app, agent::EnrolOptions& options) {
  auto* command = add_command(
      app, "enrol",
      "Become an agent of a hub, with the line that qleet agent join-token --region REGION prints",
      options.state);
  command->add_option("--hub", options.hub_url, "https://HOST:7443")->required();
  command->add_option("--token", options.token, "One-time join token")->required();
  command->add_option("--ca-fingerprint", options.ca_fingerprint, "SHA-256 of the hub's CA")->required();
  command->add_option("--name", options.name, "Its name")->capture_default_str();
  return command;
}

void add_run(CLI::App& app, RunOptions& options) {
  auto* command = add_command(app, "run", "Run the agent", options.state);
  command
      ->add_option(
          "--engine", options.engine,
          "Container engine: auto (one that is there, else podman of its own), own, none, or a socket")
      ->capture_default_str();
  command
      ->add_option(
          "--search-registry", options.search_registries,
          "HOST where images whose name has no registry are looked for, by podman of its own; more than once")
      ->expected(1);
  command
      ->add_option("--insecure-registry", options.insecure_registries,
                   "HOST:PORT that is spoken to without TLS; more than once")
      ->expected(1);
  command
      ->add_option("--registry-auth", options.registry_auth,
                   "File with credentials for registries, as docker login and podman login write it")
      ->check(CLI::ExistingFile);
  command->add_option("--heartbeat-ms", options.heartbeat_ms, "As the hub's")
      ->check(CLI::Range(100, 600'000))
      ->capture_default_str();
  command
      ->add_option(
          "--metrics-listen", options.metrics,
          "Address and port of /metrics, for Prometheus; port 0: any free one; none: it is not served")
      ->capture_default_str();
  command->add_flag("--with-noop", options.noop, "Also the provider noop, for tests and benchmarks");
  command->add_option("--noop-world", options.noop_world,
                      "The same, with its world in this file, where it outlives the agent");
  command->add_flag("-v,--verbose", options.verbose, "Log more");
}

int enrol(agent::EnrolOptions& options) {
  while (options.hub_url.ends_with('/')) options.hub_url.pop_back();
  crypto::SystemRandom random;
  const auto identity = agent::enrol(options, random);
  if (!identity) return failed(identity.error());
  // A journal of before knows another store: to enrol is the order to follow this one.
  if (std::filesystem::exists(options.state / "journal")) {
    const auto ordered = accept_epoch(options.state, identity->epoch());
    if (!ordered)
      return failed(wrap(ordered.error(),
                         "enrolled, but the journal is not told: stop the agent and run qleet-agent "
                         "accept-epoch " +
                             identity->epoch()));
  }
  std::cout << "enrolled as agent " << identity->name() << " of region " << identity->region()
            << "; now: qleet-agent run --state " << options.state.string() << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // An arena of malloc's for each thread would cost more than sharing one: threads here mostly wait.
  ::mallopt(M_ARENA_MAX, 1);
  explain_bus_errors();
  const StopSignals stop;

  CLI::App app("qleet-agent: makes true, in its region, what the hub wants", "qleet-agent");
  app.require_subcommand(1);
  app.set_version_flag("--version", "qleet-agent " QLEET_VERSION);

  const std::filesystem::path default_state = "/var/lib/qleet-agent";
  agent::EnrolOptions enrolment{
      .state = default_state, .hub_url = {}, .token = {}, .ca_fingerprint = {}, .name = host_name()};
  RunOptions options;
  options.state = default_state;
  std::filesystem::path from;
  std::filesystem::path to;
  const auto* enrolling = add_enrol(app, enrolment);
  add_run(app, options);
  auto* backing_up =
      add_command(app, "backup", "Copy identity, journal and its key while the agent runs", options.state);
  backing_up->add_option("to", to, "Folder to be made")->required();
  auto* restoring = add_command(app, "restore", "Put them back, before the agent is started", options.state);
  restoring->add_option("from", from, "The backup")->required()->check(CLI::ExistingDirectory);
  std::string epoch;
  auto* accepting = add_command(
      app, "accept-epoch",
      "Order the agent, which is stopped, to follow a hub's store that it refuses; nothing is deleted for it",
      options.state);
  accepting->add_option("epoch", epoch, "As qleet describe agent NAME shows it in EpochRefused")->required();

  if (const auto exit_code = parse(app, argc, argv)) return *exit_code;
  if (*enrolling) return enrol(enrolment);
  if (options.verbose) log::set_level(log::Level::kDebug);
  Result<> done;
  if (*backing_up)
    done = agent::backup_state(options.state, to, provider_files());
  else if (*restoring)
    done = agent::restore_state(from, options.state, provider_files());
  else if (*accepting)
    done = follow(options.state, epoch);
  else
    done = run(options, stop);
  return done ? 0 : failed(done.error());
}
