#include "agent/link/held_table.h"

namespace qleet::agent {

void HeldTable::load(const Holding& holding) {
  *this = {};
  epochs_ = {holding.epoch, holding.lineage};
  position_ = holding.position;
  for (const auto& held : holding.resources)
    put(held.name, {held.generation, held.hash, held.epoch, held.deleted, held.uid});
}

void HeldTable::apply(const DesiredChange& change) {
  if (change.epoch != epochs_.current)
    enter({change.epoch, change.lineage});
  else
    epochs_.lineage = change.lineage;
  position_ = change.position;
  for (const auto& resource : change.put)
    put(resource.name(),
        {resource.generation(), resource.hash(), epochs_.current, resource.deleted(), resource.uid()});
  for (const auto& name : change.disown) {
    const auto it = entries_.find(name);
    if (it == entries_.end()) continue;
    sync::Entry entry = it->second;
    entry.epoch.clear();
    put(name, std::move(entry));
  }
  for (const auto& name : change.forget) erase(name);
}

const sync::Entry* HeldTable::find(std::string_view name) const {
  const auto it = entries_.find(name);
  return it == entries_.end() ? nullptr : &it->second;
}

std::vector<std::string> HeldTable::unclaimed(size_t limit) const {
  std::vector<std::string> names;
  if (claimed_ == entries_.size()) return names;
  for (const auto& [name, entry] : entries_) {
    if (names.size() == limit) break;
    if (!claimed(entry)) names.push_back(name);
  }
  return names;
}

void HeldTable::enter(sync::KnownEpochs epochs) {
  epochs_ = std::move(epochs);
  digest_ = {};
  claimed_ = 0;
  for (const auto& [name, entry] : entries_) {
    if (!claimed(entry)) continue;
    digest_.add(sync::entry_digest(name, entry.uid, entry.generation, entry.hash));
    ++claimed_;
  }
}

void HeldTable::put(const std::string& name, sync::Entry entry) {
  erase(name);
  if (claimed(entry)) {
    digest_.add(sync::entry_digest(name, entry.uid, entry.generation, entry.hash));
    ++claimed_;
  }
  entries_.emplace(name, std::move(entry));
}

void HeldTable::erase(std::string_view name) {
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  if (claimed(it->second)) {
    digest_.remove(sync::entry_digest(name, it->second.uid, it->second.generation, it->second.hash));
    --claimed_;
  }
  entries_.erase(it);
}

}  // namespace qleet::agent
