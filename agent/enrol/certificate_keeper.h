// The agent's certificate for the bus: asked for where there is none, before it ends, and when the bus does
// not take it. The hub gives it to whoever signs the request with the agent's key; no token is needed.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/enrol/enrol.h"
#include "common/bus/bus.h"
#include "common/clock/clock.h"
#include "common/loop/loop.h"
#include "common/random/random.h"
#include "common/result/result.h"
#include "common/thread/mutex.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::agent {

// Puts a request to the hub. kUnsupported: a hub from before there were certificates.
using AskForCertificate = std::function<Result<qleet::v1::CertificateResult>(
    const qleet::v1::CertificateRequest&, std::stop_token)>;

// Over the hub's API. Where the hub says that the clocks differ, the same is asked once more by the hub's
// clock: only the hub that the agent knows can say so, and a request is of no use to anybody else.
AskForCertificate ask_hub(const StoredIdentity& stored, const Clock& clock);

// step() waits for the hub: on a thread of its own.
class CertificateKeeper final : public Stepper {
 public:
  // Called with each new certificate once it is stored, and with the CA of the bus.
  using Use = std::function<Result<>(const std::string& ca_pem, const std::string& certificate_pem)>;

  // `clock` and `jitter` must outlive it.
  CertificateKeeper(std::filesystem::path state, StoredIdentity stored, const Clock& clock,
                    qleet::Random& jitter, AskForCertificate ask, Use use);

  // What the bus says of its connection. Any thread.
  void bus_is(BusState state);

  MonoTime step() override;
  Wake& wake() { return wake_; }
  // A question that is open ends at once, and no other is asked. Any thread.
  void stop() { stopping_.request_stop(); }

 private:
  // Why another one is needed; empty: it is not.
  std::string why() const;
  Result<> renew();

  const std::filesystem::path state_;
  StoredIdentity stored_;
  const Clock& clock_;
  qleet::Random& jitter_;
  const AskForCertificate ask_;
  const Use use_;
  Wake wake_;
  std::stop_source stopping_;
  std::string complaint_;

  mutable Mutex mutex_;
  bool refused_ GUARDED_BY(mutex_) = false;
  std::optional<MonoTime> away_since_ GUARDED_BY(mutex_);
  Millis wait_ GUARDED_BY(mutex_);
  MonoTime next_try_ GUARDED_BY(mutex_){};
};

}  // namespace qleet::agent
