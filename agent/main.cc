// qleet-agent: reads the command line, and names the journal, the bus and the providers that the agent is
// made of.
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "agent/assembly/agent.h"
#include "agent/enrol/enrol.h"
#include "agent/journal/lmdb_journal.h"
#include "common/bus/light_nats_bus.h"
#include "common/crypto/private_tree.h"
#include "common/crypto/sealed.h"
#include "common/engine/podman_service.h"
#include "common/log/log.h"
#include "common/loop/io_loop.h"
#include "common/loop/loop.h"
#include "common/process/code_pages.h"
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
  std::int64_t heartbeat_ms = 10'000;
  bool noop = false;
  std::string noop_world;
};

int failed(const Error& error) {
  kLog.error(error.message);
  return 1;
}

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

Result<> run(const RunOptions& options, sigset_t& signals) {
  const auto stored = TRY(agent::load_identity(options.state));
  const SystemClock clock;
  crypto::SystemRandom secrets;
  qleet::SystemRandom jitter;
  const auto sealer = TRY(crypto::Sealer::open_or_create(options.state / "identity/journal.key", secrets));
  auto journal = TRY(agent::LmdbJournal::open({.folder = (options.state / "journal").string()}, sealer));

  const auto engine = TRY(find_engine(options));
  EndpointBoard endpoints;
  std::map<std::string, std::shared_ptr<Provider>> providers;
  if (!engine.socket.empty()) {
    providers["container"] = container::make_provider(
        {.socket = engine.socket, .state = options.state / "container", .registry_auth = {}}, endpoints,
        clock);
    providers["route"] =
        route::make_provider({.socket = engine.socket, .state = options.state / "route"}, endpoints);
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
  nats.tls_ca_pem = stored.identity.nats_ca();
  nats.tls_server_name = stored.identity.nats_server_name();
  nats.user_jwt = stored.identity.nats_jwt();
  nats.user_seed = stored.seed;
  nats.on_error = [](const std::string& what) { kLog.warn("bus", {{"what", what}}); };
  IoThread io(clock);
  auto bus = TRY(LightNatsBus::start(std::move(nats), io.loop()));
  bus->on_state([](BusState state, const std::string& why) {
    if (state == BusState::kConnected) kLog.info("connected to the hub");
    if (state == BusState::kRefused) kLog.warn("refused by the hub; what runs goes on", {{"why", why}});
    if (state == BusState::kDisconnected) kLog.warn("the hub is away; what runs goes on", {{"why", why}});
  });

  agent::ThreadExecutor executor(16);
  agent::AgentOptions agent_options{.name = stored.identity.name(),
                                    .owner = stored.owner,
                                    .enrolled_epoch = stored.identity.epoch(),
                                    .heartbeat = Millis(options.heartbeat_ms),
                                    .provider_names = {}};
  for (const auto& [name, _] : providers) agent_options.provider_names.push_back(name);
  auto agent = TRY(agent::Agent::open(std::move(agent_options), {.journal = *journal,
                                                                 .bus = *bus,
                                                                 .clock = clock,
                                                                 .secrets = secrets,
                                                                 .jitter = jitter,
                                                                 .executor = executor,
                                                                 .providers = providers}));
  {
    const LoopThread loop(*agent, agent->wake(), clock);
    kLog.info("running", {{"agent", stored.identity.name()}, {"region", stored.identity.region()}});
    // What a start or a burst of work needed once is not kept.
    constexpr timespec kEvery{.tv_sec = 60, .tv_nsec = 0};
    int signal = 0;
    while ((signal = sigtimedwait(&signals, nullptr, &kEvery)) < 0) release_code_pages();
    kLog.info("stopping; what runs goes on", {{"signal", std::to_string(signal)}});
  }
  agent.reset();
  bus->close();
  return {};
}

// The journal and what opens it; what runs is not in it.
Result<> backup(const std::filesystem::path& state, const std::filesystem::path& to) {
  std::error_code error;
  if (std::filesystem::exists(to) && !std::filesystem::is_empty(to, error))
    return fail(Code::kConflict, to.string() + ": is not empty: name a new folder");
  TRY(crypto::copy_private_tree(state / "identity", to / "identity"));
  return agent::copy_journal((state / "journal").string(), (to / "journal").string());
}

Result<> restore(const std::filesystem::path& from, const std::filesystem::path& state) {
  for (const char* part : {"identity", "journal"})
    if (crypto::holds_files(state / part))
      return fail(Code::kConflict,
                  (state / part).string() + ": is there already: name another folder, or move it away");
  TRY(crypto::copy_private_tree(from / "identity", state / "identity"));
  return agent::copy_journal((from / "journal").string(), (state / "journal").string());
}

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  std::string result(name);
  return result.substr(0, result.find('.'));
}

}  // namespace

int main(int argc, char** argv) {
  // An arena of malloc's for each thread would cost more than sharing one: threads here mostly wait.
  ::mallopt(M_ARENA_MAX, 1);
  // Before any thread exists, so that all inherit it.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App app("qleet-agent: makes true, in its region, what the hub wants", "qleet-agent");
  app.require_subcommand(1);
  app.set_version_flag("--version", "qleet-agent " QLEET_VERSION);

  const std::filesystem::path default_state = "/var/lib/qleet-agent";
  agent::EnrolOptions enrol{
      .state = default_state, .hub_url = {}, .token = {}, .ca_fingerprint = {}, .name = host_name()};
  auto* enrolling = app.add_subcommand(
      "enrol", "Become an agent of a hub, with the line that qleet agent join-token prints");
  enrolling->add_option("--hub", enrol.hub_url, "https://HOST:7443")->required();
  enrolling->add_option("--token", enrol.token, "One-time join token")->required();
  enrolling->add_option("--ca-fingerprint", enrol.ca_fingerprint, "SHA-256 of the hub's CA")->required();
  enrolling->add_option("--state", enrol.state, "Folder of this agent alone")->capture_default_str();
  enrolling->add_option("--name", enrol.name, "Its name")->capture_default_str();

  RunOptions options;
  options.state = default_state;
  bool verbose = false;
  auto* running = app.add_subcommand("run", "Run the agent");
  running->add_option("--state", options.state, "Folder of this agent alone")->capture_default_str();
  running
      ->add_option(
          "--engine", options.engine,
          "Container engine: auto (one that is there, else podman of its own), own, none, or a socket")
      ->capture_default_str();
  running
      ->add_option(
          "--search-registry", options.search_registries,
          "HOST where images whose name has no registry are looked for, by podman of its own; more than once")
      ->expected(1);
  running
      ->add_option("--insecure-registry", options.insecure_registries,
                   "HOST:PORT that is spoken to without TLS; more than once")
      ->expected(1);
  running->add_option("--heartbeat-ms", options.heartbeat_ms, "As the hub's")
      ->check(CLI::Range(100, 600'000))
      ->capture_default_str();
  running->add_flag("--with-noop", options.noop, "Also the provider noop, for tests and benchmarks");
  running->add_option("--noop-world", options.noop_world,
                      "The same, with its world in this file, where it outlives the agent");
  running->add_flag("-v,--verbose", verbose, "Log more");

  std::filesystem::path from;
  std::filesystem::path to;
  auto* backing_up = app.add_subcommand("backup", "Copy identity, journal and its key while the agent runs");
  backing_up->add_option("--state", options.state, "Folder of this agent alone")->capture_default_str();
  backing_up->add_option("to", to, "Folder to be made")->required();
  auto* restoring = app.add_subcommand("restore", "Put them back, before the agent is started");
  restoring->add_option("--state", options.state, "Folder of this agent alone")->capture_default_str();
  restoring->add_option("from", from, "The backup")->required()->check(CLI::ExistingDirectory);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (verbose) log::set_level(log::Level::kDebug);
  if (*backing_up || *restoring) {
    const auto done = *backing_up ? backup(options.state, to) : restore(from, options.state);
    return done ? 0 : failed(done.error());
  }
  if (*enrolling) {
    while (enrol.hub_url.ends_with('/')) enrol.hub_url.pop_back();
    crypto::SystemRandom random;
    const auto identity = agent::enrol(enrol, random);
    if (!identity) return failed(identity.error());
    std::cout << "enrolled as agent " << identity->name() << " of region " << identity->region()
              << "; now: qleet-agent run --state " << enrol.state.string() << "\n";
    return 0;
  }
  const auto result = run(options, signals);
  return result ? 0 : failed(result.error());
}
