// The API's own description.
#pragma once

#include <string>

namespace qleet::hub::api {

// OpenAPI 3.1 as JSON: the kinds out of the schema, the other operations as listed here.
std::string openapi_document();

}  // namespace qleet::hub::api
