// What a route's and a router's template ask for. TEMPLATES.md is the same for those who write profiles.
#pragma once

#include <cstdint>
#include <string>

#include "common/result/result.h"
#include "google/protobuf/struct.pb.h"
#include "providers/api/provider.h"
#include "providers/route/settings.h"

namespace qleet::route {

enum class Kind { kRouter, kRoute };

// The template's `kind`, or what the resource's type makes obvious.
Result<Kind> kind_of(const ProviderResource& resource);

struct RouterSpec {
  std::string image;
  std::string listen = "127.0.0.1";  // an address of the host
  std::uint16_t port = 8080;
  std::int64_t memory = 0;  // bytes; 0: no limit
  Settings settings;
};

struct RouteSpec {
  std::string host;         // lower case; empty: any
  std::string path;         // prefix, starts with a slash
  std::uint16_t port = 80;  // service port of the workload
  std::string workload;     // its resource name
  std::string router;       // self.name of the router
};

// Errors: kInvalid with reason InvalidTemplate, naming every wrong field.
Result<RouterSpec> parse_router(const google::protobuf::Struct& object);
Result<RouteSpec> parse_route(const google::protobuf::Struct& object);

}  // namespace qleet::route
