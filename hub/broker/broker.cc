#include "hub/broker/broker.h"

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "common/crypto/jwt.h"
#include "common/crypto/private_file.h"
#include "common/log/log.h"

namespace qleet::hub {
namespace {

constexpr log::Logger kLog{"broker"};

// What the configuration of a cluster needs in order to know the hub's identities.
std::string cluster_config(const BrokerKeys& keys, const std::string& account_jwt) {
  return fmt::format(
      "# Include this in the configuration of each server of the cluster. Give `dir` a folder of the "
      "server's own.\n"
      "# Have its `tls` block verify clients by the hub's CA as well (clients-ca.crt, beside this file):\n"
      "#   tls {{ ..., verify: true, ca_file: \"./clients-ca.crt\" }}\n"
      "operator: \"{}\"\n"
      "system_account: {}\n"
      "resolver: {{ type: full, dir: \"./accounts\", allow_delete: false, interval: \"2m\" }}\n"
      "resolver_preload: {{ {}: \"{}\", {}: \"{}\" }}\n",
      keys.operator_jwt(), keys.system_account(), keys.system_account(), keys.system_jwt(), keys.account(),
      account_jwt);
}

// Of the client that the server's advisory is about: the name in the token with which the server has let it
// in, which it cannot choose. Not `name_tag`: newer servers name the account there. Empty: none.
std::string agent_of_advisory(const std::string& json) {
  google::protobuf::Struct advisory;
  if (!google::protobuf::util::JsonStringToMessage(json, &advisory).ok()) return {};
  const auto client = advisory.fields().find("client");
  if (client == advisory.fields().end()) return {};
  const auto& fields = client->second.struct_value().fields();
  const auto token = fields.find("jwt");
  if (token == fields.end()) return {};
  const auto claims = crypto::decode(token->second.string_value());
  return claims ? claims->name : std::string();
}

}  // namespace

Result<std::unique_ptr<Broker>> Broker::start(BrokerOptions options, crypto::Random& random,
                                              const Clock& clock) {
  auto broker = std::unique_ptr<Broker>(new Broker(std::move(options), clock));
  const auto& folder = broker->options_.folder;
  broker->keys_ = TRY(BrokerKeys::open(folder, random, clock.wall()));
  broker->identities_ = TRY(Identities::open(folder, *broker->keys_, clock));
  if (broker->options_.cluster.urls.empty()) {
    TRY(broker->start_server());
  } else {
    if (!broker->client_ca_pem().empty())
      TRY(crypto::write_private_file(folder / "clients-ca.crt", broker->client_ca_pem()));
    TRY(crypto::write_private_file(folder / "cluster.conf",
                                   cluster_config(*broker->keys_, broker->identities_->account_jwt())));
  }
  TRY(broker->start_trust());
  broker->system_ = TRY(LightNatsBus::start(
      broker->client(std::string(kSystemUser), TRY(broker->keys_->system_credentials(clock.wall()))),
      broker->io_.loop(), broker->trust_));
  broker->identities_->use(broker->system_.get());
  return broker;
}

Result<> Broker::start_server() {
  server_ = TRY(NatsServer::start({.folder = options_.folder,
                                   .binary = options_.binary,
                                   .host = options_.host,
                                   .port = options_.port,
                                   .ca = options_.ca,
                                   .client_certificates = options_.client_certificates,
                                   .names = options_.names,
                                   .tls_timeout = options_.tls_timeout,
                                   .auth_timeout = options_.auth_timeout,
                                   .log_bytes = options_.log_bytes,
                                   .operator_jwt = keys_->operator_jwt(),
                                   .system_account = keys_->system_account(),
                                   .system_jwt = keys_->system_jwt(),
                                   .account = keys_->account(),
                                   .account_jwt = [this] { return identities_->account_jwt(); }},
                                  clock_));
  required_ = options_.client_certificates;
  return {};
}

// What the hub shows its own server: of a key that nobody else ever has, and no longer good than an agent's.
Result<TlsClient> Broker::own_certificate() const {
  TlsClient made;
  made.key_pem = TRY(crypto::make_client_key());
  const std::string name(kHubUser);
  made.certificate_pem = TRY(
      crypto::make_client_certificate(options_.ca, TRY(crypto::make_certificate_request(made.key_pem, name)),
                                      name, kClientCertificateLifetime, clock_.wall()));
  return made;
}

Result<> Broker::start_trust() {
  shown_ = server_ ? TRY(own_certificate()) : options_.cluster.client;
  trust_ = TRY(TlsTrust::make(tls_ca_pem(), shown_));
  return {};
}

Result<> Broker::renew_certificates() {
  if (!server_) return {};
  TRY(server_->renew_certificate());
  const auto ca = TRY(crypto::inspect_certificate(options_.ca.certificate_pem));
  const auto shown = TRY(crypto::inspect_certificate(shown_.certificate_pem));
  if (!crypto::renewal_due(shown, clock_.wall(), ca.not_after)) return {};
  auto made = TRY(own_certificate());
  TRY(trust_->replace(tls_ca_pem(), made));
  shown_ = std::move(made);
  return {};
}

Result<> Broker::require_client_certificates() {
  if (!server_) return {};
  TRY(server_->require_client_certificates());
  required_ = true;
  return {};
}

Result<std::string> Broker::certify(const std::string& agent, std::string_view request_pem) const {
  auto made = crypto::make_client_certificate(options_.ca, request_pem, agent, kClientCertificateLifetime,
                                              clock_.wall());
  if (!made) return std::unexpected(wrap(std::move(made).error(), "tlsRequest"));
  return made;
}

Broker::~Broker() { stop(); }

NatsOptions Broker::client(std::string name, Credentials credentials) const {
  NatsOptions options = small_nats_options();
  options.urls = server_ ? std::vector{server_->local_url()} : options_.cluster.urls;
  options.name = std::move(name);
  options.tls_ca_pem = tls_ca_pem();
  options.tls_server_name = tls_server_name();
  options.tls_certificate_pem = shown_.certificate_pem;
  options.tls_key_pem = shown_.key_pem;
  options.user_jwt = std::move(credentials.jwt);
  options.user_seed = std::move(credentials.seed);
  // Beside the server there is no storm to avoid, and agents wait for the hub.
  options.reconnect_wait = Millis(100);
  options.reconnect_jitter = Millis(100);
  options.max_wait = Millis(2'000);
  options.on_error = [](const std::string& what) { kLog.error("bus", {{"what", what}}); };
  return options;
}

Result<NatsOptions> Broker::hub_options() const {
  NatsOptions options = client(std::string(kHubUser), TRY(keys_->hub_credentials(clock_.wall())));
  options.io_buffer_bytes = NatsOptions{}.io_buffer_bytes;
  // What the hub takes at once lies with its own parts (fleet, dispatch); this keeps its memory in bounds
  // should they ever not keep up with what comes.
  options.max_pending_messages = 1'000'000;
  options.max_pending_bytes = 256 << 20;
  return options;
}

const std::string& Broker::tls_ca_pem() const {
  return server_ ? options_.ca.certificate_pem : options_.cluster.ca_pem;
}

std::string Broker::tls_server_name() const {
  return server_ ? std::string(kBrokerTlsName) : options_.cluster.server_name;
}

Result<std::shared_ptr<void>> Broker::on_connection_ended(
    std::function<void(const std::string& agent)> ended) {
  return system_->subscribe(fmt::format("$SYS.ACCOUNT.{}.DISCONNECT", keys_->account()),
                            [ended = std::move(ended)](const Message& message) {
                              const auto agent = agent_of_advisory(message.data);
                              if (!agent.empty()) ended(agent);
                            });
}

void Broker::leave() {
  if (identities_) identities_->use(nullptr);
  system_.reset();
  if (server_) server_->leave();
}

void Broker::stop() {
  if (identities_) identities_->use(nullptr);
  system_.reset();
  if (server_) server_->stop();
}

}  // namespace qleet::hub
