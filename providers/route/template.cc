#include "providers/route/template.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/template/fields.h"
#include "common/template/route_address.h"
#include "providers/route/shapes.h"

namespace qleet::route {

namespace {

using templates::check;
using templates::Fields;

bool plain(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || more.find(c) != std::string_view::npos;
  });
}

// Below 4Ki common browsers' requests are refused; each connection that is in use takes twice this.
constexpr std::int64_t kLeastHeader = 4 << 10;
constexpr std::int64_t kMostHeader = 1 << 20;
constexpr Millis kLeastTimeout{100};
constexpr Millis kMostTimeout{24 * 3'600'000};

void read_settings(Fields& fields, Settings& out, std::vector<FieldError>& errors) {
  if (fields.has("maxHeaderSize")) {
    const auto size = fields.bytes("maxHeaderSize");
    if (size < kLeastHeader || size > kMostHeader)
      fields.wrong("maxHeaderSize", "must be a size from 4Ki to 1Mi");
    else
      out.max_header = static_cast<std::uint32_t>(size);
  }
  const auto* object = fields.object("timeouts");
  if (object == nullptr) return;
  Fields timeouts(*object, "template.timeouts", errors);
  timeouts.only(shapes::kTimeouts);
  for (const auto& [name, member] : kTimes) {
    const Millis time = timeouts.duration(name, out.*member);
    if (time < kLeastTimeout || time > kMostTimeout)
      timeouts.wrong(name, "must be a time from 100ms to 24h");
    else
      out.*member = time;
  }
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
  fields.only(shapes::kRouter);
  RouterSpec out;
  out.image = fields.required("image");
  out.listen = fields.text("listen", out.listen);
  in_addr address{};
  if (::inet_pton(AF_INET, out.listen.c_str(), &address) != 1) {
    fields.wrong("listen", "must be an IPv4 address of this host, or 0.0.0.0 for all of them");
  }
  out.port = static_cast<std::uint16_t>(fields.number("port", 1, 65535).value_or(out.port));
  out.memory = fields.bytes("memory");
  read_settings(fields, out.settings, errors);
  TRY(check(std::move(errors)));
  return out;
}

Result<RouteSpec> parse_route(const google::protobuf::Struct& object) {
  std::vector<FieldError> errors;
  Fields fields(object, "template", errors);
  fields.only(shapes::kRoute);
  RouteSpec out;
  const auto take = [&](const char* name, Result<std::string> read, std::string& to) {
    if (read)
      to = *std::move(read);
    else
      fields.wrong(name, read.error().message);
  };
  take("host", templates::route_host(fields.text("host")), out.host);
  take("path", templates::route_path(fields.text("path", "/")), out.path);
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
