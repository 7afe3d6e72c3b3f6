#include "common/http/url.h"

#include <algorithm>

namespace qleet::http {
namespace {

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         text.find_first_not_of("0123456789") == std::string_view::npos &&
         std::stoi(std::string(text)) <= 65535;
}

bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const auto bad = [](const char* why) { return fail(Code::kInvalid, why); };
  Url url;
  if (text.starts_with("https://")) {
    url.tls = true;
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return bad("it begins with neither http:// nor https://");
  }
  if (!printable(text)) return bad("it holds a space or a control character");
  const auto end = std::min(text.find_first_of("/?#"), text.size());
  const auto authority = text.substr(0, end);
  auto target = text.substr(end);
  target = target.substr(0, target.find('#'));
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  if (authority.contains('@')) return bad("it holds credentials; send them as a header");
  url.authority = authority;

  std::string_view host = authority;
  std::string_view port;
  if (host.starts_with('[')) {
    const auto close = host.find(']');
    if (close == std::string_view::npos) return bad("its address has no closing bracket");
    port = host.substr(close + 1);
    host = host.substr(1, close - 1);
    if (!port.empty() && !port.starts_with(':'))
      return bad("something other than a port follows its address");
  } else if (const auto colon = host.rfind(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
    if (host.contains(':')) return bad("an IPv6 address is written in brackets");
  }
  if (host.empty()) return bad("it names no host");
  if (!port.empty() && !is_port(port.substr(1))) return bad("its port is no number from 0 to 65535");
  url.host = host;
  url.port = port.empty() ? (url.tls ? "443" : "80") : std::string(port.substr(1));
  return url;
}

}  // namespace qleet::http
