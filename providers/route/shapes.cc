#include "providers/route/shapes.h"

namespace qleet::route {

TemplateSchema schema() {
  return {.template_ = templates::json_schema({&shapes::kRouter, &shapes::kRoute}),
          .outputs = {"name", "address", "port", "url", "container", "host", "path"}};
}

}  // namespace qleet::route
