#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "common/json/text.h"
#include "common/model/base64.h"
#include "common/model/model.h"
#include "common/model/sink.h"

namespace qleet::model {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::ListValue;
using google::protobuf::Message;
using google::protobuf::Struct;
using google::protobuf::Timestamp;
using google::protobuf::Value;

void walk_value(const Value& value, Sink& sink);

void walk_struct(const Struct& value, Sink& sink) {
  std::vector<const std::string*> keys;
  keys.reserve(static_cast<size_t>(value.fields_size()));
  for (const auto& entry : value.fields()) keys.push_back(&entry.first);
  std::ranges::sort(keys, [](auto* a, auto* b) { return *a < *b; });
  sink.begin_map(keys.empty());
  for (const auto* key : keys) {
    sink.key(*key);
    walk_value(value.fields().at(*key), sink);
  }
  sink.end_map();
}

void walk_list(const ListValue& value, Sink& sink) {
  sink.begin_list(value.values().empty());
  for (const auto& item : value.values()) walk_value(item, sink);
  sink.end_list();
}

void walk_value(const Value& value, Sink& sink) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return sink.string(value.string_value());
    case Value::kNumberValue: {
      std::string text;
      json::append_number(text, value.number_value());
      return sink.literal(text);
    }
    case Value::kBoolValue:
      return sink.literal(value.bool_value() ? "true" : "false");
    case Value::kStructValue:
      return walk_struct(value.struct_value(), sink);
    case Value::kListValue:
      return walk_list(value.list_value(), sink);
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
      return sink.literal("null");
  }
}

// One value of a field: the field's own, or element `index` of a repeated one.
void walk_field(const Message& message, const FieldDescriptor& field, int index, Sink& sink) {
  const auto& reflection = *message.GetReflection();
  const bool repeated = index >= 0;
  std::string scratch;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      const auto& text = repeated ? reflection.GetRepeatedStringReference(message, &field, index, &scratch)
                                  : reflection.GetStringReference(message, &field, &scratch);
      return field.type() == FieldDescriptor::TYPE_BYTES ? sink.string(base64(text)) : sink.string(text);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return walk(repeated ? reflection.GetRepeatedMessage(message, &field, index)
                           : reflection.GetMessage(message, &field),
                  sink);
    case FieldDescriptor::CPPTYPE_BOOL: {
      const bool value =
          repeated ? reflection.GetRepeatedBool(message, &field, index) : reflection.GetBool(message, &field);
      return sink.literal(value ? "true" : "false");
    }
    case FieldDescriptor::CPPTYPE_INT32:
      return sink.literal(std::to_string(repeated ? reflection.GetRepeatedInt32(message, &field, index)
                                                  : reflection.GetInt32(message, &field)));
    case FieldDescriptor::CPPTYPE_UINT32:
      return sink.literal(std::to_string(repeated ? reflection.GetRepeatedUInt32(message, &field, index)
                                                  : reflection.GetUInt32(message, &field)));
    // 64 bits are strings in canonical JSON.
    case FieldDescriptor::CPPTYPE_INT64:
      return sink.string(std::to_string(repeated ? reflection.GetRepeatedInt64(message, &field, index)
                                                 : reflection.GetInt64(message, &field)));
    case FieldDescriptor::CPPTYPE_UINT64:
      return sink.string(std::to_string(repeated ? reflection.GetRepeatedUInt64(message, &field, index)
                                                 : reflection.GetUInt64(message, &field)));
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT: {
      const bool wide = field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE;
      const double value =
          repeated ? (wide ? reflection.GetRepeatedDouble(message, &field, index)
                           : reflection.GetRepeatedFloat(message, &field, index))
                   : (wide ? reflection.GetDouble(message, &field) : reflection.GetFloat(message, &field));
      json::append_number(scratch, value);
      return sink.literal(scratch);
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value =
          repeated ? reflection.GetRepeatedEnum(message, &field, index) : reflection.GetEnum(message, &field);
      return sink.string(value->name());
    }
  }
}

void walk_map(const Message& message, const FieldDescriptor& field, Sink& sink) {
  const auto& reflection = *message.GetReflection();
  const auto& key_field = *field.message_type()->map_key();
  const auto& value_field = *field.message_type()->map_value();
  std::vector<std::pair<std::string, const Message*>> entries;
  entries.reserve(static_cast<size_t>(reflection.FieldSize(message, &field)));
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const auto& entry = reflection.GetRepeatedMessage(message, &field, i);
    entries.emplace_back(entry.GetReflection()->GetString(entry, &key_field), &entry);
  }
  std::ranges::sort(entries, {}, &std::pair<std::string, const Message*>::first);
  sink.begin_map(entries.empty());
  for (const auto& [key, entry] : entries) {
    sink.key(key);
    walk_field(*entry, value_field, -1, sink);
  }
  sink.end_map();
}

}  // namespace

void walk(const Message& message, Sink& sink) {
  const auto* type = message.GetDescriptor();
  if (type == Struct::descriptor()) return walk_struct(static_cast<const Struct&>(message), sink);
  if (type == Value::descriptor()) return walk_value(static_cast<const Value&>(message), sink);
  if (type == ListValue::descriptor()) return walk_list(static_cast<const ListValue&>(message), sink);
  if (type == Timestamp::descriptor()) {
    return sink.string(google::protobuf::util::TimeUtil::ToString(static_cast<const Timestamp&>(message)));
  }
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  sink.begin_map(fields.empty());
  for (const auto* field : fields) {
    sink.key(field->json_name());
    if (field->is_map()) {
      walk_map(message, *field, sink);
    } else if (field->is_repeated()) {
      sink.begin_list(false);
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) walk_field(message, *field, i, sink);
      sink.end_list();
    } else {
      walk_field(message, *field, -1, sink);
    }
  }
  sink.end_map();
}

std::string to_json(const Message& message, bool pretty) {
  JsonSink sink(pretty);
  walk(message, sink);
  return sink.take();
}

Struct to_struct(const Message& message) {
  StructSink sink;
  walk(message, sink);
  return sink.take();
}

std::string to_yaml(const Message& message) {
  YamlSink sink;
  walk(message, sink);
  return sink.take();
}

}  // namespace qleet::model
