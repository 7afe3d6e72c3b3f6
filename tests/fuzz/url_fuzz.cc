// Addresses as people, files and the environment give them: a URL, a proxy, exceptions from it, a
// fingerprint, a NATS server; a line each.
#include "common/bus/nats_options.h"
#include "common/http/client.h"
#include "common/http/pin.h"
#include "common/http/proxy.h"
#include "common/http/url.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;

namespace {

bool is_line(std::string_view text) {
  return text.find_first_of(std::string_view(" \r\n\t\0", 5)) == std::string_view::npos;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  const std::string text(fuzz::take_until(rest, '\n'));
  const std::string proxy(fuzz::take_until(rest, '\n'));
  const std::string exceptions(fuzz::take_until(rest, '\n'));
  if (const auto url = http::parse_url(text)) {
    fuzz::must(!url->host.empty() && is_line(url->host) && is_line(url->authority), "a host: " + text);
    fuzz::must(url->target.starts_with('/') && is_line(url->target), "a target: " + text);
    fuzz::must(!url->port.empty() && std::stoi(url->port) <= 65535, "a port: " + text);
    fuzz::must(!url->authority.contains('@'), "no credentials: " + text);
    const auto again = http::parse_url(url->origin() + url->target);
    fuzz::must(again && again->host == url->host && again->port == url->port && again->tls == url->tls &&
                   again->target == url->target,
               "what it means, written again, means the same: " + text);
    const auto chosen = http::proxy_for(*url, [&](const char* name) -> const char* {
      const std::string_view variable = name;
      if (variable == "HTTPS_PROXY") return proxy.c_str();
      return variable == "NO_PROXY" ? exceptions.c_str() : nullptr;
    });
    if (chosen && *chosen)
      fuzz::must(!(*chosen)->host.empty() && is_line((*chosen)->host) &&
                     (*chosen)->authorization.find_first_of("\r\n") == std::string::npos,
                 "a proxy: " + proxy);
  }
  const auto encoded = http::encode(text);
  fuzz::must(is_line(encoded) && encoded.find_first_of("/?#&=@") == std::string::npos, "encoded: " + encoded);
  const auto fingerprint = http::normal_fingerprint(proxy);
  fuzz::must(fingerprint.empty() || fingerprint.size() == 64, "a fingerprint or none");
  NatsOptions nats;
  nats.urls = {text};
  nats.name = exceptions;
  if (check(nats)) {
    const auto address = nats_address(text);
    fuzz::must(address && is_line(address->host) && std::stoi(address->port) <= 65535, "a server: " + text);
  }
  return 0;
}
