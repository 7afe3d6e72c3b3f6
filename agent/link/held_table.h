// What the session knows of the journal: names, generations, hashes, epochs. And the digest over those
// entries that the hub's epoch has stated: the others are kept, but the two sides do not compare them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/link/seams.h"
#include "common/sync/accept.h"
#include "common/sync/digest.h"
#include "common/sync/manifest.h"

namespace qleet::agent {

class HeldTable {
 public:
  void load(const Holding& holding);
  // As the journal does it.
  void apply(const DesiredChange& change);

  const sync::Entry* find(std::string_view name) const;
  const std::string& epoch() const { return epochs_.current; }
  const sync::KnownEpochs& epochs() const { return epochs_; }
  std::uint64_t position() const { return position_; }
  const sync::Digest& digest() const { return digest_; }
  const sync::Manifest& entries() const { return entries_; }
  // Entries that the epoch has not stated; the first `limit`.
  std::vector<std::string> unclaimed(size_t limit) const;

 private:
  void enter(sync::KnownEpochs epochs);
  void put(const std::string& name, sync::Entry entry);
  void erase(std::string_view name);
  bool claimed(const sync::Entry& entry) const { return entry.epoch == epochs_.current; }

  sync::KnownEpochs epochs_;
  std::uint64_t position_ = 0;
  sync::Manifest entries_;
  sync::Digest digest_;
  size_t claimed_ = 0;
};

}  // namespace qleet::agent
