#include "common/model/openapi_schemas.h"

#include <algorithm>
#include <cctype>

#include "common/model/model.h"

namespace qleet::model {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

bool has_own_form(const Descriptor& type) {
  return type.full_name() == "google.protobuf.Struct" || type.full_name() == "google.protobuf.Value" ||
         type.full_name() == "google.protobuf.ListValue" || type.full_name() == "google.protobuf.Timestamp";
}

void pair(Sink& sink, std::string_view key, std::string_view text) {
  sink.key(key);
  sink.string(text);
}

// Generators name what has no name of its own by where it stands: "resources" in Score would be
// ScoreResources, which is another message. With a title it has one that no message has.
void title(std::string_view field, Sink& sink) {
  std::string name(field);
  if (!name.empty()) name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  pair(sink, "title", name + "Map");
}

void write_own_form(const Descriptor& type, Sink& sink, std::string_view field = {}) {
  sink.begin_map(type.full_name() == "google.protobuf.Value");
  if (type.full_name() == "google.protobuf.Struct" && !field.empty()) title(field, sink);
  if (type.full_name() == "google.protobuf.Struct") {
    pair(sink, "type", "object");
    // Said, for generators take silence for "nothing".
    sink.key("additionalProperties");
    sink.literal("true");
  } else if (type.full_name() == "google.protobuf.ListValue") {
    pair(sink, "type", "array");
    sink.key("items");
    sink.begin_map(true);
    sink.end_map();
  } else if (type.full_name() == "google.protobuf.Timestamp") {
    pair(sink, "type", "string");
    pair(sink, "format", "date-time");
  }
  sink.end_map();
}

// One value of a field, without its being repeated.
void write_value(const FieldDescriptor& field, Sink& sink) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (has_own_form(*field.message_type()))
      return write_own_form(*field.message_type(), sink, field.json_name());
    return write_reference(*field.message_type(), sink);
  }
  sink.begin_map(false);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      pair(sink, "type", "boolean");
      break;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_UINT32:
      pair(sink, "type", "integer");
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
        sink.key("minimum");
        sink.literal("0");
      }
      break;
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      pair(sink, "type", "string");
      pair(sink, "pattern", "^-?[0-9]+$");
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      pair(sink, "type", "number");
      break;
    default:
      pair(sink, "type", "string");
      if (field.type() == FieldDescriptor::TYPE_BYTES) pair(sink, "contentEncoding", "base64");
  }
  sink.end_map();
}

void write_field(const FieldDescriptor& field, Sink& sink) {
  if (!field.is_repeated()) return write_value(field, sink);
  sink.begin_map(false);
  if (field.is_map()) title(field.json_name(), sink);
  pair(sink, "type", field.is_map() ? "object" : "array");
  sink.key(field.is_map() ? "additionalProperties" : "items");
  write_value(field.is_map() ? *field.message_type()->map_value() : field, sink);
  sink.end_map();
}

void write_constant(Sink& sink, std::string_view name, std::string_view value) {
  sink.key(name);
  sink.begin_map(false);
  pair(sink, "type", "string");
  pair(sink, "const", value);
  sink.end_map();
}

bool is_kind(const Descriptor& type) {
  return std::ranges::any_of(kinds(),
                             [&](const Kind& kind) { return kind.prototype->GetDescriptor() == &type; });
}

}  // namespace

void collect_messages(const Descriptor& type, std::set<const Descriptor*>& found) {
  if (has_own_form(type)) return;
  if (type.map_key() == nullptr && !found.insert(&type).second) return;
  for (int i = 0; i < type.field_count(); ++i) {
    if (const auto* inner = type.field(i)->message_type()) collect_messages(*inner, found);
  }
}

void write_reference(const Descriptor& type, Sink& sink) {
  if (has_own_form(type)) return write_own_form(type, sink);
  sink.begin_map(false);
  pair(sink, "$ref", "#/components/schemas/" + type.name());
  sink.end_map();
}

void write_schema(const Descriptor& type, Sink& sink) {
  const bool kind = is_kind(type);
  sink.begin_map(false);
  pair(sink, "type", "object");
  sink.key("additionalProperties");
  sink.literal("false");
  if (kind) {
    sink.key("required");
    sink.begin_list(false);
    for (const auto* name : {"apiVersion", "kind", "metadata"}) sink.string(name);
    sink.end_list();
  }
  sink.key("properties");
  sink.begin_map(type.field_count() == 0);
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    if (kind && field.name() == "api_version") {
      write_constant(sink, "apiVersion", kApiVersion);
    } else if (kind && field.name() == "kind") {
      write_constant(sink, "kind", type.name());
    } else {
      sink.key(field.json_name());
      write_field(field, sink);
    }
  }
  sink.end_map();
  sink.end_map();
}

}  // namespace qleet::model
