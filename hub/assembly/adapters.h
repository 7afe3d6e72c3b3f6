// What the API asks for, answered by the parts of the hub that know: neither side knows the other.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/crypto/sealed.h"
#include "hub/api/seams.h"
#include "hub/broker/broker.h"
#include "hub/dispatch/agent_directory.h"
#include "hub/dispatch/log_streams.h"
#include "hub/dispatch/messages.h"
#include "hub/fleet/freshness.h"
#include "hub/store/store.h"

namespace qleet::hub {

class ApiFreshness final : public api::Freshness {
 public:
  explicit ApiFreshness(const hub::Freshness& freshness) : freshness_(freshness) {}
  void refresh(google::protobuf::Message& object) const override { freshness_.refresh(object); }

 private:
  const hub::Freshness& freshness_;
};

// Gives enrolled agents their identity on the bus, and takes it away.
class BrokerEnroller final : public api::Enroller {
 public:
  // `nats_urls`: how agents reach the bus.
  BrokerEnroller(Broker& broker, StoreIdentity store, std::vector<std::string> nats_urls)
      : broker_(broker), store_(std::move(store)), nats_urls_(std::move(nats_urls)) {}
  Result<> examine(const v1::EnrolRequest& request) override;
  Result<v1::EnrolResult> admit(const v1::Agent& agent, const std::string& tls_request) override;
  Result<v1::CertificateResult> certify(const v1::Agent& agent, const std::string& tls_request) override;
  Result<> expel(const v1::Agent& agent) override;

 private:
  Broker& broker_;
  const StoreIdentity store_;
  const std::vector<std::string> nats_urls_;
};

// Values of Secrets, opened with the hub's keys and sealed to one agent's.
class AgentSecrets final : public SecretBoxes {
 public:
  // All outlive it.
  AgentSecrets(const Store& store, const crypto::Sealer& sealer, crypto::Random& random)
      : store_(store), sealer_(sealer), random_(random) {}
  Result<std::string> seal(const std::string& resource, const v1::SecretUse& use,
                           const std::string& box_key) const override;

 private:
  const Store& store_;
  const crypto::Sealer& sealer_;
  crypto::Random& random_;
};

// One log query over the agents of all its resources.
class AgentLogs final : public api::LogSource {
 public:
  AgentLogs(LogStreams& streams, const AgentDirectory& agents) : streams_(streams), agents_(agents) {}
  Result<> open(const api::LogQuery& query, std::shared_ptr<api::LogSink> sink) override;

 private:
  LogStreams& streams_;
  const AgentDirectory& agents_;
};

}  // namespace qleet::hub
