#include "common/engine/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/engine/json.h"
#include "common/model/image_name.h"
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

namespace {

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return has(text, part); });
}

// Why nobody could ask the registry for the image, and what to do; empty where it was asked.
std::string why_not_asked(std::string_view registry, bool named, std::string_view message) {
  // The image's author may have meant another one.
  const std::string_view doubt =
      named ? "" : ", or write the name with the registry that has it, as in registry.example/shop/web";
  if (has(message, "connection refused"))
    return fmt::format(
        "its registry {} refuses the connection: nothing listens there; start it, or correct "
        "the address in the image's name{}",
        registry, doubt);
  if (has_any(message, {"no such host", "server misbehaving", "name resolution"}))
    return fmt::format(
        "its registry {} has no address (no such host): correct the image's name, or the name "
        "service of the region's host{}",
        registry, doubt);
  if (has_any(message, {"HTTP response to HTTPS client", "does not look like a TLS handshake"}))
    return fmt::format(
        "its registry {} speaks no TLS, and is not configured on the region's host as one that "
        "may do so: start the agent with --insecure-registry {} (Docker: insecure-registries "
        "in daemon.json), or give the registry a certificate",
        registry, registry);
  if (has(message, "x509:"))
    return fmt::format(
        "the certificate of its registry {} is not trusted on the region's host: put the CA "
        "that issued it into /etc/containers/certs.d/{} (Docker: /etc/docker/certs.d/{})",
        registry, registry, registry);
  if (has_any(message, {"short-name", "unqualified-search"}))
    return "its name has no registry, and none is configured on the region's host to look in: write the name "
           "with its registry, as in registry.example/shop/web, or start the agent with --search-registry";
  if (has_any(message, {"i/o timeout", "deadline exceeded", "Client.Timeout", "no route to host",
                        "network is unreachable", "connection reset"}))
    return fmt::format(
        "its registry {} does not answer: look at the network between the region's host and "
        "it{}",
        registry, doubt);
  return {};
}

}  // namespace

Error pull_refused(std::string_view image, std::string_view message) {
  const std::string in_name = model::registry_of(image);
  const std::string registry = in_name.empty() ? "docker.io" : in_name;
  const auto error = [&](Code code, std::string_view reason, std::string_view what) {
    return Error{code, fmt::format("image {}: {}", image, what), {}, std::string(reason)};
  };
  if (const auto why = why_not_asked(registry, !in_name.empty(), message); !why.empty())
    return error(Code::kUnavailable, reasons::kRegistryUnreachable, why);
  if (has_any(message, {"unauthorized", "authentication required", "no basic auth credentials"}))
    return error(Code::kDenied, reasons::kImageRefused,
                 fmt::format("its registry {} wants credentials (401 unauthorized): give the region's agent "
                             "some that may pull it (--registry-auth), or name another image",
                             registry));
  if (has_any(message, {"denied", "forbidden"}))
    return error(Code::kDenied, reasons::kImageRefused,
                 fmt::format("its registry {} does not let this agent pull it (403 forbidden), or does not "
                             "have it: give the region's agent credentials that may pull it "
                             "(--registry-auth), or name another image",
                             registry));
  if (has_any(message, {"toomanyrequests", "too many requests"}))
    return error(Code::kExhausted, reasons::kImageRefused,
                 fmt::format("its registry {} allows no more pulls for now (429): it is tried again; "
                             "credentials (--registry-auth) commonly allow more",
                             registry));
  if (has_any(message, {"manifest unknown", "not found", "name unknown"}))
    return error(Code::kNotFound, reasons::kImageMissing,
                 fmt::format("it is neither on this host nor in its registry {} (404): push it, or correct "
                             "its name or tag",
                             registry));
  return error(Code::kUnavailable, reasons::kImageMissing,
               fmt::format("could not be pulled: {}", message.substr(0, 300)));
}

}  // namespace qleet::containers
