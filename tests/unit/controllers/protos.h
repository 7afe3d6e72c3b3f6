// Messages written as JSON, in tests.
#pragma once

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <stdexcept>
#include <string>

namespace qleet::tests {

template <class T>
T from_json(const std::string& json) {
  T message;
  const auto done = google::protobuf::util::JsonStringToMessage(json, &message);
  if (!done.ok()) throw std::invalid_argument(done.ToString() + ": " + json);
  return message;
}

inline std::string as_json(const google::protobuf::Message& message) {
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json).ok()) return "?";
  return json;
}

}  // namespace qleet::tests
