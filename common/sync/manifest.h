// The comparison of what an agent holds with what it shall hold, by ranges of names: a manifest that is
// too big for one message goes as several, each of which can be answered alone.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/sync/accept.h"

namespace qleet::sync {

// Names in (after, until]; an empty `until` has no end.
struct NameRange {
  std::string after;
  std::string until;

  bool contains(std::string_view name) const { return name > after && (until.empty() || name <= until); }
};

using Manifest = std::map<std::string, Entry, std::less<>>;

// Whether both say the same of one name.
bool same_entry(const Entry& held, const Entry& wanted);

// Cuts everything held into consecutive ranges that together cover all names. `size` is an entry's size on
// the wire; no range has more than `max_bytes` unless one entry alone does.
std::vector<NameRange> cut(const Manifest& held, size_t max_bytes,
                           const std::function<size_t(const std::string&, const Entry&)>& size);

}  // namespace qleet::sync
