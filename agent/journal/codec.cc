#include "agent/journal/codec.h"

#include <google/protobuf/unknown_field_set.h>

#include <charconv>
#include <optional>

#include "agent/journal/keys.h"
#include "common/crypto/token.h"

namespace qleet::agent {
namespace {

std::unexpected<Error> broken(std::string_view key, std::string_view why) {
  return fail(Code::kInternal, "journal entry " + std::string(key) + ": " + std::string(why));
}

std::string encode_meta(v1::Meta meta, const crypto::Sealer& sealer) {
  v1::StoredMeta stored;
  if (!meta.hash_key().empty()) stored.set_sealed_hash_key(sealer.seal(meta.hash_key(), keys::kMetaKey));
  meta.clear_hash_key();
  *stored.mutable_plain() = std::move(meta);
  return stored.SerializeAsString();
}

std::string encode_runtime(const std::string& key, v1::Runtime runtime, const crypto::Sealer& sealer) {
  v1::StoredRuntime stored;
  if (runtime.secrets().ByteSizeLong() > 0)
    stored.set_sealed_secrets(sealer.seal(runtime.secrets().SerializeAsString(), key));
  runtime.clear_secrets();
  *stored.mutable_plain() = std::move(runtime);
  return stored.SerializeAsString();
}

template <class T>
Result<T> parse(std::string_view key, std::string_view value) {
  T message;
  if (!message.ParseFromArray(value.data(), static_cast<int>(value.size())))
    return broken(key, "cannot be read");
  return message;
}

Result<v1::Meta> decode_meta(std::string_view value, const crypto::Sealer& sealer) {
  auto stored = TRY(parse<v1::StoredMeta>(keys::kMetaKey, value));
  v1::Meta meta = std::move(*stored.mutable_plain());
  if (!stored.sealed_hash_key().empty()) {
    auto opened = sealer.open(stored.sealed_hash_key(), keys::kMetaKey);
    if (!opened) return std::unexpected(wrap(std::move(opened).error(), "the journal's hash key"));
    meta.set_hash_key(std::move(*opened));
  }
  return meta;
}

Result<v1::Runtime> decode_runtime(std::string_view key, std::string_view value,
                                   const crypto::Sealer& sealer) {
  auto stored = TRY(parse<v1::StoredRuntime>(key, value));
  v1::Runtime runtime = std::move(*stored.mutable_plain());
  if (!stored.sealed_secrets().empty()) {
    auto opened = sealer.open(stored.sealed_secrets(), key);
    if (!opened)
      return std::unexpected(wrap(std::move(opened).error(), "secrets of journal entry " + std::string(key)));
    *runtime.mutable_secrets() = TRY(parse<v1::Secrets>(key, *opened));
  }
  return runtime;
}

constexpr char kCheckTag = 15 << 3 | 5;  // field 15, fixed32
constexpr std::size_t kCheckSize = 5;

// What stands behind a value: it belongs to the key, too.
std::string check_of(std::string_view key, std::string_view value) {
  std::string text(key);
  text += '\0';
  text += value;
  return std::string{kCheckTag, static_cast<char>(value.size())} +
         crypto::sha256(text).substr(0, kCheckSize - 2);
}

// The value before its check; nullopt: it has none. An older agent carries one along in what it changes: then
// the size in it is another one.
std::optional<std::string_view> without_check(std::string_view stored) {
  if (stored.size() < kCheckSize) return std::nullopt;
  const std::size_t size = stored.size() - kCheckSize;
  if (stored[size] != kCheckTag || stored[size + 1] != static_cast<char>(size)) return std::nullopt;
  return stored.substr(0, size);
}

Result<> check_name(const std::string& name) {
  if (name.empty() || name.size() > keys::kMaxName)
    return fail(Code::kInvalid, "resource name of " + std::to_string(name.size()) +
                                    " characters: must have 1 to " + std::to_string(keys::kMaxName));
  return {};
}

}  // namespace

Result<> encode(const JournalChanges& changes, const crypto::Sealer& sealer, const WriteEntry& to) {
  const WriteEntry write = [&](const std::string& key, const std::string* value) -> Result<> {
    if (!value) return to(key, nullptr);
    const std::string stored = with_check(key, *value);
    return to(key, &stored);
  };
  if (changes.meta) {
    const std::string value = encode_meta(*changes.meta, sealer);
    TRY(write(std::string(keys::kMetaKey), &value));
  }
  for (const auto& [name, desired] : changes.desired) {
    TRY(check_name(name));
    const std::string value = desired ? desired->SerializeAsString() : "";
    TRY(write(keys::desired(name), desired ? &value : nullptr));
  }
  for (const auto& [name, runtime] : changes.runtime) {
    TRY(check_name(name));
    const std::string key = keys::runtime(name);
    const std::string value = runtime ? encode_runtime(key, *runtime, sealer) : "";
    TRY(write(key, runtime ? &value : nullptr));
  }
  for (const auto& [sequence, event] : changes.events) {
    const std::string value = event ? event->SerializeAsString() : "";
    TRY(write(keys::event(sequence), event ? &value : nullptr));
  }
  return {};
}

namespace {

Result<> decode_entry(std::string_view key, std::string_view value, const crypto::Sealer& sealer,
                      JournalContents& contents) {
  if (key == keys::kMetaKey) {
    contents.meta = TRY(decode_meta(value, sealer));
    return {};
  }
  if (key.starts_with(keys::kDesiredPrefix)) {
    const auto name = key.substr(keys::kDesiredPrefix.size());
    auto desired = TRY(parse<v1::Desired>(key, value));
    // One of the two is wrong, and nothing says which.
    if (!desired.resource().name().empty() && desired.resource().name() != name)
      return broken(key, "speaks of another resource");
    contents.desired[std::string(name)] = std::move(desired);
    return {};
  }
  if (key.starts_with(keys::kRuntimePrefix)) {
    contents.runtime[std::string(key.substr(keys::kRuntimePrefix.size()))] =
        TRY(decode_runtime(key, value, sealer));
    return {};
  }
  if (key.starts_with(keys::kEventPrefix)) {
    std::uint64_t sequence = 0;
    const auto digits = key.substr(keys::kEventPrefix.size());
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), sequence, 16);
    if (error != std::errc{} || end != digits.data() + digits.size()) return broken(key, "is no event key");
    contents.events[sequence] = TRY(parse<wire::v1::EventReport>(key, value));
    return {};
  }
  return broken(key, "is unknown to this format");
}

template <class T>
bool has_check_field(std::string_view stored) {
  T message;
  if (!message.ParseFromArray(stored.data(), static_cast<int>(stored.size()))) return true;
  const auto& unknown = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i)
    if (unknown.field(i).number() == kCheckTag >> 3) return true;
  return false;
}

// Sealed bytes at the end of a value without a check may look like one. False: it is none.
bool is_checked(std::string_view key, std::string_view stored) {
  if (key == keys::kMetaKey) return has_check_field<v1::StoredMeta>(stored);
  if (key.starts_with(keys::kDesiredPrefix)) return has_check_field<v1::Desired>(stored);
  if (key.starts_with(keys::kRuntimePrefix)) return has_check_field<v1::StoredRuntime>(stored);
  if (key.starts_with(keys::kEventPrefix)) return has_check_field<wire::v1::EventReport>(stored);
  return true;
}

// Whose a record is, as it says itself; empty: it does not.
std::string owner_in(std::string_view key, std::string_view value) {
  const int size = static_cast<int>(value.size());
  if (key.starts_with(keys::kDesiredPrefix)) {
    v1::Desired desired;
    if (desired.ParseFromArray(value.data(), size)) return desired.resource().name();
  } else if (key.starts_with(keys::kRuntimePrefix)) {
    v1::StoredRuntime stored;
    if (stored.ParseFromArray(value.data(), size)) return stored.plain().report().name();
  }
  return {};
}

}  // namespace

std::string with_check(std::string_view key, std::string_view value) {
  return std::string(value) + check_of(key, value);
}

std::optional<std::string> checked(std::string_view key, std::string_view stored) {
  const auto plain = without_check(stored);
  if (!plain) return std::string(stored);
  if (check_of(key, *plain) == stored.substr(plain->size())) return std::string(*plain);
  return is_checked(key, stored) ? std::nullopt : std::optional(std::string(stored));
}

Result<> decode(std::string_view key, std::string_view value, const crypto::Sealer& sealer,
                JournalContents& contents) {
  // Looked at when the journal is opened.
  if (key == keys::kFormatKey) return {};
  const auto damaged = [&](std::string why, std::string belongs_to = {}) -> Result<> {
    contents.damaged.push_back({std::string(key), std::move(why), std::move(belongs_to)});
    return {};
  };
  auto plain = without_check(value);
  std::string real_key(key);
  if (plain && check_of(key, *plain) != value.substr(plain->size()) && !is_checked(key, value)) plain.reset();
  if (plain && check_of(key, *plain) != value.substr(plain->size())) {
    const std::string owner = owner_in(key, *plain);
    real_key = (key.starts_with(keys::kDesiredPrefix) ? keys::desired : keys::runtime)(owner);
    if (owner.empty() || check_of(real_key, *plain) != value.substr(plain->size()))
      return damaged("journal entry " + std::string(key) + ": is not what was written");
    (void)damaged("journal entry " + std::string(key) + ": stood under a wrong key", owner);
  }
  auto decoded = decode_entry(real_key, plain.value_or(value), sealer, contents);
  if (decoded || decoded.error().code == Code::kNotFound) return decoded;
  return damaged(std::move(decoded).error().message);
}

}  // namespace qleet::agent
