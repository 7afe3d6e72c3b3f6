// What bodies may be, and how answers are written: JSON or YAML, by the request's own headers.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/model.h"
#include "common/result/result.h"
#include "hub/api/message.h"

namespace qleet::hub::api {

enum class Format { kJson, kYaml };

// nullopt: the client accepts nothing that the API can write (406).
std::optional<Format> accepted_format(std::string_view accept);
// False for a body that is surely neither JSON nor YAML (415). Forms are let through: it is what curl says of
// JSON given with -d.
bool acceptable_body(std::string_view content_type);

// In the format that the request accepts.
Response answer(const Request& request, const google::protobuf::Message& message, int status = 200);
Response answer_json(std::string json, int status = 200);

// Several objects from the body; kInvalid when it is empty.
Result<std::vector<model::Object>> read_objects(const Request& request);
// A message from the body; an empty body is an empty message.
Result<> read_message(const Request& request, google::protobuf::Message& message);

// Query parameters. kInvalid names the parameter.
Result<bool> flag(const Request& request, std::string_view name);
Result<std::optional<std::uint64_t>> number(const Request& request, std::string_view name,
                                            std::uint64_t maximum);
// kInvalid, with the nearest known one, when the request has a query parameter beside `known`.
Result<> only_parameters(const Request& request, std::initializer_list<std::string_view> known);

}  // namespace qleet::hub::api
