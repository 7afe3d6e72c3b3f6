// The whole hub, put together: everything but the concrete store, which main.cc names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/crypto/sealed.h"
#include "common/crypto/token.h"
#include "common/random/random.h"
#include "common/result/result.h"
#include "hub/api/dependencies.h"
#include "hub/assembly/certificates.h"
#include "hub/store/store.h"

namespace qleet::hub {

struct HubOptions {
  std::filesystem::path state;  // folder of this hub alone
  std::string listen_address = "127.0.0.1";
  std::uint16_t listen_port = 7443;  // 0: any free one
  std::string nats_address = "127.0.0.1";
  std::uint16_t nats_port = 4222;  // 0: a free one, remembered
  // Names and addresses under which clients and agents reach this hub; into its certificates. The first one
  // goes to agents.
  std::vector<std::string> advertise;
  std::filesystem::path profiles;  // put into an empty store; empty: none
  // Instead of certificates of its own making: all three or none.
  std::filesystem::path certificate_file;
  std::filesystem::path key_file;
  std::filesystem::path ca_file;
  std::string nats_server;  // program; empty: the one in PATH
  ClientCertificates client_certificates = ClientCertificates::kAuto;
  // Instead of a nats-server of its own.
  std::vector<std::string> nats_urls;
  std::filesystem::path nats_ca_file;
  std::string nats_server_name;  // in its certificates; empty: as in the URLs
  // What the hub shows it: both or none.
  std::filesystem::path nats_certificate_file;
  std::filesystem::path nats_key_file;
  Millis heartbeat{10'000};   // of agents: three missed, and one counts as lost
  unsigned controllers = 32;  // threads; they wait most of the time, for what they write together
  // What the API answers: of one service account, and of one address without (good) credentials. Bursts of
  // four and of ten seconds' worth pass.
  double requests_per_second = 100;
  double anonymous_requests_per_second = 5;
};

// What the process knows of its store beyond the interface.
struct StoreSigns {
  std::vector<api::Gauge> gauges;
  std::vector<api::ReadinessCheck> readiness;
  std::vector<api::Histogram> histograms = {};
};

class Hub {
 public:
  // `sealer`: what the store seals values of Secrets with; null: agents are sent none. Serves on return. On
  // the first start makes <state>/admin-token (mode 0600). The references must outlive it.
  static Result<std::unique_ptr<Hub>> start(HubOptions options, Store& store, const Clock& clock,
                                            crypto::Random& random, const StoreSigns& store_signs,
                                            const crypto::Sealer* sealer);
  // As stop().
  ~Hub();
  // Requests in progress are answered, then everything ends, the own nats-server too. What agents run goes
  // on.
  void stop();

  std::uint16_t port() const;
  int nats_port() const;

 private:
  struct Impl;
  explicit Hub(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace qleet::hub
