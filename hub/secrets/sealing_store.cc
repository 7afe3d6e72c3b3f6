#include "hub/secrets/sealing_store.h"

#include <fmt/format.h>

#include <utility>

#include "hub/secrets/seal.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"

namespace qleet::hub::secrets {
namespace {

class SealingTxn final : public Txn {
 public:
  SealingTxn(Txn& txn, const crypto::Sealer& sealer) : txn_(txn), sealer_(sealer) {}

  Revision revision() const override { return txn_.revision(); }
  Result<std::optional<Entry>> get(std::string_view key) const override { return txn_.get(key); }
  Result<std::vector<Entry>> scan(const Range& range) const override { return txn_.scan(range); }
  void erase(std::string_view key) override { txn_.erase(key); }

  void put(std::string_view key, std::string value) override {
    static const std::string kSecrets = keys::object("secrets", "");
    if (!key.starts_with(kSecrets)) return txn_.put(key, std::move(value));
    v1::Secret secret;
    if (!secret.ParseFromString(value)) {
      result_ = fail(Code::kInternal, fmt::format("store: {} is no secret", key));
      return;
    }
    if (seal(secret, sealer_, false).changed()) value = objects::serialize(secret);
    txn_.put(key, std::move(value));
  }

  Result<> result() const { return result_; }

 private:
  Txn& txn_;
  const crypto::Sealer& sealer_;
  Result<> result_;
};

}  // namespace

Result<Revision> SealingStore::transact(const TxnFunction& function) {
  return store_.transact([&](Txn& txn) -> Result<> {
    SealingTxn sealing(txn, sealer_);
    TRY(function(sealing));
    return sealing.result();
  });
}

}  // namespace qleet::hub::secrets
