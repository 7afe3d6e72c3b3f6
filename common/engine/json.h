// Reading what an engine answers: a field that is absent, null or of another type reads as empty, since
// Docker and Podman leave out different ones.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/engine/types.h"
#include "common/result/result.h"

namespace qleet::containers::read {

inline const boost::json::value* find(const boost::json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  return object ? object->if_contains(key) : nullptr;
}

inline std::string text(const boost::json::value& value, std::string_view key) {
  const auto* found = find(value, key);
  const auto* string = found ? found->if_string() : nullptr;
  return string ? std::string(string->data(), string->size()) : std::string();
}

inline std::int64_t integer(const boost::json::value& value, std::string_view key) {
  const auto* found = find(value, key);
  if (!found) return 0;
  if (const auto* number = found->if_int64()) return *number;
  if (const auto* number = found->if_uint64()) return static_cast<std::int64_t>(*number);
  // Beyond what an int64 holds a conversion would be undefined.
  constexpr double kMost = 9e18;
  if (const auto* number = found->if_double(); number && *number > -kMost && *number < kMost)
    return static_cast<std::int64_t>(*number);
  return 0;
}

inline bool boolean(const boost::json::value& value, std::string_view key) {
  const auto* found = find(value, key);
  const auto* flag = found ? found->if_bool() : nullptr;
  return flag && *flag;
}

// Null where there is none: every reader here takes that.
inline const boost::json::value& at(const boost::json::value& value, std::string_view key) {
  static const boost::json::value kNull;
  const auto* found = find(value, key);
  return found ? *found : kNull;
}

inline std::vector<std::string> texts(const boost::json::value& value, std::string_view key) {
  std::vector<std::string> out;
  const auto* found = find(value, key);
  const auto* array = found ? found->if_array() : nullptr;
  if (!array) return out;
  for (const auto& item : *array) {
    if (const auto* string = item.if_string()) out.emplace_back(string->data(), string->size());
  }
  return out;
}

inline Labels labels(const boost::json::value& value, std::string_view key) {
  Labels out;
  const auto* found = find(value, key);
  const auto* object = found ? found->if_object() : nullptr;
  if (!object) return out;
  for (const auto& item : *object) {
    if (const auto* string = item.value().if_string()) {
      out.emplace(item.key(), std::string(string->data(), string->size()));
    }
  }
  return out;
}

inline Result<boost::json::value> parse(std::string_view body) {
  boost::system::error_code error;
  auto value = boost::json::parse(body, error);
  if (error) return fail(Code::kUnavailable, "the container engine answered with something that is no JSON");
  return value;
}

}  // namespace qleet::containers::read
