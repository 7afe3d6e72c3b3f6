#include "tests/simulation/sim_store.h"

namespace qleet::sim {

Result<hub::Revision> SimStore::transact(const hub::TxnFunction& function) {
  const Fate fate = seams_.fate();
  if (fate == Fate::kFull) return fail(Code::kExhausted, "store: commit: no space left on device");
  if (fate == Fate::kTwice)
    (void)inner_->transact([&](hub::Txn& txn) -> Result<> {
      TRY(function(txn));
      return fail(Code::kConflict, "somebody else was faster");
    });
  if (fate == Fate::kCrashBefore) throw HubCrash();
  const auto done = inner_->transact(function);
  if (done) seams_.committed(*done);
  if (fate == Fate::kCrashAfter) throw HubCrash();
  return done;
}

}  // namespace qleet::sim
