#include "common/sync/manifest.h"

namespace qleet::sync {

bool same_entry(const Entry& held, const Entry& wanted) {
  return held.generation == wanted.generation && held.hash == wanted.hash && held.epoch == wanted.epoch &&
         held.uid == wanted.uid;
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
