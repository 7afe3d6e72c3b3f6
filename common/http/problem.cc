#include "common/http/problem.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>

namespace qleet::http {
namespace {

Code code_of_status(int status) {
  switch (status) {
    case 400:
    case 415:
    case 422:
      return Code::kInvalid;
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kDenied;
    case 404:
    case 405:
      return Code::kNotFound;
    case 409:
    case 412:
      return Code::kConflict;
    case 410:
      return Code::kCompacted;
    case 413:
      return Code::kTooLarge;
    case 429:
      return Code::kExhausted;
    case 507:
      return Code::kFull;
    case 501:
      return Code::kUnsupported;
    case 502:
    case 503:
      return Code::kUnavailable;
    case 504:
      return Code::kDeadline;
    default:
      return Code::kInternal;
  }
}

std::string text_of(const google::protobuf::Struct& object, const std::string& field) {
  const auto it = object.fields().find(field);
  return it != object.fields().end() && it->second.has_string_value() ? it->second.string_value() : "";
}

}  // namespace

Error error_of(const Response& response) {
  Error error{code_of_status(response.status), {}, {}};
  google::protobuf::Struct problem;
  if (!google::protobuf::util::JsonStringToMessage(response.body, &problem).ok()) {
    error.message = "the answer has status " + std::to_string(response.status);
    return error;
  }
  error.message = text_of(problem, "detail");
  if (error.message.empty()) error.message = text_of(problem, "title");
  const auto it = problem.fields().find("errors");
  if (it != problem.fields().end()) {
    for (const auto& value : it->second.list_value().values()) {
      const auto& item = value.struct_value();
      FieldError field{text_of(item, "field"), text_of(item, "message")};
      if (const auto line = item.fields().find("line"); line != item.fields().end())
        field.line = static_cast<int>(std::clamp(line->second.number_value(), 0.0, 1e9));
      error.fields.push_back(std::move(field));
    }
  }
  return error;
}

}  // namespace qleet::http
