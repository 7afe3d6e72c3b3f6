// A store's content as something to build the next store on: what a backup is to a simulation.
#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "hub/store/store.h"

namespace qleet::testing {

using StoreContent = std::map<std::string, hub::Entry>;

// Everything that `reader` sees. Throws what the store says where it cannot be read.
inline std::shared_ptr<const StoreContent> copy_of(const hub::Reader& reader) {
  auto entries = reader.scan({});
  if (!entries) throw std::runtime_error(entries.error().message);
  auto content = std::make_shared<StoreContent>();
  for (auto& entry : *entries) {
    auto key = entry.key;
    content->insert_or_assign(std::move(key), std::move(entry));
  }
  return content;
}

class StoreCopyReader final : public hub::Reader {
 public:
  // `revision`: that a store above it goes on from.
  StoreCopyReader(std::shared_ptr<const StoreContent> content, hub::Revision revision)
      : content_(std::move(content)), revision_(revision) {}
  hub::Revision revision() const override { return revision_; }
  Result<std::optional<hub::Entry>> get(std::string_view key) const override {
    const auto it = content_->find(std::string(key));
    if (it == content_->end()) return std::nullopt;
    return it->second;
  }
  Result<std::vector<hub::Entry>> scan(const hub::Range& range) const override {
    std::vector<hub::Entry> out;
    for (auto it = content_->lower_bound(range.prefix); it != content_->end() && out.size() < range.limit;
         ++it) {
      if (!it->first.starts_with(range.prefix)) break;
      if (it->first > range.after) out.push_back(it->second);
    }
    return out;
  }

 private:
  std::shared_ptr<const StoreContent> content_;
  hub::Revision revision_;
};

}  // namespace qleet::testing
