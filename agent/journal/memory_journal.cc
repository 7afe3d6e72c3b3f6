#include "agent/journal/memory_journal.h"

#include <optional>
#include <utility>
#include <vector>

#include "agent/journal/codec.h"

namespace qleet::agent {

Result<JournalContents> MemoryJournal::load() {
  JournalContents contents;
  for (const auto& [key, value] : entries_) TRY(decode(key, value, sealer_, contents));
  return contents;
}

Result<> MemoryJournal::commit(const JournalChanges& changes) {
  if (failing_ > 0) {
    --failing_;
    return fail(Code::kFull, "journal: commit: no space left on device");
  }
  std::vector<std::pair<std::string, std::optional<std::string>>> writes;
  TRY(encode(changes, sealer_, [&](const std::string& key, const std::string* value) -> Result<> {
    writes.emplace_back(key, value ? std::optional(*value) : std::nullopt);
    return {};
  }));
  for (auto& [key, value] : writes) {
    if (value)
      entries_[key] = std::move(*value);
    else
      entries_.erase(key);
  }
  ++commits_;
  return {};
}

}  // namespace qleet::agent
