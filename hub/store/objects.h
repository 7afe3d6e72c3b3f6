// API objects in the store: how they are found, read, and written under the rules of their metadata.
//
// Reading fills in metadata.resource_version from the revision; it is never stored. Functions that return an
// Object return null where there is none.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock/clock.h"
#include "common/model/model.h"
#include "common/result/result.h"
#include "hub/store/random.h"
#include "hub/store/store.h"

namespace qleet::hub::objects {

struct ObjectKey {
  const model::Kind* kind;
  std::string_view name;  // part of the key that was parsed
};
std::string key(const model::Kind& kind, std::string_view name);
// nullopt for what is no object's key.
std::optional<ObjectKey> parse_key(std::string_view key);

google::protobuf::Timestamp timestamp(WallTime time);
WallTime wall_time(const google::protobuf::Timestamp& timestamp);

// Which of a kind, in the order of their names.
struct Page {
  std::string_view after;  // a name: those that come strictly after it
  size_t limit = SIZE_MAX;
  std::string_view name_prefix;  // e.g. "shop.": the releases of shop
};

// kInternal when what is stored cannot be read, or is no object.
Result<model::Object> decode(const Entry& entry);
// The new state, or the last one where erased.
Result<model::Object> decode(const Change& change);

Result<model::Object> get(const Reader& reader, const model::Kind& kind, std::string_view name);
Result<std::vector<model::Object>> list(const Reader& reader, const model::Kind& kind, const Page& page = {});

// kInternal when it cannot be read.
Result<> decode_into(const Entry& entry, google::protobuf::Message& object);

template <class T>
Result<std::optional<T>> get(const Reader& reader, std::string_view name) {
  const auto entry = TRY(reader.get(key(model::kind_of(T::default_instance()), name)));
  if (!entry) return std::nullopt;
  T object;
  TRY(decode_into(*entry, object));
  return object;
}

Range range(const model::Kind& kind, const Page& page);

template <class T>
Result<std::vector<T>> list(const Reader& reader, const Page& page = {}) {
  std::vector<T> found;
  for (const auto& entry : TRY(reader.scan(range(model::kind_of(T::default_instance()), page)))) {
    TRY(decode_into(entry, found.emplace_back()));
  }
  return found;
}

// Those that can be read; what cannot is left out, with a line in the log. For who looks for what is to be
// looked at; who decides by what there is must use list, and fail.
void log_left_out(const Entry& entry, const Error& error);
template <class T>
Result<std::vector<T>> list_readable(const Reader& reader, const Page& page = {}) {
  std::vector<T> found;
  for (const auto& entry : TRY(reader.scan(range(model::kind_of(T::default_instance()), page)))) {
    T object;
    if (const auto read = decode_into(entry, object))
      found.push_back(std::move(object));
    else
      log_left_out(entry, read.error());
  }
  return found;
}

enum class Written { kCreated, kChanged, kNothing };

// What a write takes from outside.
struct Stamp {
  WallTime now;
  const Random& random;  // for uids
};

// The functions that write leave `object` as it then stands in the store, and write nothing at all when that
// changes nothing. Creating sets uid, creation timestamp and generation 1; a change of spec adds 1 to the
// generation. kInvalid for a name that cannot be in a key. References to metadata, spec and status stay good.

// Everything as given, but for uid, creation timestamp and generation.
Result<Written> put(Txn& txn, google::protobuf::Message& object, const Stamp& stamp);
// Spec, labels and annotations as given; status and the rest of the metadata stay. What people may write.
Result<Written> put_spec(Txn& txn, google::protobuf::Message& object, const Stamp& stamp);
// Status alone. kNotFound when there is no such object.
Result<Written> put_status(Txn& txn, google::protobuf::Message& object);
// The same without reading the rest: `stored` is what this transaction has read, `status` the message that
// its field of that name shall hold.
Result<Written> replace_status(Txn& txn, const model::Kind& kind, const Entry& stored,
                               const google::protobuf::Message& status);
// False when there is none. The change log keeps the last state.
Result<bool> erase(Txn& txn, const model::Kind& kind, std::string_view name);

// kConflict, saying what to do, unless the object was written last at `expected`.
Result<> check_version(const google::protobuf::Message& object, Revision expected);
Result<> check_version(const Entry& entry, Revision expected);

// The same bytes for equal messages (of one version of this program).
std::string serialize(const google::protobuf::Message& message);

}  // namespace qleet::hub::objects
