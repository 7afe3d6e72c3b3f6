// A Store whose writes stay in memory, above a snapshot of another one: what `plan` works on, and what pure
// controllers are tested with.
#pragma once

#include <memory>

#include "hub/store/store.h"

namespace qleet::hub {

struct OverlayOptions {
  size_t max_log_entries = 1'000'000;  // of the change log; older revisions are dropped
};

// Goes on from the snapshot's revision with a change log of its own that begins there. Its snapshots keep it
// alive no longer than it lives: destroy them before it.
class OverlayStore : public Store {
 public:
  // Over what `base` holds now. Holds a snapshot of it for as long as this lives: be quick, and destroy it
  // before `base`.
  static Result<std::unique_ptr<OverlayStore>> over(const Store& base, const OverlayOptions& options = {});
  OverlayStore(std::unique_ptr<Reader> base, StoreIdentity identity, const OverlayOptions& options = {});
  ~OverlayStore() override;

  Result<std::unique_ptr<Reader>> snapshot() const override;
  // Runs `function` on the caller's thread, one at a time. kInternal from within a TxnFunction.
  Result<Revision> transact(const TxnFunction& function) override;
  Result<std::vector<Change>> changes(Revision after, size_t limit) const override;
  [[nodiscard]] std::shared_ptr<void> subscribe(std::function<void(Revision)> wake) override;
  StoreIdentity identity() const override;

  // Drops the change log's revisions before this one.
  Result<> compact(Revision before);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace qleet::hub
