// A store as it is to be shown: Resources and Agents are refreshed as they are read, so that whoever explains
// them (tree, describe, why) cannot show a lost agent's status as the present. For reading only.
#pragma once

#include "hub/api/seams.h"
#include "hub/store/store.h"

namespace qleet::hub::api {

class FreshStore final : public Store {
 public:
  // Both must outlive it. `freshness` may be null: then nothing is changed.
  FreshStore(Store& store, const Freshness* freshness) : store_(store), freshness_(freshness) {}

  Result<std::unique_ptr<Reader>> snapshot() const override;
  Result<Revision> transact(const TxnFunction& function) override;  // kUnsupported
  Result<std::vector<Change>> changes(Revision after, size_t limit) const override;
  std::shared_ptr<void> subscribe(std::function<void(Revision)> wake) override;
  StoreIdentity identity() const override;

 private:
  Store& store_;
  const Freshness* freshness_;
};

}  // namespace qleet::hub::api
