#include "hub/secrets/seal.h"

#include <fmt/format.h>

#include <optional>

#include "common/crypto/encoding.h"
#include "common/model/sealed_values.h"

namespace qleet::hub::secrets {
namespace {

// Each part with its length: no two places have one text.
std::string place_of(const v1::Secret& secret, const std::string& key) {
  const auto& meta = secret.metadata();
  std::string place = "qleet-secret-1";
  for (const auto& part : {meta.name(), meta.uid(), key}) place += fmt::format("/{}:{}", part.size(), part);
  return place;
}

std::optional<std::string> box_of(std::string_view value) {
  if (!value.starts_with(model::kSealedPrefix)) return std::nullopt;
  auto box = crypto::unbase64url(value.substr(model::kSealedPrefix.size()));
  if (!box || !crypto::Sealer::is_box(*box)) return std::nullopt;
  return box;
}

std::string sealed(std::string_view plain, const std::string& place, const crypto::Sealer& sealer) {
  return std::string(model::kSealedPrefix) + crypto::base64url(sealer.seal(plain, place));
}

}  // namespace

bool is_sealed(std::string_view value) { return box_of(value).has_value(); }

Outcome seal(v1::Secret& secret, const crypto::Sealer& sealer, bool renew) {
  Outcome outcome;
  for (auto& [key, value] : *secret.mutable_spec()->mutable_data()) {
    const auto place = place_of(secret, key);
    const auto box = box_of(value);
    if (!box) {
      value = sealed(value, place, sealer);
      ++outcome.sealed;
      continue;
    }
    const auto plain = sealer.open(*box, place);
    if (!plain) {
      ++outcome.closed;
    } else if (renew && sealer.outdated(*box)) {
      value = sealed(*plain, place, sealer);
      ++outcome.renewed;
    }
  }
  return outcome;
}

Result<std::string> open(const v1::Secret& secret, const std::string& key, const crypto::Sealer& sealer) {
  const auto& data = secret.spec().data();
  const auto found = data.find(key);
  if (found == data.end())
    return fail(Code::kNotFound, fmt::format("secret {} has no \"{}\"", secret.metadata().name(), key));
  const auto box = box_of(found->second);
  if (!box)
    return fail(Code::kInvalid,
                fmt::format("secret {}: \"{}\" is not sealed", secret.metadata().name(), key));
  auto plain = sealer.open(*box, place_of(secret, key));
  if (!plain)
    return std::unexpected(
        wrap(std::move(plain).error(), fmt::format("secret {}: \"{}\"", secret.metadata().name(), key)));
  return plain;
}

}  // namespace qleet::hub::secrets
