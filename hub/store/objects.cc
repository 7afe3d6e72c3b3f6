#include "hub/store/objects.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/time_util.h>

#include <utility>

#include "common/log/log.h"
#include "hub/store/keys.h"
#include "hub/store/wire_fields.h"

namespace qleet::hub::objects {
namespace {

constexpr log::Logger kLog{"store"};
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::TimeUtil;

const FieldDescriptor* part(const Message& object, const char* name) {
  return object.GetDescriptor()->FindFieldByName(name);
}

std::string serialize_part(const Message& object, const char* name) {
  const auto* field = part(object, name);
  if (field == nullptr) return {};
  return serialize(object.GetReflection()->GetMessage(object, field));
}

void take_part(Message& to, const Message& from, const char* name) {
  const auto* field = part(to, name);
  if (field == nullptr) return;
  const auto* reflection = to.GetReflection();
  if (reflection->HasField(from, field)) {
    reflection->MutableMessage(&to, field)->CopyFrom(reflection->GetMessage(from, field));
  } else {
    reflection->ClearField(&to, field);
  }
}

void set_text(Message& object, const char* name, std::string_view text) {
  if (const auto* field = part(object, name)) {
    object.GetReflection()->SetString(&object, field, std::string(text));
  }
}

std::string describe(std::string_view kind, std::string_view name) {
  std::string text(kind);
  for (auto& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text + " " + std::string(name);
}

Result<> check_name(const Message& object) {
  const auto& name = model::meta(object).name();
  const char* wrong = name.empty()                          ? "is missing"
                      : name.find('/') != std::string::npos ? "must not contain '/'"
                      : name.size() > keys::kMaxBytes - 32  ? "is too long"
                                                            : nullptr;
  if (wrong == nullptr) return {};
  return std::unexpected(
      Error{Code::kInvalid, fmt::format("metadata.name {}", wrong), {{"metadata.name", wrong}}});
}

Result<> parse(std::string_view key, const std::string& bytes, Revision revision, Message& object) {
  if (!object.ParseFromString(bytes)) {
    return fail(Code::kInternal, fmt::format("store: {} cannot be read: restore a backup", key));
  }
  model::meta(object).set_resource_version(revision);
  return {};
}

// Whoever holds a reference to a part of `object` (its spec, its metadata) goes on with it: its content is
// replaced, the part itself stays.
Result<> reread(std::string_view key, const std::string& bytes, Revision revision, Message& object) {
  const model::Object stored(object.New());
  TRY(parse(key, bytes, revision, *stored));
  const auto& reflection = *object.GetReflection();
  const auto& descriptor = *object.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const auto* field = descriptor.field(i);
    if (field->message_type() != nullptr && !field->is_repeated() && reflection.HasField(object, field) &&
        reflection.HasField(*stored, field)) {
      auto& part = *reflection.MutableMessage(&object, field);
      part.GetReflection()->Swap(&part, reflection.MutableMessage(stored.get(), field));
    } else {
      reflection.SwapFields(&object, stored.get(), {field});
    }
  }
  return {};
}

Result<model::Object> parse_any(std::string_view key, const std::string& bytes, Revision revision) {
  const auto parsed = parse_key(key);
  if (!parsed) return fail(Code::kInternal, fmt::format("store: {} is no object's key", key));
  model::Object object(parsed->kind->prototype->New());
  TRY(parse(key, bytes, revision, *object));
  return object;
}

// Gives `object` the metadata that only the hub sets, and writes it unless it equals what `stored` holds.
Result<Written> write(Txn& txn, Message& object, const std::optional<Entry>& stored, const Message* before,
                      const Stamp* stamp) {
  const auto& kind = model::kind_of(object);
  auto& meta = model::meta(object);
  set_text(object, "api_version", model::kApiVersion);
  set_text(object, "kind", kind.name);
  if (before != nullptr) {
    const auto& old = model::meta(*before);
    meta.set_uid(old.uid());
    *meta.mutable_creation_timestamp() = old.creation_timestamp();
    const bool same_spec = serialize_part(object, "spec") == serialize_part(*before, "spec");
    meta.set_generation(old.generation() + (same_spec ? 0 : 1));
  } else {
    meta.set_uid(random_uuid(stamp->random));
    *meta.mutable_creation_timestamp() = timestamp(stamp->now);
    meta.set_generation(1);
  }
  meta.clear_resource_version();
  std::string bytes = serialize(object);
  const bool same = stored && stored->value == bytes;
  meta.set_resource_version(same ? stored->revision : txn.revision());
  if (same) return Written::kNothing;
  txn.put(key(kind, meta.name()), std::move(bytes));
  return stored ? Written::kChanged : Written::kCreated;
}

struct Stored {
  std::optional<Entry> entry;
  model::Object object;  // null where there is none
};

Result<Stored> read_stored(const Reader& reader, const Message& like) {
  TRY(check_name(like));
  Stored stored;
  stored.entry = TRY(reader.get(key(model::kind_of(like), model::meta(like).name())));
  if (!stored.entry) return stored;
  stored.object.reset(like.New());
  TRY(decode_into(*stored.entry, *stored.object));
  return stored;
}

Result<> compare_version(std::string_view what, Revision current, Revision expected) {
  if (current == expected) return {};
  return fail(
      Code::kConflict,
      fmt::format("{} is at resourceVersion {}, not at {}: someone changed it meanwhile; read it again and "
                  "decide again",
                  what, current, expected));
}

}  // namespace

std::string key(const model::Kind& kind, std::string_view name) { return keys::object(kind.plural, name); }

std::optional<ObjectKey> parse_key(std::string_view key) {
  if (!key.starts_with(keys::kObjectPrefix)) return std::nullopt;
  const auto parts = keys::segments(key);
  if (parts.size() != 3 || parts[2].empty()) return std::nullopt;
  for (const auto& kind : model::kinds()) {
    if (kind.plural == parts[1]) return ObjectKey{&kind, parts[2]};
  }
  return std::nullopt;
}

google::protobuf::Timestamp timestamp(WallTime time) {
  return TimeUtil::MillisecondsToTimestamp(time.time_since_epoch().count());
}

WallTime wall_time(const google::protobuf::Timestamp& timestamp) {
  return WallTime(Millis(TimeUtil::TimestampToMilliseconds(timestamp)));
}

Result<model::Object> decode(const Entry& entry) { return parse_any(entry.key, entry.value, entry.revision); }

Result<model::Object> decode(const Change& change) {
  return parse_any(change.key, change.value, change.revision);
}

Result<> decode_into(const Entry& entry, Message& object) {
  return parse(entry.key, entry.value, entry.revision, object);
}

Result<model::Object> get(const Reader& reader, const model::Kind& kind, std::string_view name) {
  const auto entry = TRY(reader.get(key(kind, name)));
  if (!entry) return model::Object();
  return decode(*entry);
}

Range range(const model::Kind& kind, const Page& page) {
  return {.prefix = key(kind, page.name_prefix),
          .after = page.after.empty() ? "" : key(kind, page.after),
          .limit = page.limit};
}

Result<std::vector<model::Object>> list(const Reader& reader, const model::Kind& kind, const Page& page) {
  std::vector<model::Object> found;
  for (const auto& entry : TRY(reader.scan(range(kind, page)))) found.push_back(TRY(decode(entry)));
  return found;
}

void log_left_out(const Entry& entry, const Error& error) {
  kLog.error("object left out", {{"key", entry.key}, {"error", error.message}});
}

Result<Written> put(Txn& txn, Message& object, const Stamp& stamp) {
  const Stored stored = TRY(read_stored(txn, object));
  return write(txn, object, stored.entry, stored.object.get(), &stamp);
}

Result<Written> put_spec(Txn& txn, Message& object, const Stamp& stamp) {
  const Stored stored = TRY(read_stored(txn, object));
  auto& meta = model::meta(object);
  meta.clear_deletion_timestamp();
  if (stored.object) {
    take_part(object, *stored.object, "status");
    const auto& old = model::meta(*stored.object);
    if (old.has_deletion_timestamp()) *meta.mutable_deletion_timestamp() = old.deletion_timestamp();
  } else if (const auto* status = part(object, "status")) {
    object.GetReflection()->ClearField(&object, status);
  }
  return write(txn, object, stored.entry, stored.object.get(), &stamp);
}

Result<Written> put_status(Txn& txn, Message& object) {
  const auto& kind = model::kind_of(object);
  const auto* field = part(object, "status");
  if (field == nullptr) return fail(Code::kInternal, fmt::format("{} has no status", kind.name));
  TRY(check_name(object));
  const auto entry = TRY(txn.get(key(kind, model::meta(object).name())));
  if (!entry) {
    return fail(Code::kNotFound,
                fmt::format("{} does not exist", describe(kind.name, model::meta(object).name())));
  }
  const bool has = object.GetReflection()->HasField(object, field);
  const std::string status = has ? serialize_part(object, "status") : "";
  std::string bytes = TRY(with_field(entry->value, field->number(), has ? &status : nullptr));
  const bool same = bytes == entry->value;
  TRY(reread(entry->key, bytes, same ? entry->revision : txn.revision(), object));
  if (same) return Written::kNothing;
  txn.put(entry->key, std::move(bytes));
  return Written::kChanged;
}

Result<Written> replace_status(Txn& txn, const model::Kind& kind, const Entry& stored,
                               const Message& status) {
  const std::string content = serialize(status);
  std::string bytes = TRY(with_field(stored.value, part(*kind.prototype, "status")->number(), &content));
  if (bytes == stored.value) return Written::kNothing;
  txn.put(stored.key, std::move(bytes));
  return Written::kChanged;
}

Result<bool> erase(Txn& txn, const model::Kind& kind, std::string_view name) {
  const std::string at = key(kind, name);
  if (!TRY(txn.get(at))) return false;
  txn.erase(at);
  return true;
}

Result<> check_version(const Message& object, Revision expected) {
  const auto& meta = model::meta(object);
  return compare_version(describe(model::kind_of(object).name, meta.name()), meta.resource_version(),
                         expected);
}

Result<> check_version(const Entry& entry, Revision expected) {
  const auto parsed = parse_key(entry.key);
  return compare_version(parsed ? describe(parsed->kind->name, parsed->name) : entry.key, entry.revision,
                         expected);
}

std::string serialize(const Message& message) {
  std::string bytes(message.ByteSizeLong(), '\0');
  google::protobuf::io::ArrayOutputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&out);
  out.Trim();
  return bytes;
}

}  // namespace qleet::hub::objects
