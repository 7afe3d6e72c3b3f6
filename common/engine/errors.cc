#include "common/engine/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/engine/json.h"
#include "common/model/reasons.h"

namespace qleet::containers {

namespace {

bool has(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

Code code_of(int status) {
  switch (status) {
    case 400:
      return Code::kInvalid;
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kDenied;
    case 404:
      return Code::kNotFound;
    case 409:
      return Code::kConflict;
    case 503:
      return Code::kUnavailable;
    default:
      // Engines answer 500 for what passes (a busy layer, a lock) and for what does not, without a
      // difference.
      return status >= 500 ? Code::kUnavailable : Code::kInvalid;
  }
}

}  // namespace

Error refused(int status, std::string_view body, std::string_view what) {
  std::string message;
  if (const auto document = read::parse(body)) message = read::text(*document, "message");
  if (message.empty()) message = std::string(body.substr(0, 300));
  Error error{code_of(status), fmt::format("{}: {}", what, message), {}, {}};

  if (has(message, "error setting rlimit") || has(message, "setrlimit")) {
    error.code = Code::kInvalid;
    error.reason = reasons::kLimitRefused;
    const char* which = has(message, "rlimit type 7")   ? "open files (nofile)"
                        : has(message, "rlimit type 6") ? "processes (nproc)"
                                                        : "a resource limit";
    error.message = fmt::format(
        "{}: this host refuses the asked-for limit on {}; ask for less under ulimits, or raise the hard "
        "limit "
        "of the container engine's service",
        what, which);
  } else if (has(message, "address already in use") || has(message, "port is already allocated")) {
    error.code = Code::kUnavailable;
    error.reason = reasons::kPortInUse;
  } else if (has(message, "netavark:") || has(message, "iptables:") || has(message, "iptables failed")) {
    // The host's rules were being changed by somebody else, too ("Chain already exists"): that passes, and is
    // not about a name.
    error.code = Code::kUnavailable;
  } else if (has(message, "no such container") || has(message, "no such volume") ||
             has(message, "network not found")) {
    // Podman answers 500 where it goes away while it is being looked at.
    error.code = Code::kNotFound;
  } else if (has(message, "no such image") || has(message, "image not known")) {
    error.code = Code::kNotFound;
    error.reason = reasons::kImageMissing;
  } else if (has(message, "already in use") || has(message, "already used") ||
             has(message, "already exists")) {
    error.code = Code::kExists;
  }
  return error;
}

Error pull_refused(std::string_view image, std::string_view message) {
  const auto refusal = [&](std::string_view status) {
    return Error{
        Code::kDenied,
        fmt::format("image {} was refused by its registry ({}); let the agent's host log in there, or "
                    "name another image",
                    image, status),
        {},
        std::string(reasons::kImageRefused)};
  };
  if (has(message, "unauthorized") || has(message, "authentication required"))
    return refusal("401 unauthorized");
  if (has(message, "denied") || has(message, "forbidden")) return refusal("403 forbidden");
  if (has(message, "toomanyrequests") || has(message, "too many requests")) {
    return {Code::kExhausted,
            fmt::format("image {}: its registry allows no more pulls for now (429)", image),
            {},
            std::string(reasons::kImageRefused)};
  }
  if (has(message, "manifest unknown") || has(message, "not found") || has(message, "name unknown")) {
    return {Code::kNotFound,
            fmt::format("image {} is neither on this host nor in its registry (404)", image),
            {},
            std::string(reasons::kImageMissing)};
  }
  const bool unreachable = has(message, "connection refused") || has(message, "no such host") ||
                           has(message, "i/o timeout") || has(message, "no route to host") ||
                           has(message, "network is unreachable") || has(message, "deadline exceeded");
  return {Code::kUnavailable,
          unreachable ? fmt::format("image {} is not on this host and its registry cannot be reached", image)
                      : fmt::format("image {} could not be pulled: {}", image, message.substr(0, 300)),
          {},
          std::string(reasons::kImageMissing)};
}

}  // namespace qleet::containers
