// The journal on a disk: one LMDB environment in a folder of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/journal/journal.h"
#include "agent/journal/keys.h"
#include "common/crypto/sealed.h"

struct MDB_env;

namespace qleet::agent {

// One step from a format to the next one, over all entries; what it leaves in the map is what then stands in
// the journal, in the same transaction as the new format.
struct JournalMigration {
  unsigned from = 0;
  std::function<Result<>(std::map<std::string, std::string>& entries)> run;
};
// The steps that this program knows: none yet, formats begin with 1.
std::vector<JournalMigration> known_journal_migrations();

struct LmdbJournalOptions {
  std::string folder;             // made (mode 0700) where it is missing
  size_t max_bytes = 1ull << 30;  // address space, not disk space, until it is used
  unsigned format = keys::kFormat;
  std::vector<JournalMigration> migrations = known_journal_migrations();
};

// A consistent copy of a journal that another process may have open, as the folder `to`, which is made.
// kNotFound: there is none.
Result<> copy_journal(const std::string& folder, const std::string& to);

// Every commit is one LMDB transaction with fsync. The folder is locked: a second process is refused. After a
// write or sync that failed nothing is written before the disk has taken what was durable before:
// kUnavailable; when it takes it, all goes on by itself. What a commit wrote that failed so may be found to
// be durable later.
class LmdbJournal final : public Journal {
 public:
  // kUnsupported: written by another format; nothing is changed. kConflict: in use by another process. The
  // sealer must outlive the journal.
  static Result<std::unique_ptr<LmdbJournal>> open(const LmdbJournalOptions& options,
                                                   const crypto::Sealer& sealer);
  ~LmdbJournal() override;
  LmdbJournal(const LmdbJournal&) = delete;
  LmdbJournal& operator=(const LmdbJournal&) = delete;

  Result<JournalContents> load() override;
  Result<> commit(const JournalChanges& changes) override;

 private:
  LmdbJournal(LmdbJournalOptions options, const crypto::Sealer& sealer)
      : options_(std::move(options)), sealer_(sealer) {}
  Result<> make_missing();
  Result<> open_env(const std::string& folder);
  void close_env();
  Result<> check_format();
  Result<unsigned> read_format();
  Result<> migrate(unsigned from);
  Result<> settle();
  Result<> write(const JournalChanges& changes);
  Error error(int rc, std::string_view doing) const;

  const LmdbJournalOptions options_;
  const crypto::Sealer& sealer_;
  int lock_ = -1;
  MDB_env* env_ = nullptr;
  unsigned dbi_ = 0;
  bool distrusted_ = false;  // the disk failed: what it holds is not known
};

}  // namespace qleet::agent
