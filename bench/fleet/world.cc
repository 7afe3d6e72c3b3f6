#include "bench/fleet/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "bench/fleet/parallel.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::bench {

std::map<std::string, std::string> labels_of(size_t agent) {
  std::map<std::string, std::string> labels{{"group", std::to_string(agent % kGroups)}};
  if (agent < kSingles) labels["one"] = std::to_string(agent);
  return labels;
}

std::string environments() {
  std::string out = R"(
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: workload-noop, labels: {scope: bench}}
spec:
  satisfies: {type: workload}
  scope: application
  provider: noop
  template: {score: "${params.score}"}
  whenUnused: {after: 0s, do: delete}
)";
  const auto add = [&](const std::string& name, const std::string& selector) {
    out += fmt::format(R"(---
apiVersion: qleet.io/v1
kind: Environment
metadata: {{name: {}}}
spec: {{profiles: [scope=bench], regions: {{selector: {}}}}}
)",
                       name, selector);
  };
  for (size_t i = 0; i < kGroups; ++i) add(fmt::format("group-{}", i), fmt::format("group={}", i));
  for (size_t i = 0; i < kSingles; ++i) add(fmt::format("one-{}", i), fmt::format("one={}", i));
  return out;
}

std::string application(const std::string& name, const std::string& environment, const std::string& image) {
  return fmt::format(R"(---
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: {}}}
spec: {{environments: [{}], workloads: {{web: {{score: {{containers: {{web: {{image: {}}}}}}}}}}}}}
)",
                     name, environment, image);
}

double apply_all(const Hub& hub, size_t count, const std::function<std::string(size_t)>& document) {
  constexpr size_t kConnections = 4;
  constexpr size_t kAtOnce = 20;
  return share(kConnections, count, kAtOnce, [&](const TakeNumber& take) {
    const auto client = hub.client();
    while (const auto from = take()) {
      std::string documents;
      for (size_t n = *from; n < std::min(count, *from + kAtOnce); ++n) documents += document(n);
      hub.apply(*client, documents);
    }
  });
}

bool is_ready(const v1::Deployment& deployment) {
  return deployment.status().state() == "Ready" &&
         deployment.status().release() == deployment.spec().release();
}

bool deployment_is_ready(const Hub& hub, const std::string& name) {
  v1::Deployment deployment;
  if (const auto got = hub.client()->get_into("/v1/deployments/" + name, deployment); !got)
    fail_with("deployment " + name + ": " + got.error().message);
  return is_ready(deployment);
}

size_t ready_deployments(const Hub& hub) {
  const auto listed = hub.client()->list("/v1/deployments");
  if (!listed) fail_with("deployments: " + listed.error().message);
  size_t ready = 0;
  for (const auto& text : *listed) {
    v1::Deployment deployment;
    if (cli::parse(text, deployment) && is_ready(deployment)) ++ready;
  }
  return ready;
}

}  // namespace qleet::bench
