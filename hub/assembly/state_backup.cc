#include "hub/assembly/state_backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <ranges>
#include <string_view>
#include <system_error>

#include "common/crypto/private_file.h"
#include "common/crypto/private_tree.h"

namespace qleet::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolders[] = {"broker", "tls"};
constexpr const char* kAdminToken = "admin-token";
constexpr const char* kSecretsKey = "secrets.key";

std::unexpected<Error> failed(const fs::path& path, const std::error_code& error) {
  return fail(error == std::errc::no_space_on_device ? Code::kFull : Code::kInternal,
              path.string() + ": " + error.message());
}

Result<> sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const std::error_code error(errno, std::generic_category());
  if (fd >= 0) ::close(fd);
  if (!synced) return failed(folder, error);
  return {};
}

Result<> copy_token(const fs::path& from, const fs::path& to) {
  if (!fs::exists(from / kAdminToken)) return {};
  return crypto::write_private_file(to / kAdminToken, TRY(crypto::read_private_file(from / kAdminToken)));
}

// What is there stays in front, for it is newer: one line a key.
Result<> add_secrets_keys(const fs::path& from, const fs::path& to) {
  auto more = crypto::read_private_file(from / kSecretsKey);
  if (!more && more.error().code == Code::kNotFound) return {};
  auto keys = crypto::read_private_file(to / kSecretsKey);
  if (!keys && keys.error().code != Code::kNotFound) return std::unexpected(std::move(keys).error());
  const std::string old = TRY(std::move(more));
  std::string all = keys.value_or("");
  if (!all.empty() && !all.ends_with('\n')) all += '\n';
  for (const auto line : std::views::split(old, '\n')) {
    const std::string_view key(line.begin(), line.end());
    if (!key.empty() && !all.contains(key)) all += std::string(key) + "\n";
  }
  return crypto::write_private_file(to / kSecretsKey, all);
}

}  // namespace

Result<> backup_state(const fs::path& state, const fs::path& to,
                      const std::function<Result<>(const fs::path& to)>& store, BackupParts parts) {
  std::error_code error;
  if (fs::exists(to) && !fs::is_empty(to, error))
    return fail(Code::kConflict, to.string() + ": is not empty: name a new folder");
  const fs::path target = to.has_filename() ? to : to.parent_path();
  fs::path partial = target;
  partial += ".partial";
  fs::remove_all(partial, error);
  if (!error) fs::create_directories(partial, error);
  if (!error) fs::permissions(partial, fs::perms::owner_all, error);
  if (error) return failed(partial, error);
  const auto copied = [&]() -> Result<> {
    // Keys first: what the store then says of agents can only be newer.
    for (const char* part : kFolders) TRY(crypto::copy_private_tree(state / part, partial / part));
    TRY(copy_token(state, partial));
    TRY(store(partial / "store"));
    // After it: a key that was put in front meanwhile may have sealed what is in there.
    if (parts.secrets_key) TRY(add_secrets_keys(state, partial));
    TRY(sync_folder(partial));
    fs::rename(partial, target, error);
    if (error) return failed(target, error);
    return sync_folder(fs::absolute(target).parent_path());
  }();
  if (!copied) fs::remove_all(partial, error);
  return copied;
}

Result<Restored> restore_state(const fs::path& from, const fs::path& state,
                               const std::function<Result<>(const fs::path& from)>& store) {
  Restored restored;
  const bool whole = fs::exists(from / "store");
  if (whole) {
    for (const char* part : kFolders) {
      if (!crypto::holds_files(from / part)) continue;
      if (crypto::holds_files(state / part)) {
        restored.kept.emplace_back(part);
        continue;
      }
      TRY(crypto::copy_private_tree(from / part, state / part));
      restored.taken.emplace_back(part);
    }
    if (!fs::exists(state / kAdminToken)) TRY(copy_token(from, state));
    TRY(add_secrets_keys(from, state));
  }
  TRY(store(whole ? from / "store" : from));
  restored.taken.emplace_back("store");
  return restored;
}

}  // namespace qleet::hub
