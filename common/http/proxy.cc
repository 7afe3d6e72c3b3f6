#include "common/http/proxy.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <string_view>

namespace qleet::http {
namespace {

std::string_view variable(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const char* value = environment(name); value && *value != '\0') return value;
  return {};
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host.starts_with("127.") || host == "::1";
}

// Names that it lists, everything below them, or all with "*".
bool excepted(std::string_view list, std::string_view host) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    auto entry = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (entry.starts_with(' ') || entry.starts_with('.')) entry.remove_prefix(1);
    while (entry.ends_with(' ')) entry.remove_suffix(1);
    if (entry.empty()) continue;
    if (entry == "*" || entry == host) return true;
    if (host.size() > entry.size() && host.ends_with(entry) && host[host.size() - entry.size() - 1] == '.')
      return true;
  }
  return false;
}

std::string basic(std::string_view credentials) {
  std::string encoded(4 * ((credentials.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                   reinterpret_cast<const unsigned char*>(credentials.data()),
                                   static_cast<int>(credentials.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return "Basic " + encoded;
}

}  // namespace

Result<std::optional<Proxy>> proxy_for(const Url& url, const Environment& environment) {
  if (!url.tls || is_loopback(url.host)) return std::nullopt;
  std::string_view text = variable(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  if (text.empty() || excepted(variable(environment, {"no_proxy", "NO_PROXY"}), url.host))
    return std::nullopt;

  Proxy proxy;
  const auto scheme = text.find("://");
  std::string address(scheme == std::string_view::npos ? text : text.substr(scheme + 3));
  if (scheme != std::string_view::npos && text.substr(0, scheme) != "http")
    return fail(Code::kInvalid, "HTTPS_PROXY: only a proxy at http://host:port can be used");
  if (const auto at = address.rfind('@'); at != std::string::npos) {
    proxy.authorization = basic(address.substr(0, at));
    address.erase(0, at + 1);
  }
  auto parsed = parse_url("http://" + address);
  if (!parsed) return fail(Code::kInvalid, "HTTPS_PROXY: " + parsed.error().message);
  proxy.host = std::move(parsed->host);
  proxy.port = std::move(parsed->port);
  return proxy;
}

}  // namespace qleet::http
