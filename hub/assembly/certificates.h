// The hub's certificates while it runs: renewed before they end, served without a restart, and counted in
// days. And when the broker begins to take only clients with a certificate, in a fleet that began without.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/loop/loop.h"
#include "common/thread/mutex.h"
#include "hub/api/dependencies.h"
#include "hub/api/pki.h"
#include "hub/broker/broker.h"
#include "hub/frontend/frontend.h"

namespace qleet::hub {

// Whether the broker asks agents for certificates.
enum class ClientCertificates {
  kAuto,      // yes, but in a fleet from before there were any only once each agent has one
  kRequired,  // yes: agents without one are away until they have asked for it over the API
  kOptional,  // no: anybody who reaches the broker's port is listened to
};

// What is meant at start. kAuto: whether that was so before, or the folder of the broker is new, or no agent
// is without a certificate. Once it was so, it stays so (<folder>/client-certificates).
Result<bool> certificates_required(ClientCertificates wanted, const std::filesystem::path& broker_folder,
                                   const frontend::Context& context);

struct CertificateOptions {
  api::PkiOptions api;
  ClientCertificates clients = ClientCertificates::kAuto;
  std::filesystem::path broker_folder;
};

// step() on one thread; gauges from any.
class Certificates final : public Stepper {
 public:
  // `serve` is called with each new certificate of the API. All must outlive it.
  Certificates(CertificateOptions options, const api::Pki& served, Broker& broker,
               const frontend::Context& context,
               std::function<Result<>(const crypto::CertifiedKey& server)> serve);

  // Looks at all of them. A step that fails is made again; what is served stays as it is.
  MonoTime step() override;
  Wake& wake() { return wake_; }

  std::vector<api::Gauge> gauges();
  // Of those that this hub has.
  std::vector<api::CertificateLeft> left() const;

 private:
  void renew_api();
  void renew_broker();
  void look_at_clients();
  void look_at_server();
  void note(const std::string& which, std::string_view pem);
  void warn_of_ends();
  // Logs an error once, until it has gone or is another.
  void complain(const std::string& about, const Result<>& done);
  double days_left(const std::string& which) const;

  const CertificateOptions options_;
  Broker& broker_;
  const frontend::Context context_;
  const std::function<Result<>(const crypto::CertifiedKey&)> serve_;
  Wake wake_;

  // The stepping thread alone.
  crypto::CertifiedKey served_;
  std::string served_ca_;
  std::map<std::string, std::string> complaints_;
  WallTime warned_{};
  pid_t server_seen_ = -1;

  std::atomic<std::size_t> without_ = 0;  // agents without a certificate
  std::atomic<std::size_t> advisories_ = 0;
  mutable Mutex mutex_;
  std::map<std::string, crypto::CertificateInfo> infos_ GUARDED_BY(mutex_);  // by "api", "ca", ...
};

}  // namespace qleet::hub
