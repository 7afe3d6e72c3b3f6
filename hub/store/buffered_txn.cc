#include "hub/store/buffered_txn.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "hub/store/keys.h"

namespace qleet::hub {

Result<> check_key(std::string_view key) {
  if (key.empty()) return fail(Code::kInvalid, "store key is empty");
  if (key.size() <= keys::kMaxBytes) return {};
  return fail(Code::kInvalid, fmt::format("store key {}... has {} bytes, the limit is {}: use shorter names",
                                          key.substr(0, 64), key.size(), keys::kMaxBytes));
}

Result<std::optional<Entry>> BufferedTxn::get(std::string_view key) const {
  auto it = writes_.find(key);
  if (it == writes_.end()) return base_.get(key);
  if (!it->second) return std::nullopt;
  return Entry{it->first, *it->second, revision_};
}

Result<std::vector<Entry>> BufferedTxn::scan(const Range& range) const {
  auto first =
      range.after < range.prefix ? writes_.lower_bound(range.prefix) : writes_.upper_bound(range.after);
  auto end = std::find_if(first, writes_.end(),
                          [&](const auto& write) { return !write.first.starts_with(range.prefix); });
  if (first == end) return base_.scan(range);

  // Each buffered key hides at most one of the base's.
  Range below = range;
  size_t buffered = std::distance(first, end);
  below.limit = range.limit > SIZE_MAX - buffered ? SIZE_MAX : range.limit + buffered;
  std::vector<Entry> base = TRY(base_.scan(below));
  std::vector<Entry> merged;
  auto from_base = base.begin();
  while (merged.size() < range.limit && (from_base != base.end() || first != end)) {
    if (first == end || (from_base != base.end() && from_base->key < first->first)) {
      merged.push_back(std::move(*from_base++));
      continue;
    }
    if (from_base != base.end() && from_base->key == first->first) ++from_base;
    if (first->second) merged.push_back({first->first, *first->second, revision_});
    ++first;
  }
  return merged;
}

void BufferedTxn::put(std::string_view key, std::string value) {
  if (accept(key)) writes_.insert_or_assign(std::string(key), std::move(value));
}

void BufferedTxn::erase(std::string_view key) {
  if (accept(key)) writes_.insert_or_assign(std::string(key), std::nullopt);
}

bool BufferedTxn::accept(std::string_view key) {
  auto checked = check_key(key);
  if (!checked && valid_) valid_ = std::move(checked);
  return valid_.has_value();
}

}  // namespace qleet::hub
