#include "hub/api/fresh_store.h"

#include <utility>

#include "hub/store/objects.h"

namespace qleet::hub::api {
namespace {

class FreshReader final : public Reader {
 public:
  FreshReader(std::unique_ptr<Reader> reader, const Freshness& freshness)
      : reader_(std::move(reader)), freshness_(freshness) {}

  Revision revision() const override { return reader_->revision(); }

  Result<std::optional<Entry>> get(std::string_view key) const override {
    auto entry = TRY(reader_->get(key));
    if (entry) refresh(*entry);
    return entry;
  }

  Result<std::vector<Entry>> scan(const Range& range) const override {
    auto entries = TRY(reader_->scan(range));
    for (Entry& entry : entries) refresh(entry);
    return entries;
  }

 private:
  void refresh(Entry& entry) const {
    if (!entry.key.starts_with("o/resources/") && !entry.key.starts_with("o/agents/")) return;
    const auto object = objects::decode(entry);
    if (!object) return;  // who reads it finds out
    freshness_.refresh(**object);
    model::meta(**object).clear_resource_version();
    entry.value = objects::serialize(**object);
  }

  std::unique_ptr<Reader> reader_;
  const Freshness& freshness_;
};

}  // namespace

Result<std::unique_ptr<Reader>> FreshStore::snapshot() const {
  auto reader = TRY(store_.snapshot());
  if (freshness_ == nullptr) return reader;
  return std::make_unique<FreshReader>(std::move(reader), *freshness_);
}

Result<Revision> FreshStore::transact(const TxnFunction&) {
  return fail(Code::kUnsupported, "a refreshed view of the store cannot be written");
}

Result<std::vector<Change>> FreshStore::changes(Revision after, size_t limit) const {
  return store_.changes(after, limit);
}

std::shared_ptr<void> FreshStore::subscribe(std::function<void(Revision)> wake) {
  return store_.subscribe(std::move(wake));
}

StoreIdentity FreshStore::identity() const { return store_.identity(); }

}  // namespace qleet::hub::api
