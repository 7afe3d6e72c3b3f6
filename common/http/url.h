// What of a URL an exchange needs.
#pragma once

#include <string>
#include <string_view>

#include "common/result/result.h"

namespace qleet::http {

struct Url {
  bool tls = false;
  std::string host;       // an IPv6 address without brackets
  std::string port;       // the scheme's own where none is written
  std::string authority;  // for the Host header: as written, without credentials
  std::string target;     // path and query, at least "/"

  // Connections to the same origin may be shared.
  std::string origin() const { return (tls ? "https://" : "http://") + authority; }
};

// kInvalid: neither http nor https, no host, a bad port, or credentials in it.
Result<Url> parse_url(std::string_view text);

}  // namespace qleet::http
