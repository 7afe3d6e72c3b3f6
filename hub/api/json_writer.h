// Writes small JSON answers that are no protobuf messages: problems, list envelopes, versions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qleet::hub::api {

// A JSON string literal, quotes included. Bytes that are no UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

// Builds one JSON text. Keys in the order given; the caller keeps objects and arrays balanced.
class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view value);
  JsonWriter& number(std::int64_t value);
  JsonWriter& boolean(bool value);
  JsonWriter& raw(std::string_view json);  // an already written JSON value
  std::string take() { return std::move(text_); }

 private:
  void separate();

  std::string text_;
  bool comma_ = false;
};

}  // namespace qleet::hub::api
