// Who may talk on the bus: agents are enrolled without any contact to the server, and revoked at once.
//
// <folder>/account.jwt   the fleet's account with all revocations: what the server shall believe
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/bus/bus.h"
#include "common/clock/clock.h"
#include "common/result/result.h"
#include "common/thread/mutex.h"
#include "hub/broker/broker_keys.h"

namespace qleet::hub {

// Thread-safe.
class Identities {
 public:
  // `keys` and `clock` must outlive it.
  static Result<std::unique_ptr<Identities>> open(const std::filesystem::path& folder, const BrokerKeys& keys,
                                                  const Clock& clock);
  ~Identities();
  Identities(const Identities&) = delete;
  Identities& operator=(const Identities&) = delete;

  // The token with which the holder of that key's seed is `agent` on the bus; it does not expire. kInvalid:
  // not an RFC 1123 label, or not a user's public key; kDenied: a revoked key.
  Result<std::string> enrol(const std::string& agent, const std::string& public_key) const;

  // Durable when it returns, also on kUnavailable: then the server has not confirmed within `timeout`, and
  // gets it when it is back. Connections with these keys are cut and refused from then on, for ever. Keys
  // that are revoked already cost nothing, so a start may repeat them all.
  Result<> revoke(const std::vector<std::string>& public_keys, Millis timeout = Millis(5'000));
  bool revoked(const std::string& public_key) const;

  // Cuts the connections of a key and refuses it until readmit, or until this hub starts anew. Returns before
  // the server has confirmed. A key that is revoked stays so.
  Result<> suspend(const std::string& public_key);
  Result<> readmit(const std::string& public_key);

  // What the server shall believe now.
  std::string account_jwt() const;

  // The connection (as system user) over which the server is told, at once and whenever it has been away.
  // Must outlive this, or be replaced by nullptr before it ends.
  void use(Bus* system);

 private:
  // What callbacks of the bus share, which may come late.
  struct Shared;

  Identities(std::filesystem::path file, const BrokerKeys& keys, const Clock& clock);
  Result<> renew(std::map<std::string, WallTime> revocations);
  // Applies `change` to the revocations, and tells the server if it changed any.
  Result<> change(const std::function<bool(std::map<std::string, WallTime>&)>& change);

  const std::filesystem::path file_;
  const BrokerKeys& keys_;
  const Clock& clock_;
  Mutex renewing_;  // one new account token after the other
  const std::shared_ptr<Shared> shared_;
};

}  // namespace qleet::hub
