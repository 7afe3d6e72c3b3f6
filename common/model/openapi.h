// An OpenAPI 3.1 document out of the schema: what every kind looks like, its CRUD, and whatever else the API
// offers.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace qleet::model {

struct ApiParameter {
  std::string_view name;
  std::string_view type;  // JSON Schema's: string, integer, boolean
  std::string_view description;
  std::string_view in = "query";  // or header; those of the path are found in it
  bool required = false;
};

// An operation that is not the plain list, get, create, update and delete of a kind. What the views refer to
// must outlive the call of openapi() alone.
struct ApiOperation {
  std::string_view method;  // "POST"
  std::string_view path;    // "/v1/applications/{application}/approve"
  std::string_view id;      // "approve": unique in the document
  std::string_view summary;
  std::vector<ApiParameter> parameters = {};
  const google::protobuf::Descriptor* request = nullptr;   // null: no body, unless objects
  bool objects = false;                                    // the body is one or several objects of any kind
  const google::protobuf::Descriptor* response = nullptr;  // null: no JSON
  std::string_view response_type =
      "application/json";  // where response is null: "text/plain", or empty for no body
  int status = 200;
  // Other statuses that come with the same response, and what they say.
  std::vector<std::pair<int, std::string_view>> also = {};
  bool open = false;  // asks for no token
};

struct ApiInfo {
  std::string_view title;
  std::string_view version;
  std::string_view description;
};

// As JSON. The same input gives the same bytes.
std::string openapi(const ApiInfo& info, const std::vector<ApiOperation>& operations);

}  // namespace qleet::model
