#include "agent/journal/codec.h"

#include <charconv>

#include "agent/journal/keys.h"

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

Result<> check_name(const std::string& name) {
  if (name.empty() || name.size() > keys::kMaxName)
    return fail(Code::kInvalid, "resource name of " + std::to_string(name.size()) +
                                    " characters: must have 1 to " + std::to_string(keys::kMaxName));
  return {};
}

}  // namespace

Result<> encode(const JournalChanges& changes, const crypto::Sealer& sealer, const WriteEntry& write) {
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

Result<> decode(std::string_view key, std::string_view value, const crypto::Sealer& sealer,
                JournalContents& contents) {
  // Looked at when the journal is opened.
  if (key == keys::kFormatKey) return {};
  if (key == keys::kMetaKey) {
    contents.meta = TRY(decode_meta(value, sealer));
    return {};
  }
  if (key.starts_with(keys::kDesiredPrefix)) {
    contents.desired[std::string(key.substr(keys::kDesiredPrefix.size()))] =
        TRY(parse<v1::Desired>(key, value));
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

}  // namespace qleet::agent
