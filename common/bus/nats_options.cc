#include "common/bus/nats_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/bus/subject.h"

namespace qleet {
namespace {

bool is_host(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7f; }) &&
         text.find_first_of("/[]?#") == std::string_view::npos;
}

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number > 0 && number <= 65'535;
}

}  // namespace

Result<NatsAddress> nats_address(std::string_view url) {
  std::string_view rest = url;
  if (rest.starts_with("nats://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("tls://")) {
    rest.remove_prefix(6);
  } else {
    return fail(Code::kInvalid, fmt::format("\"{}\" does not begin with nats:// or tls://", url));
  }
  // Not repeated: it holds a password.
  if (rest.contains('@')) return fail(Code::kInvalid, "a server's address holds no credentials");
  if (rest.ends_with('/')) rest.remove_suffix(1);
  NatsAddress out{.host = {}, .port = "4222"};
  if (rest.starts_with('[')) {
    const auto close = std::min(rest.find(']'), rest.size() - 1);
    out.host = rest.substr(1, close - 1);
    rest.remove_prefix(close + (rest[close] == ']' ? 1 : 0));
  } else {
    out.host = rest.substr(0, rest.find(':'));
    rest.remove_prefix(out.host.size());
  }
  if (rest.starts_with(':')) {
    out.port = rest.substr(1);
    rest = {};
  }
  if (!rest.empty() || !is_host(out.host) || !is_port(out.port))
    return fail(Code::kInvalid,
                fmt::format("\"{}\" is not written nats://HOST:PORT or tls://HOST:PORT", url));
  return out;
}

Result<> check(const NatsOptions& options) {
  if (options.urls.empty()) return fail(Code::kInvalid, "urls: at least one is needed");
  for (const auto& url : options.urls) {
    if (const auto address = nats_address(url); !address)
      return std::unexpected(wrap(address.error(), "urls"));
  }
  if (!is_subject_token(options.name)) {
    return fail(Code::kInvalid,
                fmt::format("name: \"{}\" is not one token (letters, digits, - and _)", options.name));
  }
  if (options.user_jwt.empty() != options.user_seed.empty()) {
    return fail(Code::kInvalid, "user_jwt and user_seed: one needs the other");
  }
  if (options.tls_certificate_pem.empty() != options.tls_key_pem.empty()) {
    return fail(Code::kInvalid, "tls_certificate_pem and tls_key_pem: one needs the other");
  }
  return {};
}

NatsOptions small_nats_options() {
  NatsOptions options;
  options.io_buffer_bytes = 4 * 1024;
  return options;
}

}  // namespace qleet
