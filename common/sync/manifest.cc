#include "common/sync/manifest.h"

namespace qleet::sync {

ManifestDiff diff(const Manifest& held, const Manifest& wanted, const NameRange& range) {
  ManifestDiff out;
  for (auto it = wanted.upper_bound(range.after); it != wanted.end() && range.contains(it->first); ++it) {
    const auto mine = held.find(it->first);
    const Entry& want = it->second;
    if (mine == held.end() || mine->second.generation != want.generation || mine->second.hash != want.hash ||
        mine->second.epoch != want.epoch || mine->second.uid != want.uid)
      out.state.push_back(it->first);
  }
  for (auto it = held.upper_bound(range.after); it != held.end() && range.contains(it->first); ++it)
    if (!wanted.contains(it->first)) out.unclaimed.push_back(it->first);
  return out;
}

std::vector<NameRange> cut(const Manifest& held, size_t max_bytes,
                           const std::function<size_t(const std::string&, const Entry&)>& size) {
  std::vector<NameRange> ranges(1);
  size_t bytes = 0;
  const std::string* last = nullptr;
  for (const auto& [name, entry] : held) {
    const size_t more = size(name, entry);
    if (last && bytes + more > max_bytes) {
      ranges.back().until = *last;
      ranges.push_back({*last, ""});
      bytes = 0;
    }
    bytes += more;
    last = &name;
  }
  return ranges;
}

}  // namespace qleet::sync
