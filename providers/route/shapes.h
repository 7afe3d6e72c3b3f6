// The fields of this provider's templates, by kind, and what resources of each kind tell. The parser
// (template.h) takes these fields and no others; schema() tells them to hubs.
#pragma once

#include "common/template/shape.h"
#include "providers/api/provider.h"

namespace qleet::route {

namespace shapes {

using templates::Field;
using templates::Shape;
using enum templates::FieldType;

inline constexpr Field kTimeoutsFields[] = {{"connect", kTime}, {"idle", kTime},      {"response", kTime},
                                            {"request", kTime}, {"keepAlive", kTime}, {"tunnel", kTime}};
inline constexpr Shape kTimeouts{kTimeoutsFields};

inline constexpr Field kRouterFields[] = {{"kind"},
                                          {"image"},
                                          {"listen"},
                                          {"port", kNumber},
                                          {"network"},
                                          {"memory", kSize},
                                          {"maxHeaderSize", kSize},
                                          {"timeouts", kObject, &kTimeouts}};
inline constexpr Shape kRouter{kRouterFields};

inline constexpr Field kRouteFields[] = {{"kind"},          {"host"},     {"path"},
                                         {"port", kNumber}, {"workload"}, {"router"}};
inline constexpr Shape kRoute{kRouteFields};

}  // namespace shapes

TemplateSchema schema();

}  // namespace qleet::route
