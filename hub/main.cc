// qleet-hub: reads the command line, opens the store, and hands both to the hub.
#include <CLI/CLI.hpp>
#include <iostream>

#include "common/log/log.h"
#include "common/process/bus_error.h"
#include "common/process/command_line.h"
#include "common/process/stop_signals.h"
#include "hub/assembly/hub.h"
#include "hub/assembly/state_backup.h"
#include "hub/secrets/sealing_store.h"
#include "hub/secrets/start.h"
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
  signs.gauges = {
      gauge("qleet_hub_store_revision", "The newest revision.", &LmdbStats::revision),
      gauge("qleet_hub_store_log_entries", "Changes in the log.", &LmdbStats::log_entries),
      gauge("qleet_hub_store_file_bytes", "Size of the store's file.", &LmdbStats::file_bytes),
      gauge("qleet_hub_store_max_bytes", "How large the store's file may become.", &LmdbStats::max_bytes)};
  signs.histograms = {
      {"qleet_hub_store_commit_seconds",
       "How long commits took until they were on disk, each with all that was written together.",
       store.commits().bounds(), [&store] { return store.commits().value(); }}};
  return signs;
}

// Takes what was clear text once out of the change log and out of the file. What fails is tried again at the
// next start.
Result<std::unique_ptr<LmdbStore>> without_remains(std::unique_ptr<LmdbStore> store,
                                                   const std::filesystem::path& folder) {
  const auto stats = TRY(store->stats());
  if (TRY(secrets::log_tells_of_secrets(*store, stats.log_floor))) TRY(store->compact(stats.revision + 1));
  store.reset();
  const auto scrubbed = scrub_lmdb(folder);
  auto again = TRY(LmdbStore::open(folder));
  if (scrubbed) {
    TRY(secrets::forget_remains(*again));
    kLog.info("the store's file is written anew: nothing is left in it of secrets in clear text");
  } else {
    kLog.warn("secrets in clear text may be left in the store's file until the next start",
              {{"error", scrubbed.error().message}});
  }
  return again;
}

// Everything that the store holds of secrets is under these keys from here on.
Result<std::unique_ptr<LmdbStore>> bring_under_keys(std::unique_ptr<LmdbStore> store,
                                                    const crypto::Sealer& sealer,
                                                    const std::filesystem::path& folder) {
  const auto done = secrets::bring_under_keys(*store, sealer);
  if (!done && (done.error().code == Code::kFull || done.error().code == Code::kUnavailable)) {
    // What is there is served all the same, and what is written from here on is sealed.
    kLog.warn("secrets are not brought under the newest key before the next start",
              {{"error", done.error().message}});
    return store;
  }
  const auto brought = TRY(done);
  if (brought.sealed + brought.renewed > 0)
    kLog.info("secrets sealed", {{"were_clear", std::to_string(brought.sealed)},
                                 {"were_under_an_older_key", std::to_string(brought.renewed)}});
  for (const auto& name : brought.closed)
    kLog.error("a secret cannot be opened with the keys at hand: restore its key, or apply it again",
               {{"secret", name}});
  return brought.remains ? without_remains(std::move(store), folder) : std::move(store);
}

int serve(const HubOptions& options, const secrets::KeySource& keys) {
  const StopSignals stop;
  std::error_code error;
  std::filesystem::create_directories(options.state, error);
  std::filesystem::permissions(options.state, std::filesystem::perms::owner_all, error);
  if (error) return failed({Code::kInvalid, options.state.string() + ": " + error.message(), {}});
  const auto folder = options.state / "store";
  auto store = LmdbStore::open(folder);
  if (!store) return failed(store.error());
  const SystemClock clock;
  crypto::SystemRandom random;
  const auto sealer = secrets::open_keys(keys, **store, random);
  if (!sealer) return failed(sealer.error());
  store = bring_under_keys(*std::move(store), *sealer, folder);
  if (!store) return failed(store.error());
  secrets::SealingStore sealing(**store, *sealer);
  auto hub = Hub::start(options, sealing, clock, random, signs_of(**store), &*sealer);
  if (!hub) return failed(hub.error());
  const int signal = stop.wait();
  kLog.info("stopping", {{"signal", std::to_string(signal)}});
  (*hub)->stop();
  return 0;
}

int rotate_secrets_key(const std::filesystem::path& state) {
  crypto::SystemRandom random;
  const auto file = state / secrets::kKeyFile;
  if (const auto done = secrets::rotate(file, random); !done) return failed(done.error());
  std::cout << "a new key stands first in " << file.string()
            << ": the hub seals all secrets anew under it when it starts next\n";
  return 0;
}

int backup(const std::filesystem::path& state, const std::filesystem::path& to, BackupParts parts) {
  Revision revision = 0;
  const auto done = backup_state(
      state, to,
      [&](const std::filesystem::path& store) -> Result<> {
        // A running hub has the store: LMDB lets a second process read it.
        revision = TRY(backup_lmdb(state / "store", store));
        return {};
      },
      parts);
  if (!done) return failed(done.error());
  std::cout << "backup of revision " << revision << " in " << to.string()
            << ", with the keys of this hub: keep it as safe as the hub itself\n";
  if (!parts.secrets_key)
    std::cout << "the key of its secrets is not in it: they open only where "
              << (state / secrets::kKeyFile).string() << " is kept, too\n";
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
  std::string secrets_key_command;
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
  command
      ->add_option("--nats-server", options.nats_server,
                   "nats-server to run, where it is not the one in PATH: 2.12.10 or newer")
      ->check(CLI::ExistingFile);
  command
      ->add_option(
          "--nats-client-certificates", options.client_certificates,
          "Whether its nats-server takes only clients with a certificate of this hub: required, optional, "
          "or auto: required, but in a fleet that began without once every agent has one")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, ClientCertificates>{{"auto", ClientCertificates::kAuto},
                                                    {"required", ClientCertificates::kRequired},
                                                    {"optional", ClientCertificates::kOptional}}))
      ->default_str("auto");
  auto* urls = command
                   ->add_option("--nats-url", options.nats_urls,
                                "Use this NATS cluster instead of a nats-server of its own; more than once")
                   ->expected(1);
  command->add_option("--nats-ca", options.nats_ca_file, "Its CA")->check(CLI::ExistingFile)->needs(urls);
  command
      ->add_option("--nats-server-name", options.nats_server_name,
                   "Name in its certificates, where it differs from the URLs")
      ->needs(urls);
  auto* shown = command
                    ->add_option("--nats-cert", options.nats_certificate_file,
                                 "What the hub shows it, where it asks clients for a certificate")
                    ->check(CLI::ExistingFile)
                    ->needs(urls);
  auto* shown_key = command->add_option("--nats-key", options.nats_key_file, "Its key")
                        ->check(CLI::ExistingFile)
                        ->needs(shown);
  shown->needs(shown_key);
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
  command->add_option(
      "--secrets-key-command", arguments.secrets_key_command,
      "Command that prints the keys of secrets, newest first, instead of <state>/secrets.key");
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
  bool without_secrets_key = false;
  backing_up->add_flag("--without-secrets-key", without_secrets_key,
                       "Leave out the key of secrets, which is then kept elsewhere");
  auto* restoring = app.add_subcommand("restore", "Make the folder of a new hub from a backup");
  restoring->add_option("--state", state, "The new hub's folder; must hold no store")->required();
  restoring->add_option("from", from, "The backup")->required()->check(CLI::ExistingDirectory);

  auto* rotating = app.add_subcommand("rotate-secrets-key", "Put a new key in front of those of secrets");
  rotating->add_option("--state", state, "The hub's folder")->required()->check(CLI::ExistingDirectory);

  if (const auto exit_code = parse(app, argc, argv)) return *exit_code;
  if (*backing_up) return backup(state, to, {.secrets_key = !without_secrets_key});
  if (*rotating) return rotate_secrets_key(state);
  if (*restoring) return restore(from, state);

  if (!arguments.finish()) {
    std::cerr << "qleet-hub: --listen and --nats-listen are written ADDRESS:PORT\n";
    return 2;
  }
  if (arguments.verbose) log::set_level(log::Level::kDebug);
  return serve(arguments.hub, {state / secrets::kKeyFile, arguments.secrets_key_command});
}
