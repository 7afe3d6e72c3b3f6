// Errors as RFC 9457 problem details.
#pragma once

#include <string>
#include <string_view>

#include "common/result/result.h"
#include "hub/api/message.h"

namespace qleet::hub::api {

// The published word for a code ("Invalid", "NotFound", ...): member `code` of a problem.
std::string_view code_name(Code code);

// The one place that maps a code to an HTTP status.
int status_of(Code code);

// application/problem+json {type, title, status, detail, code, errors: [{field, message, line}]}.
Response problem(const Error& error);
// For conditions that HTTP knows and Code does not (405, 415, 431, ...).
Response problem(int status, std::string_view code, std::string_view detail);
// 503, to be tried again soon.
Response unavailable(std::string_view why);

std::string_view status_title(int status);

}  // namespace qleet::hub::api
