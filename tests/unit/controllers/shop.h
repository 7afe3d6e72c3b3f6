// The application of the flow tests, and the environments that it goes to.
#pragma once

#include <fmt/format.h>

#include <string>

namespace qleet::hub::tests {

inline const std::string kEnvironments = R"(
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: dev}
spec: {regions: {selector: "tier=dev"}}
---
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: prod}
spec:
  regions: {selector: "tier=prod"}
  builds: {by: approval}
  guardrails: {maxRegionsAtOnce: 1}
)";

inline std::string shop(const std::string& environments = "[dev, prod]", const std::string& variables = "{}",
                        const std::string& resources = "{db: {type: postgres}, cache: {type: redis}}") {
  return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: shop}}
spec:
  environments: {}
  workloads:
    web:
      score:
        containers: {{web: {{image: reg.example/shop/web, variables: {}}}}}
        resources: {}
      builds: {{image: reg.example/shop/web, tags: "main-*"}}
)",
                     environments, variables, resources);
}

}  // namespace qleet::hub::tests
