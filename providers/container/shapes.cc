#include "providers/container/shapes.h"

namespace qleet::container {

TemplateSchema schema() {
  using namespace shapes;  // NOLINT(google-build-using-namespace)
  // What the kinds tell: host; volume; container; workload; exec tells "container".
  return {.template_ = templates::json_schema({&kHost, &kVolume, &kContainer, &kWorkload, &kExec}),
          .outputs = {"network", "address", "engine", "gateway", "subnet",  //
                      "name", "mountpoint", "size",                         //
                      "container", "ip", "image", "port.*",                 //
                      "ready", "endpoints.*"}};
}

}  // namespace qleet::container
