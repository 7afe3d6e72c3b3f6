#include "providers/route/template.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/template/fields.h"

namespace qleet::route {

namespace {

using templates::check;
using templates::Fields;

bool plain(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || more.find(c) != std::string_view::npos;
  });
}

}  // namespace

Result<Kind> kind_of(const ProviderResource& resource) {
  std::vector<FieldError> errors;
  Fields fields(resource.template_, "template", errors);
  const std::string kind = fields.text("kind", resource.type);
  if (kind == "router") return Kind::kRouter;
  if (kind == "route") return Kind::kRoute;
  fields.wrong("kind", fmt::format("\"{}\" is neither router nor route", kind));
  TRY(check(std::move(errors)));
  return Kind::kRoute;
}

Result<RouterSpec> parse_router(const google::protobuf::Struct& object) {
  std::vector<FieldError> errors;
  Fields fields(object, "template", errors);
  fields.only({"kind", "image", "listen", "port", "network", "memory"});
  RouterSpec out;
  out.image = fields.required("image");
  out.listen = fields.text("listen", out.listen);
  in_addr address{};
  if (::inet_pton(AF_INET, out.listen.c_str(), &address) != 1) {
    fields.wrong("listen", "must be an IPv4 address of this host, or 0.0.0.0 for all of them");
  }
  out.port = static_cast<std::uint16_t>(fields.number("port", 1, 65535).value_or(out.port));
  out.memory = fields.text("memory");
  TRY(check(std::move(errors)));
  return out;
}

Result<RouteSpec> parse_route(const google::protobuf::Struct& object) {
  std::vector<FieldError> errors;
  Fields fields(object, "template", errors);
  fields.only({"kind", "host", "path", "port", "workload", "router"});
  RouteSpec out;
  out.host = fields.text("host");
  std::ranges::transform(out.host, out.host.begin(), [](unsigned char c) { return std::tolower(c); });
  // Both go into a configuration file: nothing that could end a word there.
  // At its beginning a "-" would be an option there.
  if (!plain(out.host, "-._") || out.host.starts_with('-'))
    fields.wrong("host", "must be a host name of letters, digits, \"-\" and \".\"");
  out.path = fields.text("path", "/");
  if (out.path.empty()) out.path = "/";
  if (!out.path.starts_with('/') || !plain(out.path, "/-._~%+@:,=")) {
    fields.wrong("path", "must start with \"/\" and hold no spaces, quotes or wildcards");
  }
  while (out.path.size() > 1 && out.path.ends_with('/')) out.path.pop_back();
  out.port = static_cast<std::uint16_t>(fields.number("port", 1, 65535).value_or(out.port));
  out.workload = fields.required("workload");
  out.router = fields.required("router");
  // It is a folder's name.
  if (!out.router.empty() && (!plain(out.router, "-._") || out.router.starts_with('.')))
    fields.wrong("router", "must be the name of a router: ${requires.router.name}");
  TRY(check(std::move(errors)));
  return out;
}

}  // namespace qleet::route
