// A Txn that keeps its writes in memory above a Reader, so that giving it up costs nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/store/store.h"

namespace qleet::hub {

// kInvalid when the key is empty or longer than keys::kMaxBytes.
Result<> check_key(std::string_view key);

class BufferedTxn final : public Txn {
 public:
  // nullopt: erased.
  using Writes = std::map<std::string, std::optional<std::string>, std::less<>>;

  // `base` outlives this; `revision` is what it will commit as.
  BufferedTxn(const Reader& base, Revision revision) : base_(base), revision_(revision) {}

  Revision revision() const override { return revision_; }
  Result<std::optional<Entry>> get(std::string_view key) const override;
  Result<std::vector<Entry>> scan(const Range& range) const override;
  void put(std::string_view key, std::string value) override;
  void erase(std::string_view key) override;

  // The first impossible write; such a transaction must not be committed.
  const Result<>& valid() const { return valid_; }
  const Writes& writes() const { return writes_; }

 private:
  bool accept(std::string_view key);

  const Reader& base_;
  Revision revision_;
  Writes writes_;
  Result<> valid_;
};

}  // namespace qleet::hub
