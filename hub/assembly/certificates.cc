#include "hub/assembly/certificates.h"

#include <fmt/format.h>

#include "common/clock/duration.h"
#include "common/crypto/private_file.h"
#include "common/log/log.h"
#include "hub/broker/advisories.h"

namespace qleet::hub {
namespace {

namespace fs = std::filesystem;

constexpr log::Logger kLog{"certificates"};
constexpr Millis kLookEvery = std::chrono::minutes(1);
constexpr Millis kWarnEvery = std::chrono::days(1);
// A new CA takes a new enrolment of every agent: time to plan it.
constexpr Millis kCaEndsSoon = std::chrono::days(365);
constexpr Millis kEndsSoon = std::chrono::days(14);

const fs::path kMark = "client-certificates";

Result<> mark_required(const fs::path& broker_folder) {
  if (fs::exists(broker_folder / kMark)) return {};
  return crypto::write_private_file(broker_folder / kMark, "required\n");
}

}  // namespace

Result<bool> certificates_required(ClientCertificates wanted, const fs::path& broker_folder,
                                   const frontend::Context& context) {
  if (wanted != ClientCertificates::kAuto) return wanted == ClientCertificates::kRequired;
  if (fs::exists(broker_folder / kMark)) return true;
  const bool all = TRY(frontend::agents_without_certificate(context)).empty();
  if (all) TRY(mark_required(broker_folder));
  return all;
}

Certificates::Certificates(CertificateOptions options, const api::Pki& served, Broker& broker,
                           const frontend::Context& context,
                           std::function<Result<>(const crypto::CertifiedKey& server)> serve)
    : options_(std::move(options)),
      broker_(broker),
      context_(context),
      serve_(std::move(serve)),
      served_(served.server),
      served_ca_(served.ca.certificate_pem) {
  note("api", served_.certificate_pem);
  note("ca", served_ca_);
}

MonoTime Certificates::step() {
  renew_api();
  renew_broker();
  look_at_clients();
  look_at_server();
  if (context_.clock.wall() >= warned_ + kWarnEvery || context_.clock.wall() < warned_) {
    warned_ = context_.clock.wall();
    warn_of_ends();
  }
  return context_.clock.mono() + kLookEvery;
}

void Certificates::renew_api() {
  complain("the certificate of the API", [&]() -> Result<> {
    // Without it a new CA would be made, as at a first start.
    const auto ca_file = options_.api.directory / "ca.pem";
    if (options_.api.ca_file.empty() && !fs::exists(ca_file))
      return fail(Code::kNotFound, ca_file.string() + ": is missing; restore it");
    const auto now = TRY(api::open_pki(options_.api, context_.clock));
    const bool other_ca = now.ca.certificate_pem != served_ca_;
    if (other_ca && options_.api.ca_file.empty())
      return fail(Code::kConflict,
                  ca_file.string() + ": is another CA now; restore it, or start the hub anew");
    if (now.server.certificate_pem != served_.certificate_pem ||
        now.server.private_key_pem != served_.private_key_pem) {
      TRY(serve_(now.server));
      served_ = now.server;
      note("api", served_.certificate_pem);
      kLog.info("the API serves a new certificate from now on");
    }
    if (other_ca)
      return fail(Code::kConflict, options_.api.ca_file.string() +
                                       ": is another CA now; start the hub anew, so that join tokens "
                                       "name it");
    return {};
  }());
}

void Certificates::renew_broker() {
  complain("the certificates of the broker", [&]() -> Result<> {
    TRY(broker_.renew_certificates());
    if (!broker_.client_ca_pem().empty()) note("broker-ca", broker_.client_ca_pem());
    if (broker_.server() == nullptr) return {};
    const auto info = TRY(broker_.server()->certificate());
    const MutexLock lock(mutex_);
    infos_["broker"] = info;
    return {};
  }());
}

// Required as soon as nobody is cut off by it.
void Certificates::look_at_clients() {
  complain("certificates of agents", [&]() -> Result<> {
    const auto without = TRY(frontend::agents_without_certificate(context_));
    without_ = without.size();
    if (options_.clients != ClientCertificates::kAuto || broker_.server() == nullptr ||
        broker_.client_certificates_required() || !without.empty())
      return {};
    // First: a hub that is started anew asks for them as well.
    TRY(mark_required(options_.broker_folder));
    TRY(broker_.require_client_certificates());
    kLog.info("every agent has a certificate: the broker takes no client without one from now on");
    return {};
  }());
}

void Certificates::look_at_server() {
  auto* server = broker_.server();
  if (server == nullptr || server->pid() == server_seen_) return;
  const pid_t pid = server->pid();
  const std::string version = server->version();
  if (version.empty()) return;  // it comes
  server_seen_ = pid;
  const auto known = advisories_of(version);
  advisories_ = known.size();
  if (!known_version(version))
    kLog.warn("nats-server: a version that this hub cannot read; see whether advisories concern it",
              {{"version", version}});
  for (const auto& advisory : known)
    kLog.warn("nats-server: a known fault of this version; install a newer one (--nats-server)",
              {{"version", version},
               {"advisory", std::string(advisory.id)},
               {"fault", std::string(advisory.what)},
               {"upgrade_to", std::string(advisory.upgrade)},
               {"source", std::string(advisory.source)}});
}

void Certificates::warn_of_ends() {
  const WallTime now = context_.clock.wall();
  {
    const MutexLock lock(mutex_);
    for (const auto& [which, info] : infos_) {
      if (info.not_before > now)
        kLog.error("a certificate is not valid yet: is this machine's clock right, or was it ahead before?",
                   {{"certificate", which}, {"from", format_time(info.not_before)}});
      else if (info.not_after - now < (info.is_ca ? kCaEndsSoon : kEndsSoon))
        kLog.warn(info.is_ca ? "a CA ends soon: plan a new one, for which every agent is enrolled again"
                             : "a certificate ends soon",
                  {{"certificate", which}, {"until", format_time(info.not_after)}});
    }
  }
  if (broker_.server() != nullptr && !broker_.client_certificates_required())
    kLog.warn("the broker takes clients without a certificate: whoever reaches its port is listened to",
              {{"agents_without_certificate", std::to_string(without_)},
               {"until", options_.clients == ClientCertificates::kAuto
                             ? "every agent runs a version that asks for one"
                             : "--nats-client-certificates says otherwise"}});
}

void Certificates::note(const std::string& which, std::string_view pem) {
  const auto info = crypto::inspect_certificate(pem);
  if (!info) return;
  const MutexLock lock(mutex_);
  infos_[which] = *info;
}

void Certificates::complain(const std::string& about, const Result<>& done) {
  std::string& before = complaints_[about];
  const std::string now = done ? std::string() : done.error().message;
  if (now != before && !now.empty()) kLog.error("cannot be looked after", {{"what", about}, {"why", now}});
  before = now;
}

double Certificates::days_left(const std::string& which) const {
  using Days = std::chrono::duration<double, std::chrono::days::period>;
  const MutexLock lock(mutex_);
  const auto found = infos_.find(which);
  if (found == infos_.end()) return 0;
  const WallTime now = context_.clock.wall();
  return found->second.not_before > now ? 0 : Days(found->second.not_after - now).count();
}

std::vector<api::CertificateLeft> Certificates::left() const {
  std::vector<std::string> names;
  {
    const MutexLock lock(mutex_);
    for (const auto& [which, _] : infos_) names.push_back(which);
  }
  std::vector<api::CertificateLeft> out;
  for (const auto& which : names) out.push_back({which, days_left(which)});
  return out;
}

std::vector<api::Gauge> Certificates::gauges() {
  std::vector<api::Gauge> out;
  for (const char* which : {"api", "ca", "broker", "broker-ca"}) {
    if (broker_.server() == nullptr && std::string_view(which) == "broker") continue;
    out.push_back({"qleet_hub_certificate_days",
                   "Days for which a certificate is still good; none: it is not good now.",
                   [this, which = std::string(which)] { return days_left(which); },
                   {{"certificate", which}}});
  }
  if (broker_.server() == nullptr) return out;
  out.push_back({"qleet_hub_broker_client_certificates_required",
                 "1: the broker takes only clients with a certificate. 0: anybody is listened to.",
                 [this] { return broker_.client_certificates_required() ? 1.0 : 0.0; }});
  out.push_back({"qleet_hub_agents_without_certificate",
                 "Agents, not revoked, that were never given a certificate for the broker.",
                 [this] { return static_cast<double>(without_); }});
  out.push_back({"qleet_hub_nats_server_advisories", "Known faults of the running version of nats-server.",
                 [this] { return static_cast<double>(advisories_); }});
  return out;
}

}  // namespace qleet::hub
