#include "common/template/route_address.h"

#include <fmt/format.h>

#include <algorithm>

namespace qleet::templates {

namespace {

constexpr std::size_t kLongestName = 253;  // as in DNS
constexpr std::size_t kLongestLabel = 63;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool plain(std::string_view text, std::string_view more) {
  return std::ranges::all_of(
      text, [&](char c) { return is_letter_or_digit(c) || more.find(c) != std::string_view::npos; });
}

bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::unexpected<Error> wrong(std::string message) { return fail(Code::kInvalid, std::move(message)); }

// What is likely meant by a URL, or by a host with a port.
std::string_view host_part(std::string_view text) {
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  return text.substr(0, text.find_first_of("/:?#"));
}

Result<> check_labels(std::string_view host) {
  if (host.size() > kLongestName)
    return wrong(fmt::format("has {} characters, a host name at most {}", host.size(), kLongestName));
  while (true) {
    const std::size_t dot = host.find('.');
    const auto label = host.substr(0, dot);
    if (label.empty()) return wrong("has two dots in a row, or begins with one");
    if (label.size() > kLongestLabel)
      return wrong(fmt::format("\"{}\" has {} characters, a part of a host name between dots at most {}",
                               label, label.size(), kLongestLabel));
    if (dot == std::string_view::npos) return {};
    host.remove_prefix(dot + 1);
  }
}

}  // namespace

Result<std::string> route_host(std::string_view written) {
  if (written.empty()) return std::string();
  if (std::ranges::any_of(written, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    return wrong("must be written in ASCII: an international name in its form that begins with \"xn--\"");
  if (!printable(written)) return wrong("holds a line break or another control character");
  if (written.find_first_of("/?#") != std::string_view::npos)
    return wrong(
        fmt::format("\"{}\" is a URL or has a path: write the host alone, \"{}\", and the path under path",
                    written, host_part(written)));
  if (written.find(':') != std::string_view::npos)
    return wrong(fmt::format("\"{}\" has a port: write \"{}\"; routes answer on the port of their router",
                             written, host_part(written)));
  std::string host(written);
  std::ranges::transform(host, host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (host.ends_with('.')) host.pop_back();
  const std::string_view name = is_wildcard(host) ? wildcard_of(host) : std::string_view(host);
  if (name.find('*') != std::string_view::npos)
    return wrong(
        "may have \"*\" as its whole first part alone, as in \"*.shop.example\"; leave host out for any");
  if (!plain(name, "-._") || name.starts_with('-'))
    return wrong("must be a host name of letters, digits, \"-\" and \".\", such as \"shop.example\"");
  TRY(check_labels(name));
  return host;
}

Result<std::string> route_path(std::string_view written) {
  std::string path(written.empty() ? "/" : written);
  // It goes into a configuration file: nothing that could end a word there.
  if (!path.starts_with('/') || !plain(path, "/-._~%+@:,="))
    return wrong("must start with \"/\" and hold no spaces, quotes or wildcards");
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace qleet::templates
