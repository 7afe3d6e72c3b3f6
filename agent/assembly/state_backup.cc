#include "agent/assembly/state_backup.h"

#include <system_error>

#include "agent/journal/lmdb_journal.h"
#include "common/crypto/private_file.h"
#include "common/crypto/private_tree.h"
#include "common/mdb/check.h"

namespace qleet::agent {
namespace {

namespace fs = std::filesystem;

Result<> copy_files(const fs::path& from, const fs::path& to, const std::vector<fs::path>& files) {
  for (const auto& file : files) {
    const auto content = crypto::read_private_file(from / file);
    if (!content && content.error().code == Code::kNotFound) continue;
    if (!content) return std::unexpected(content.error());
    const auto made = crypto::create_private_file(to / file, *content);
    if (!made && made.error().code != Code::kExists) return made;
  }
  return {};
}

}  // namespace

Result<> backup_state(const fs::path& state, const fs::path& to, const std::vector<fs::path>& files) {
  std::error_code error;
  if (fs::exists(to) && !fs::is_empty(to, error))
    return fail(Code::kConflict, to.string() + ": is not empty: name a new folder");
  TRY(crypto::copy_private_tree(state / "identity", to / "identity"));
  TRY(copy_files(state, to, files));
  return copy_journal((state / "journal").string(), (to / "journal").string());
}

Result<> restore_state(const fs::path& from, const fs::path& state, const std::vector<fs::path>& files) {
  for (const char* part : {"identity", "journal"})
    if (crypto::holds_files(state / part))
      return fail(Code::kConflict,
                  (state / part).string() + ": is there already: name another folder, or move it away");
  if (const auto damage = mdb::check(from / "journal", mdb::Access::kAlone); !damage.empty())
    return fail(Code::kInternal, "journal " + damage);
  TRY(crypto::copy_private_tree(from / "identity", state / "identity"));
  TRY(copy_files(from, state, files));
  return copy_journal((from / "journal").string(), (state / "journal").string());
}

}  // namespace qleet::agent
