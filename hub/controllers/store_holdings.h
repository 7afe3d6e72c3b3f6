// Holdings as they stand in the store, and what it keeps of names (x/taken, x/takers, x/by-id).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result/result.h"
#include "hub/controllers/holdings.h"
#include "hub/controllers/work.h"

namespace qleet::hub::controllers {

// Must not outlive `reader`.
class StoreHoldings final : public Holdings {
 public:
  explicit StoreHoldings(const Reader& reader) : reader_(reader) {}
  Result<bool> holds(std::string_view user, std::string_view alias, std::string_view resource) override;
  Result<std::optional<std::string>> taken(std::string_view user, std::string_view type,
                                           std::string_view alias) override;
  Result<std::optional<Stands>> look(std::string_view resource) override;

 private:
  const Reader& reader_;
};

// Remembers it until the resource is erased.
Result<> remember_taken(Txn& txn, const Taken& taken);
// That the resource, which is new, was asked for by id, or is for all of an environment or region.
void remember_by_id(Txn& txn, std::string_view resource);
// Nothing of a resource that is erased.
Result<> forget_names(Txn& txn, std::string_view resource);

}  // namespace qleet::hub::controllers
