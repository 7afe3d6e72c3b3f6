// A journal without a disk, for simulations: it keeps the same bytes as the one on a disk and outlives the
// engine that a simulation drops.
#pragma once

#include <map>
#include <string>

#include "agent/journal/journal.h"
#include "common/crypto/sealed.h"

namespace qleet::agent {

class MemoryJournal final : public Journal {
 public:
  explicit MemoryJournal(const crypto::Sealer& sealer) : sealer_(sealer) {}
  Result<JournalContents> load() override;
  Result<> commit(const JournalChanges& changes) override;

  // The next `commits` commits fail with kFull and change nothing.
  void fill_disk(unsigned commits) { failing_ = commits; }
  const std::map<std::string, std::string>& entries() const { return entries_; }
  // What a disk may do to them.
  void replace(std::map<std::string, std::string> entries) { entries_ = std::move(entries); }
  unsigned commits() const { return commits_; }

 private:
  const crypto::Sealer& sealer_;
  std::map<std::string, std::string> entries_;
  unsigned failing_ = 0;
  unsigned commits_ = 0;
};

}  // namespace qleet::agent
