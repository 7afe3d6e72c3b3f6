// A store that never holds a Secret's value in clear text: below every writer, so that none can forget it.
// Reading gives what is stored.
#pragma once

#include "common/crypto/sealed.h"
#include "hub/store/store.h"

namespace qleet::hub::secrets {

// As thread-safe as the store beneath. Both outlive it.
class SealingStore final : public Store {
 public:
  SealingStore(Store& store, const crypto::Sealer& sealer) : store_(store), sealer_(sealer) {}

  Result<std::unique_ptr<Reader>> snapshot() const override { return store_.snapshot(); }
  Result<Revision> transact(const TxnFunction& function) override;
  Result<std::vector<Change>> changes(Revision after, size_t limit) const override {
    return store_.changes(after, limit);
  }
  [[nodiscard]] std::shared_ptr<void> subscribe(std::function<void(Revision)> wake) override {
    return store_.subscribe(std::move(wake));
  }
  StoreIdentity identity() const override { return store_.identity(); }

 private:
  Store& store_;
  const crypto::Sealer& sealer_;
};

}  // namespace qleet::hub::secrets
