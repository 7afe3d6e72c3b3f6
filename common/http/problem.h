// What a peer that speaks RFC 9457 (application/problem+json) says when it refuses.
#pragma once

#include "common/http/client.h"
#include "common/result/result.h"

namespace qleet::http {

// For a response that is not ok(): the code that fits its status, the problem's detail (else its title), and
// its `errors` as field errors. Of a body that is no problem nothing is repeated.
Error error_of(const Response& response);

}  // namespace qleet::http
