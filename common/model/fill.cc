#include "common/model/fill.h"

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "common/model/base64.h"
#include "qleet/v1/score.pb.h"

namespace qleet::model {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Struct;
using google::protobuf::Timestamp;
using google::protobuf::Value;

constexpr size_t kMaxErrors = 50;

bool is_bare(const TextNode& node, TextNode::Type type) {
  return node.bare && type_of_bare(node.text) == type;
}

// Score says of each field what it is, and that is never null.
bool allows_null(const Descriptor& type) { return type.file() != qleet::v1::Score::descriptor()->file(); }

std::string_view empty_value(const FieldDescriptor& field) {
  if (field.is_map()) return "{}";
  if (field.is_repeated()) return "[]";
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return "{}";
  return "";
}

bool keyed_by_target(const FieldDescriptor& field) {
  return field.message_type() == qleet::v1::ScoreFile::descriptor() ||
         field.message_type() == qleet::v1::ScoreVolume::descriptor();
}

const FieldDescriptor* find_field(const Descriptor& type, std::string_view json_name) {
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == json_name) return type.field(i);
  }
  return nullptr;
}

std::string shown(const TextNode& node) {
  constexpr size_t kMaxShown = 40;
  switch (node.type) {
    case TextNode::Type::kMap:
      return "an object";
    case TextNode::Type::kList:
      return "a list";
    case TextNode::Type::kNull:
      return "null";
    case TextNode::Type::kString:
      if (node.text.size() > kMaxShown || node.text.find('\n') != std::string::npos) return "a text";
      return node.bare ? node.text : "\"" + node.text + "\"";
    default:
      return node.text;
  }
}

// A number as a tree holds it; nullopt when it has no exact meaning as a double.
std::optional<double> to_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with("0x")) {
    std::uint64_t hex = 0;
    std::from_chars(text.data() + 2, text.data() + text.size(), hex, 16);
    return static_cast<double>(hex);
  }
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
  const bool integer = text.find_first_of(".eE") == std::string_view::npos;
  if (integer && std::abs(number) > kExactIntegers) return std::nullopt;
  return number;
}

}  // namespace

void Filler::wrong(const Place& place, int line, std::string message) {
  if (errors_.size() < kMaxErrors) errors_.push_back({place.text(), std::move(message), line, ""});
}

bool Filler::is_map(const TextNode& node, const Place& place) {
  if (node.type == TextNode::Type::kMap) return true;
  wrong(place, node.line, fmt::format("must be an object, not {}", shown(node)));
  return false;
}

void Filler::unknown_field(const Entry& entry, const Descriptor& type, const Place& place) {
  std::vector<std::string> known;
  known.reserve(static_cast<size_t>(type.field_count()));
  for (int i = 0; i < type.field_count(); ++i) known.push_back(type.field(i)->json_name());
  const auto near = nearest(entry.key, known);
  wrong({&place, entry.key}, entry.line,
        near.empty() ? fmt::format("unknown field; known here: {}", fmt::join(known, ", "))
                     : fmt::format("unknown field; did you mean \"{}\"?", near));
}

void Filler::fill_fields(const TextNode& node, Message& message, const Place& place) {
  const auto* type = message.GetDescriptor();
  std::map<const FieldDescriptor*, int> seen;  // -> line
  for (const auto& entry : node.entries) {
    const Place here{&place, entry.key};
    const auto* field = find_field(*type, entry.key);
    if (field == nullptr) {
      if (!ignore_unknown_) unknown_field(entry, *type, place);
      continue;
    }
    if (const auto [first, fresh] = seen.emplace(field, entry.line); !fresh) {
      wrong(here, entry.line, fmt::format("is given twice, first in line {}", first->second));
      continue;
    }
    if (entry.value.type == TextNode::Type::kNull) {
      const auto empty = empty_value(*field);
      // Elsewhere it is as if it were not there, as in canonical JSON.
      if (!allows_null(*type))
        wrong(here, entry.line,
              empty.empty() ? std::string("has no value; give it one, or leave it out")
                            : fmt::format("has no value; leave it out, or write {}", empty));
      continue;
    }
    const bool status = place.parent == nullptr && entry.key == "status";
    if (status) ignore_unknown_ = true;
    set(entry.value, message, *field, here);
    if (status) ignore_unknown_ = false;
  }
}

void Filler::set(const TextNode& node, Message& message, const Field& field, const Place& place) {
  if (field.is_map()) return set_map(node, message, field, place);
  if (!field.is_repeated()) return set_one(node, message, field, place);
  if (node.type == TextNode::Type::kMap && keyed_by_target(field))
    return set_by_target(node, message, field, place);
  return set_list(node, message, field, place);
}

void Filler::set_map(const TextNode& node, Message& message, const Field& field, const Place& place) {
  if (!is_map(node, place)) return;
  const auto& reflection = *message.GetReflection();
  const auto& value_field = *field.message_type()->map_value();
  const auto& key_field = *field.message_type()->map_key();
  std::map<std::string_view, int> seen;
  for (const auto& entry : node.entries) {
    const Place here{&place, entry.key};
    if (const auto [first, fresh] = seen.emplace(entry.key, entry.line); !fresh) {
      wrong(here, entry.line, fmt::format("is given twice, first in line {}", first->second));
      continue;
    }
    if (entry.value.type == TextNode::Type::kNull) {
      wrong(here, entry.line,
            value_field.cpp_type() == Field::CPPTYPE_STRING ? "has no value; write \"\" for an empty text"
                                                            : "has no value; write {} for an empty object");
      continue;
    }
    auto& added = *reflection.AddMessage(&message, &field);
    added.GetReflection()->SetString(&added, &key_field, entry.key);
    set_one(entry.value, added, value_field, here);
  }
}

void Filler::set_list(const TextNode& node, Message& message, const Field& field, const Place& place) {
  if (node.type != TextNode::Type::kList) {
    return wrong(
        place, node.line,
        fmt::format("must be a list, not {}; write [...] or lines that start with \"- \"", shown(node)));
  }
  const auto& reflection = *message.GetReflection();
  for (size_t i = 0; i < node.items.size(); ++i) {
    const TextNode& item = node.items[i];
    const Place here{&place, {}, static_cast<int>(i)};
    if (item.type == TextNode::Type::kNull) {
      wrong(here, item.line, "has no value");
    } else if (field.cpp_type() == Field::CPPTYPE_MESSAGE) {
      fill(item, *reflection.AddMessage(&message, &field), here);
    } else if (field.cpp_type() == Field::CPPTYPE_STRING && field.type() != Field::TYPE_BYTES) {
      std::string text;
      if (as_string(item, text, here)) reflection.AddString(&message, &field, std::move(text));
    } else {
      wrong(here, item.line, "cannot be given as text");
    }
  }
}

// Score's newer form of files and volumes: an object keyed by target.
void Filler::set_by_target(const TextNode& node, Message& message, const Field& field, const Place& place) {
  const auto& reflection = *message.GetReflection();
  const auto* target = find_field(*field.message_type(), "target");
  std::map<std::string_view, int> seen;
  for (const auto& entry : node.entries) {
    const Place here{&place, entry.key};
    if (const auto [first, fresh] = seen.emplace(entry.key, entry.line); !fresh) {
      wrong(here, entry.line, fmt::format("is given twice, first in line {}", first->second));
    } else if (entry.value.find("target") != nullptr) {
      wrong(here, entry.line, "names its target twice: as its key and as target; leave out target");
    } else {
      auto& added = *reflection.AddMessage(&message, &field);
      fill(entry.value, added, here);
      added.GetReflection()->SetString(&added, target, entry.key);
    }
  }
}

void Filler::set_one(const TextNode& node, Message& message, const Field& field, const Place& place) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case Field::CPPTYPE_MESSAGE:
      return fill(node, *reflection.MutableMessage(&message, &field), place);
    case Field::CPPTYPE_STRING: {
      std::string value;
      if (!as_string(node, value, place)) return;
      if (field.type() == Field::TYPE_BYTES) {
        auto bytes = unbase64(value);
        if (!bytes) return wrong(place, node.line, "is not base64");
        value = *std::move(bytes);
      }
      reflection.SetString(&message, &field, std::move(value));
      return;
    }
    case Field::CPPTYPE_BOOL: {
      bool value = false;
      if (as_bool(node, value, place)) reflection.SetBool(&message, &field, value);
      return;
    }
    case Field::CPPTYPE_UINT32: {
      std::uint32_t value = 0;
      if (as_integer(node, value, place)) reflection.SetUInt32(&message, &field, value);
      return;
    }
    case Field::CPPTYPE_UINT64: {
      std::uint64_t value = 0;
      if (as_integer(node, value, place)) reflection.SetUInt64(&message, &field, value);
      return;
    }
    case Field::CPPTYPE_INT32: {
      std::int32_t value = 0;
      if (as_integer(node, value, place)) reflection.SetInt32(&message, &field, value);
      return;
    }
    case Field::CPPTYPE_INT64: {
      std::int64_t value = 0;
      if (as_integer(node, value, place)) reflection.SetInt64(&message, &field, value);
      return;
    }
    default:
      break;
  }
  wrong(place, node.line, "cannot be given as text");
}

void Filler::fill(const TextNode& node, Message& message, const Place& place) {
  const auto* type = message.GetDescriptor();
  if (type == Struct::descriptor()) {
    if (is_map(node, place)) fill_struct(node, message, place);
  } else if (type == Value::descriptor()) {
    fill_value(node, message, place);
  } else if (type == Timestamp::descriptor()) {
    auto& time = static_cast<Timestamp&>(message);
    if (node.type != TextNode::Type::kString ||
        !google::protobuf::util::TimeUtil::FromString(node.text, &time))
      wrong(place, node.line, fmt::format("must be a time like 2026-01-31T12:00:00Z, not {}", shown(node)));
  } else if (is_map(node, place)) {
    fill_fields(node, message, place);
  }
}

void Filler::fill_struct(const TextNode& node, Message& message, const Place& place) {
  auto& fields = *static_cast<Struct&>(message).mutable_fields();
  for (const auto& entry : node.entries) {
    const Place here{&place, entry.key};
    if (fields.contains(entry.key)) {
      wrong(here, entry.line, "is given twice");
      continue;
    }
    fill_value(entry.value, fields[entry.key], here);
  }
}

void Filler::fill_value(const TextNode& node, Message& message, const Place& place) {
  auto& value = static_cast<Value&>(message);
  switch (node.bare ? type_of_bare(node.text) : node.type) {
    case TextNode::Type::kNull:
      value.set_null_value(google::protobuf::NULL_VALUE);
      return;
    case TextNode::Type::kBool:
      value.set_bool_value(node.text[0] == 't' || node.text[0] == 'T');
      return;
    case TextNode::Type::kNumber:
      if (const auto number = to_number(node.text)) {
        value.set_number_value(*number);
      } else {
        wrong(place, node.line,
              fmt::format("{} has too many digits for a number; put it in quotes", node.text));
      }
      return;
    case TextNode::Type::kString:
      if (node.bare && (node.text.ends_with(".inf") || node.text == ".nan" || node.text == ".NaN"))
        return wrong(place, node.line, fmt::format("{} is not a number that can be stored", node.text));
      value.set_string_value(node.text);
      return;
    case TextNode::Type::kMap:
      return fill_struct(node, *value.mutable_struct_value(), place);
    case TextNode::Type::kList: {
      auto& list = *value.mutable_list_value();
      for (size_t i = 0; i < node.items.size(); ++i)
        fill_value(node.items[i], *list.add_values(), {&place, {}, static_cast<int>(i)});
      return;
    }
  }
}

bool Filler::as_string(const TextNode& node, std::string& out, const Place& place) {
  if (node.type != TextNode::Type::kString) {
    // Not shown: it may be a secret.
    const bool scalar = node.type == TextNode::Type::kNumber || node.type == TextNode::Type::kBool;
    wrong(place, node.line,
          scalar ? std::string("must be a text; put it in quotes")
                 : fmt::format("must be a text, not {}", shown(node)));
    return false;
  }
  if (is_bare(node, TextNode::Type::kBool)) {
    wrong(place, node.line,
          fmt::format("must be a text, and {0} without quotes is none; write \"{0}\"", node.text));
    return false;
  }
  out = node.text;
  return true;
}

bool Filler::as_bool(const TextNode& node, bool& out, const Place& place) {
  if (node.type == TextNode::Type::kBool || is_bare(node, TextNode::Type::kBool)) {
    out = node.text[0] == 't' || node.text[0] == 'T';
    return true;
  }
  wrong(place, node.line, fmt::format("must be true or false, not {}", shown(node)));
  return false;
}

template <class T>
bool Filler::as_integer(const TextNode& node, T& out, const Place& place) {
  // Canonical JSON writes 64 bits as text, and nothing else.
  constexpr bool kAsText = sizeof(T) == 8;
  if (node.type == TextNode::Type::kString && !node.bare && !kAsText &&
      type_of_bare(node.text) == TextNode::Type::kNumber) {
    wrong(place, node.line,
          fmt::format("must be a whole number, and \"{0}\" is a text; write {0}", node.text));
    return false;
  }
  if (node.type == TextNode::Type::kNumber || node.type == TextNode::Type::kString) {
    const auto* end = node.text.data() + node.text.size();
    const auto [stop, error] = std::from_chars(node.text.data(), end, out);
    const bool leading_zero = node.text.size() > 1 && node.text[0] == '0';
    if (stop == end && error == std::errc{} && !leading_zero) return true;
    if (stop == end && error == std::errc::result_out_of_range) {
      wrong(place, node.line,
            fmt::format("{} is too large; at most {}", shown(node), std::numeric_limits<T>::max()));
      return false;
    }
    if (std::numeric_limits<T>::min() == 0 && node.text.size() > 1 && node.text[0] == '-' &&
        type_of_bare(node.text) == TextNode::Type::kNumber) {
      wrong(place, node.line, fmt::format("must not be negative, and is {}", node.text));
      return false;
    }
  }
  wrong(place, node.line, fmt::format("must be a whole number, not {}", shown(node)));
  return false;
}

}  // namespace qleet::model
