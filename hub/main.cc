// qleet-hub: reads the command line, opens the store, and hands both to the hub.
#include <CLI/CLI.hpp>
#include <iostream>

#include "common/log/log.h"
#include "common/process/bus_error.h"
#include "common/process/command_line.h"
#include "common/process/stop_signals.h"
#include "hub/assembly/hub.h"
#include "hub/assembly/state_backup.h"
#include "hub/store/lmdb_store.h"

namespace {

using namespace qleet;       // NOLINT(google-build-using-namespace)
using namespace qleet::hub;  // NOLINT(google-build-using-namespace)

constexpr log::Logger kLog{"main"};

// "host:port", "[v6]:port"; false when it is none.
bool split_address(const std::string& text, std::string& host, std::uint16_t& port) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon + 1 == text.size() ||
      text.find_first_not_of("0123456789", colon + 1) != std::string::npos || text.size() - colon > 6)
    return false;
  const int number = std::stoi(text.substr(colon + 1));
  if (number > 65535) return false;
  host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  port = static_cast<std::uint16_t>(number);
  return !host.empty();
}

StoreSigns signs_of(const LmdbStore& store) {
  auto gauge = [&store](const char* name, const char* help, auto member) {
    return api::Gauge{name, help, [&store, member] {
                        const auto stats = store.stats();
                        return stats ? static_cast<double>((*stats).*member) : 0.0;
                      }};
  };
  StoreSigns signs;
  signs.readiness.push_back({"store", [&store]() -> std::optional<std::string> {
                               const auto trouble = store.trouble();
                               if (!trouble) return std::nullopt;
                               return trouble->message + " (reading goes on)";
                             }});
  signs.gauges = {gauge("qleet_hub_store_revision", "The newest revision.", &LmdbStats::revision),
                  gauge("qleet_hub_store_log_entries", "Changes in the log.", &LmdbStats::log_entries),
                  gauge("qleet_hub_store_file_bytes", "Size of the store's file.", &LmdbStats::file_bytes)};
  return signs;
}

int serve(const HubOptions& options) {
  const StopSignals stop;
  std::error_code error;
  std::filesystem::create_directories(options.state, error);
  std::filesystem::permissions(options.state, std::filesystem::perms::owner_all, error);
  if (error) return failed({Code::kInvalid, options.state.string() + ": " + error.message(), {}});
  auto store = LmdbStore::open(options.state / "store");
  if (!store) return failed(store.error());
  const SystemClock clock;
  crypto::SystemRandom random;
  auto hub = Hub::start(options, **store, clock, random, signs_of(**store));
  if (!hub) return failed(hub.error());
  const int signal = stop.wait();
  kLog.info("stopping", {{"signal", std::to_string(signal)}});
  (*hub)->stop();
  return 0;
}

int backup(const std::filesystem::path& state, const std::filesystem::path& to) {
  Revision revision = 0;
  const auto done = backup_state(state, to, [&](const std::filesystem::path& store) -> Result<> {
    // A running hub has the store: LMDB lets a second process read it.
    revision = TRY(backup_lmdb(state / "store", store));
    return {};
  });
  if (!done) return failed(done.error());
  std::cout << "backup of revision " << revision << " in " << to.string()
            << ", with the keys of this hub: keep it as safe as the hub itself\n";
  return 0;
}

int restore(const std::filesystem::path& from, const std::filesystem::path& state) {
  std::error_code error;
  std::filesystem::create_directories(state, error);
  if (!error) std::filesystem::permissions(state, std::filesystem::perms::owner_all, error);
  if (error) return failed({Code::kInvalid, state.string() + ": " + error.message(), {}});
  StoreIdentity identity;
  const auto done = restore_state(from, state, [&](const std::filesystem::path& store) -> Result<> {
    identity = TRY(restore_lmdb(store, state / "store"));
    return {};
  });
  if (!done) return failed(done.error());
  for (const auto& part : done->kept) std::cout << part << ": kept what is in " << state.string() << "\n";
  std::cout << "restored with the new epoch " << identity.epoch
            << ": agents compare all they hold, and delete nothing that this backup does not know\n";
  if (done->taken.size() + done->kept.size() == 1)
    std::cout << "this backup holds the store alone: agents know the hub again only where broker/ and tls/ "
                 "are the old "
                 "ones\n";
  return 0;
}

// As they are written; `hub` is whole once `finish` has read the others.
struct ServeArguments {
  HubOptions hub;
  std::string listen = "127.0.0.1:7443";
  std::string nats_listen = "127.0.0.1:4222";
  std::int64_t heartbeat_ms = HubOptions{}.heartbeat.count();
  bool verbose = false;

  bool finish() {
    hub.heartbeat = Millis(heartbeat_ms);
    return split_address(listen, hub.listen_address, hub.listen_port) &&
           split_address(nats_listen, hub.nats_address, hub.nats_port);
  }
};

void add_serve(CLI::App& app, ServeArguments& arguments) {
  HubOptions& options = arguments.hub;
  auto* command = app.add_subcommand("serve", "Run the hub");
  command->add_option("--state", options.state, "Folder of this hub alone")->required();
  command->add_option("--listen", arguments.listen, "Address and port of the API; port 0: any free one")
      ->capture_default_str();
  command
      ->add_option("--nats-listen", arguments.nats_listen,
                   "Address and port of its nats-server; port 0: a free one, remembered")
      ->capture_default_str();
  command
      ->add_option("--advertise", options.advertise,
                   "Name or address under which clients and agents reach this hub; more than once")
      ->expected(1);
  command->add_option("--profiles", options.profiles, "Default profiles, put into an empty store")
      ->check(CLI::ExistingDirectory);
  auto* certificate =
      command->add_option("--tls-cert", options.certificate_file, "Certificate of the API, then its chain")
          ->check(CLI::ExistingFile);
  auto* key = command->add_option("--tls-key", options.key_file, "Its key")->check(CLI::ExistingFile);
  auto* ca = command->add_option("--tls-ca", options.ca_file, "The CA that signed it, for agents to pin")
                 ->check(CLI::ExistingFile);
  certificate->needs(key, ca);
  key->needs(certificate);
  ca->needs(certificate);
  auto* urls = command
                   ->add_option("--nats-url", options.nats_urls,
                                "Use this NATS cluster instead of a nats-server of its own; more than once")
                   ->expected(1);
  command->add_option("--nats-ca", options.nats_ca_file, "Its CA")->check(CLI::ExistingFile)->needs(urls);
  command
      ->add_option("--nats-server-name", options.nats_server_name,
                   "Name in its certificates, where it differs from the URLs")
      ->needs(urls);
  command
      ->add_option("--heartbeat-ms", arguments.heartbeat_ms,
                   "How often agents show that they live; three missed, and one counts as lost")
      ->check(CLI::Range(100, 600'000))
      ->capture_default_str();
  command
      ->add_option("--requests-per-second", options.requests_per_second,
                   "Of the API, of one service account; four times as many at once")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  command
      ->add_option(
          "--anonymous-requests-per-second", options.anonymous_requests_per_second,
          "Of one address without credentials, or with wrong ones, enrolments included; ten times as "
          "many at once")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  command->add_flag("-v,--verbose", arguments.verbose, "Log more");
}

}  // namespace

int main(int argc, char** argv) {
  explain_bus_errors();
  CLI::App app("qleet-hub: holds what is wanted, and hands each agent its share", "qleet-hub");
  app.require_subcommand(1);
  app.set_version_flag("--version", "qleet-hub " QLEET_VERSION);

  ServeArguments arguments;
  add_serve(app, arguments);
  auto& state = arguments.hub.state;
  std::filesystem::path from;
  std::filesystem::path to;
  auto* backing_up = app.add_subcommand("backup", "Copy the store and the hub's keys while the hub runs");
  backing_up->add_option("--state", state, "The hub's folder")->required();
  backing_up->add_option("to", to, "Folder to be made")->required();
  auto* restoring = app.add_subcommand("restore", "Make the folder of a new hub from a backup");
  restoring->add_option("--state", state, "The new hub's folder; must hold no store")->required();
  restoring->add_option("from", from, "The backup")->required()->check(CLI::ExistingDirectory);

  if (const auto exit_code = parse(app, argc, argv)) return *exit_code;
  if (*backing_up) return backup(state, to);
  if (*restoring) return restore(from, state);

  if (!arguments.finish()) {
    std::cerr << "qleet-hub: --listen and --nats-listen are written ADDRESS:PORT\n";
    return 2;
  }
  if (arguments.verbose) log::set_level(log::Level::kDebug);
  return serve(arguments.hub);
}
