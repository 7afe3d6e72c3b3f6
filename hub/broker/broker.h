// The hub's side of the bus as a whole: its keys, who may talk, and the server: one that the hub runs, or a
// given cluster.
//
// A given cluster must trust the hub's operator: its configuration includes what is written to
// <folder>/cluster.conf (operator, system account, resolver). Everything else is the same, revocation too.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/bus/light_nats_bus.h"
#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "common/crypto/token.h"
#include "common/loop/io_loop.h"
#include "common/net/socket.h"
#include "common/result/result.h"
#include "hub/broker/broker_keys.h"
#include "hub/broker/identities.h"
#include "hub/broker/nats_server.h"

namespace qleet::hub {

// How long a client of the bus may show the same certificate. Short, as there is no list of revoked ones: an
// agent that was away for longer gets its next one over the API.
inline constexpr Millis kClientCertificateLifetime = std::chrono::days(30);

struct BrokerOptions {
  std::filesystem::path folder;  // <state>/broker

  // The server that the hub runs.
  std::string binary;
  std::string host = "0.0.0.0";
  int port = 0;
  // Signs the certificates of the bus's clients, and of the server that the hub runs.
  crypto::CertifiedKey ca;
  crypto::ServerNames names;  // under which agents reach it
  // Whether clients must show a certificate of `ca` before anything that they say is read.
  bool client_certificates = true;
  Millis tls_timeout = NatsConfig{}.tls_timeout;
  Millis auth_timeout = NatsConfig{}.auth_timeout;
  std::int64_t log_bytes = NatsConfig{}.log_bytes;

  // A given cluster instead: with urls, the above but `folder` and `ca` is not used.
  struct Cluster {
    std::vector<std::string> urls;
    std::string ca_pem;       // empty: the system's CAs
    std::string server_name;  // in its certificates; empty: as in the URLs
    TlsClient client;         // what the hub shows it; empty: nothing
  };
  Cluster cluster;
};

class Broker {
 public:
  // With an own server: once it answers. `random` and `clock` must outlive it.
  static Result<std::unique_ptr<Broker>> start(BrokerOptions options, crypto::Random& random,
                                               const Clock& clock);
  // As stop().
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  Identities& identities() { return *identities_; }
  // For the hub's bus: address, trust, name and identity; wide limits to what waits.
  Result<NatsOptions> hub_options() const;
  // To be used with them where it shall live for longer than a certificate: kept up to date.
  std::shared_ptr<const TlsTrust> trust() const { return trust_; }

  // For an enrolled agent, of the key that it asks for: what the bus wants to see before anything else. PEM.
  // kInvalid: not a good request.
  Result<std::string> certify(const std::string& agent, std::string_view request_pem) const;
  // The CA of those certificates, PEM. A given cluster may ask for them as well: <folder>/clients-ca.crt.
  const std::string& client_ca_pem() const { return options_.ca.certificate_pem; }
  // Whether the own server asks for them; and from now on. A given cluster does as it is configured.
  bool client_certificates_required() const { return server_ != nullptr && required_; }
  Result<> require_client_certificates();
  // Makes anew what ends soon: the own server's certificate, and the one that the hub shows it. To be called
  // from time to time.
  Result<> renew_certificates();

  // What an agent is told when it enrols: the port of the own server (0: there is none, and `cluster_urls`
  // says where to go), whom to trust, and the name in the certificate.
  int port() const { return server_ ? server_->port() : 0; }
  const std::vector<std::string>& cluster_urls() const { return options_.cluster.urls; }
  const std::string& tls_ca_pem() const;
  std::string tls_server_name() const;

  // `ended` is called, on a thread of the bus, with the name of each agent whose connection has ended; also
  // where it has made another one meanwhile. Best effort: what happens while the server or this connection to
  // it is away is not told. As long as the handle lives; not beyond stop().
  Result<std::shared_ptr<void>> on_connection_ended(std::function<void(const std::string& agent)> ended);

  // nullptr with a given cluster.
  NatsServer* server() { return server_.get(); }

  // The own server ends too.
  void stop();
  // The own server stays for the next hub.
  void leave();

 private:
  Broker(BrokerOptions options, const Clock& clock)
      : options_(std::move(options)), clock_(clock), io_(clock) {}
  NatsOptions client(std::string name, Credentials credentials) const;
  Result<> start_server();
  Result<> start_trust();
  Result<TlsClient> own_certificate() const;

  BrokerOptions options_;
  const Clock& clock_;
  std::optional<BrokerKeys> keys_;
  std::atomic<bool> required_ = false;
  std::shared_ptr<TlsTrust> trust_;
  TlsClient shown_;  // to the own server
  std::unique_ptr<Identities> identities_;
  std::unique_ptr<NatsServer> server_;
  IoThread io_;
  std::unique_ptr<LightNatsBus> system_;  // ends before its loop
};

}  // namespace qleet::hub
