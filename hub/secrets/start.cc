#include "hub/secrets/start.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/crypto/private_file.h"
#include "common/process/command.h"
#include "hub/secrets/seal.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"

namespace qleet::hub::secrets {
namespace {

constexpr Millis kCommandLimit{30'000};
constexpr size_t kMostKeyBytes = 64 << 10;

// Its value: "remains" or "clean".
const std::string kStateKey = keys::meta("secrets");
constexpr std::string_view kRemains = "remains";
constexpr std::string_view kClean = "clean";

Result<bool> holds_sealed(const Reader& reader) {
  for (const auto& secret : TRY(objects::list<v1::Secret>(reader))) {
    for (const auto& [key, value] : secret.spec().data()) {
      if (is_sealed(value)) return true;
    }
  }
  return false;
}

}  // namespace

Result<crypto::Sealer> open_keys(const KeySource& source, const Store& store, crypto::Random& random) {
  if (!source.command.empty()) {
    auto printed = output_of(source.command, kCommandLimit, kMostKeyBytes);
    if (!printed) return std::unexpected(wrap(std::move(printed).error(), "--secrets-key-command"));
    return crypto::Sealer::of_keys("--secrets-key-command", *printed, random);
  }
  std::error_code error;
  if (!std::filesystem::exists(source.file, error) && TRY(holds_sealed(*TRY(store.snapshot())))) {
    return fail(
        Code::kConflict,
        fmt::format(
            "{}: is missing, and the store holds secrets that its key sealed: restore it from where it "
            "is kept; if it is lost, qleet-hub rotate-secrets-key makes a new one, and each secret has "
            "to be applied again",
            source.file.string()));
  }
  return crypto::Sealer::open_or_create(source.file, random);
}

Result<Brought> bring_under_keys(Store& store, const crypto::Sealer& sealer) {
  Brought brought;
  TRY(store.transact([&](Txn& txn) -> Result<> {
    brought = {};
    const std::string all = keys::object("secrets", "");
    for (const auto& entry : TRY(txn.scan({.prefix = all, .after = {}}))) {
      v1::Secret secret;
      if (!secret.ParseFromString(entry.value)) {
        brought.closed.emplace_back(keys::last(entry.key));
        continue;
      }
      const auto outcome = seal(secret, sealer, true);
      brought.sealed += outcome.sealed;
      brought.renewed += outcome.renewed;
      if (outcome.closed > 0) brought.closed.emplace_back(keys::last(entry.key));
      if (outcome.changed()) txn.put(entry.key, objects::serialize(secret));
    }
    const auto state = TRY(txn.get(kStateKey));
    // A store that was only just made was never without.
    const bool fresh = !state && txn.revision() <= 1 && brought.sealed == 0;
    brought.remains = !fresh && (!state || state->value != kClean || brought.sealed > 0);
    const std::string_view now = brought.remains ? kRemains : kClean;
    if (!state || state->value != now) txn.put(kStateKey, std::string(now));
    return {};
  }));
  return brought;
}

Result<bool> log_tells_of_secrets(const Store& store, Revision after) {
  constexpr size_t kAtOnce = 1000;
  const std::string all = keys::object("secrets", "");
  while (true) {
    const auto changes = TRY(store.changes(after, kAtOnce));
    if (changes.empty()) return false;
    for (const auto& change : changes) {
      if (change.key.starts_with(all)) return true;
    }
    after = changes.back().revision;
  }
}

Result<> forget_remains(Store& store) {
  TRY(store.transact([](Txn& txn) -> Result<> {
    txn.put(kStateKey, std::string(kClean));
    return {};
  }));
  return {};
}

Result<> rotate(const std::filesystem::path& file, crypto::Random& random) {
  std::error_code error;
  if (std::filesystem::exists(file, error)) {
    TRY(crypto::Sealer::rotate(file, random));
  } else {
    TRY(crypto::Sealer::open_or_create(file, random));
  }
  // Whoever does this as root does it for the hub's user.
  struct stat folder{};
  struct stat now{};
  if (::stat(file.parent_path().c_str(), &folder) == 0 && ::stat(file.c_str(), &now) == 0 &&
      now.st_uid != folder.st_uid && ::chown(file.c_str(), folder.st_uid, folder.st_gid) != 0) {
    return fail(Code::kDenied, fmt::format("{}: cannot be given to the owner of its folder: {}",
                                           file.string(), std::strerror(errno)));
  }
  return {};
}

}  // namespace qleet::hub::secrets
