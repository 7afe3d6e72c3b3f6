// A Store in memory alone, for tests and simulations.
#pragma once

#include <memory>
#include <utility>

#include "hub/store/buffered_txn.h"
#include "hub/store/overlay_store.h"

namespace qleet::hub {

class MemoryStore final : public OverlayStore {
 public:
  explicit MemoryStore(StoreIdentity identity = {.epoch = "00000000000000000000000000000001", .lineage = {}},
                       const OverlayOptions& options = {})
      : OverlayStore(std::make_unique<Nothing>(), std::move(identity), options) {}

 private:
  class Nothing final : public Reader {
   public:
    Revision revision() const override { return 0; }
    Result<std::optional<Entry>> get(std::string_view) const override { return std::nullopt; }
    Result<std::vector<Entry>> scan(const Range&) const override { return std::vector<Entry>(); }
  };
};

}  // namespace qleet::hub
