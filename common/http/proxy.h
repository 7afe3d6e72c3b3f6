// Whether an https peer is reached through a proxy: HTTPS_PROXY, ALL_PROXY and NO_PROXY (or their lower-case
// forms), as other programs read them. Plain http is always direct: it is spoken to what is near (probes).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/http/url.h"
#include "common/result/result.h"

namespace qleet::http {

struct Proxy {
  std::string host;
  std::string port;
  std::string authorization;  // for Proxy-Authorization; empty: none
};

// The environment's variables, by name; null where one is not set.
using Environment = std::function<const char*(const char*)>;

// nullopt: direct. kInvalid: the variable names no proxy that can be used (http://[user:password@]host:port).
Result<std::optional<Proxy>> proxy_for(const Url& url, const Environment& environment);

}  // namespace qleet::http
