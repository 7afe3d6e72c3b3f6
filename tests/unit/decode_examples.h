// An application and a Score file as people write them, and what is wrong with changed ones.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "common/model/model.h"

namespace qleet::model {

inline constexpr std::string_view kShop = R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: shop}
spec:
  environments: [dev, prod]            # left out: the default environment
  workloads:
    web:
      score:
        containers:
          web:
            image: registry.example/shop/web
            variables:
              DATABASE_URL: postgres://${resources.db.username}:${resources.db.password}@${resources.db.host}:${resources.db.port}/${resources.db.name}
            readinessProbe: {httpGet: {path: /healthz, port: 8080}}
            resources: {requests: {cpu: 100m, memory: 64M}}
        service: {ports: {http: {port: 80, targetPort: 8080}}}
        resources:
          db: {type: postgres}
          sessions: {type: redis, id: sessions}
          url: {type: route, params: {host: shop.example, path: /, port: 80}}
      replicas: 2
      builds: {image: registry.example/shop/web, tags: "main-*"}
)";

inline constexpr std::string_view kScore = R"(apiVersion: score.dev/v1b1
metadata:
  name: hello
  annotations: {team: one}
containers:
  main:
    image: registry.example/hello:1
    variables: {GREETING: "hello ${metadata.name}", VERSION: 15, RATIO: 1.10}
    files:
      /etc/hello.conf: {content: "x", mode: 0640}
    volumes:
      /data: {source: "${resources.data}"}
resources:
  data: {type: volume}
)";

// All errors of a decode, one a line, as people see them.
inline std::string refused(std::string_view text, const DecodeLimits& limits = {}) {
  const auto decoded = decode(text, limits);
  if (decoded) return "accepted";
  if (decoded.error().fields.empty()) return decoded.error().message;
  std::string all;
  for (const auto& field : decoded.error().fields) all += (all.empty() ? "" : "\n") + describe(field);
  return all;
}

inline std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const auto at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? out : out.replace(at, from.size(), to);
}

}  // namespace qleet::model
