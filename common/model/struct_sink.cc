#include <charconv>

#include "common/model/sink.h"

namespace qleet::model {

using google::protobuf::Value;

Value& StructSink::slot() {
  if (open_.empty()) return root_;
  Value& parent = *open_.back();
  if (parent.has_list_value()) return *parent.mutable_list_value()->add_values();
  return (*parent.mutable_struct_value()->mutable_fields())[key_];
}

void StructSink::begin_map(bool) {
  Value& value = slot();
  value.mutable_struct_value();
  open_.push_back(&value);
}

void StructSink::key(std::string_view name) { key_ = name; }
void StructSink::end_map() { open_.pop_back(); }

void StructSink::begin_list(bool) {
  Value& value = slot();
  value.mutable_list_value();
  open_.push_back(&value);
}

void StructSink::end_list() { open_.pop_back(); }

void StructSink::string(std::string_view text) { slot().set_string_value(std::string(text)); }

void StructSink::literal(std::string_view text) {
  Value& value = slot();
  if (text == "null") {
    value.set_null_value(google::protobuf::NULL_VALUE);
  } else if (text == "true" || text == "false") {
    value.set_bool_value(text == "true");
  } else {
    double number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    value.set_number_value(number);
  }
}

}  // namespace qleet::model
