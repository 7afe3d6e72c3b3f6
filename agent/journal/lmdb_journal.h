// The journal on a disk: one LMDB environment in a folder of its own.
#pragma once

#include <memory>
#include <string>

#include "agent/journal/journal.h"
#include "common/crypto/sealed.h"

struct MDB_env;

namespace qleet::agent {

struct LmdbJournalOptions {
  std::string folder;             // made (mode 0700) where it is missing
  size_t max_bytes = 1ull << 30;  // address space, not disk space, until it is used
};

// Every commit is one LMDB transaction with fsync. The folder is locked: a second process is refused.
class LmdbJournal final : public Journal {
 public:
  // kUnsupported: written by another format. kConflict: in use by another process. The sealer must outlive
  // the journal.
  static Result<std::unique_ptr<LmdbJournal>> open(const LmdbJournalOptions& options,
                                                   const crypto::Sealer& sealer);
  ~LmdbJournal() override;
  LmdbJournal(const LmdbJournal&) = delete;
  LmdbJournal& operator=(const LmdbJournal&) = delete;

  Result<JournalContents> load() override;
  Result<> commit(const JournalChanges& changes) override;

 private:
  explicit LmdbJournal(const crypto::Sealer& sealer) : sealer_(sealer) {}
  Result<> check_format();

  const crypto::Sealer& sealer_;
  int lock_ = -1;
  MDB_env* env_ = nullptr;
  unsigned dbi_ = 0;
};

}  // namespace qleet::agent
