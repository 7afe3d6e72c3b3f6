// What comes in from outside: JSON and YAML into objects.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/model/base64.h"
#include "common/model/model.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/profile.pb.h"
#include "tests/unit/decode_examples.h"

namespace qleet::model {
namespace {

const qleet::v1::Application& application(const Object& object) {
  return dynamic_cast<const qleet::v1::Application&>(*object);
}

TEST(Decode, TheDevelopersExample) {
  const auto decoded = decode(kShop);
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(decoded->size(), 1u);
  const auto& shop = application(decoded->front());
  EXPECT_EQ(shop.metadata().name(), "shop");
  EXPECT_EQ(shop.spec().environments_size(), 2);
  const auto& web = shop.spec().workloads().at("web");
  EXPECT_EQ(web.replicas(), 2u);
  EXPECT_EQ(web.builds().tags(), "main-*");
  EXPECT_EQ(web.score().containers().at("web").readiness_probe().http_get().port(), 8080u);
  EXPECT_EQ(web.score().resources().at("url").params().fields().at("port").number_value(), 80);
  EXPECT_EQ(web.score().resources().at("url").params().fields().at("path").string_value(), "/");
}

TEST(Decode, TheOperatorsExample) {
  const auto decoded = decode(R"(
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: prod}
spec:
  regions: {selector: "tier=prod", count: 2, spreadBy: geography}
  profiles: ["scope=prod"]
  builds: {by: approval}
  guardrails: {maxRegionsAtOnce: 1}
---
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: postgres-container, labels: {scope: default}}
spec:
  satisfies: {type: postgres}
  scope: application
  parameters:
    version: {type: string, default: "15", enum: ["15", "16"]}
    image: {type: string}
  requires:
    runtime: {type: container-host}
    data: {type: volume, params: {size: 10Gi}}
  provider: container
  template:
    image: ${params.image}
    volumes: {/var/lib/postgresql/data: "${requires.data.name}"}
    secrets: {POSTGRES_PASSWORD: "${generated.password}"}
  outputs: {host: "${self.address}", port: 5432, name: app, username: app, password: "${generated.password}"}
  whenUnused: {after: 10m, do: retain}
)");
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(decoded->size(), 2u);
  const auto& profile = dynamic_cast<const qleet::v1::Profile&>(*decoded->at(1));
  EXPECT_EQ(profile.spec().requirements().at("data").params().fields().at("size").string_value(), "10Gi");
  EXPECT_EQ(profile.spec().outputs().fields().at("port").number_value(), 5432);
  EXPECT_EQ(
      profile.spec().parameters().fields().at("version").struct_value().fields().at("default").string_value(),
      "15");
}

TEST(Decode, JsonAndYamlAreTheSame) {
  const auto yaml = decode(kShop);
  ASSERT_TRUE(yaml);
  for (const bool pretty : {true, false}) {
    const auto json = decode(to_json(*yaml->front(), pretty));
    ASSERT_TRUE(json) << json.error().message;
    EXPECT_EQ(to_json(*json->front()), to_json(*yaml->front()));
  }
}

TEST(Decode, AScoreFileIsAnApplicationOfOneWorkload) {
  const auto decoded = decode(kScore);
  ASSERT_TRUE(decoded) << decoded.error().message;
  const auto& hello = application(decoded->front());
  EXPECT_EQ(hello.api_version(), "qleet.io/v1");
  EXPECT_EQ(hello.kind(), "Application");
  EXPECT_EQ(hello.metadata().name(), "hello");
  ASSERT_TRUE(hello.spec().workloads().contains("hello"));
  const auto& score = hello.spec().workloads().at("hello").score();
  EXPECT_EQ(score.api_version(), "score.dev/v1b1");
  const auto& main = score.containers().at("main");
  EXPECT_EQ(main.variables().at("VERSION"), "15");
  EXPECT_EQ(main.variables().at("RATIO"), "1.10");
  EXPECT_EQ(main.files(0).target(), "/etc/hello.conf");
  EXPECT_EQ(main.files(0).mode(), "0640");
  EXPECT_EQ(main.volumes(0).target(), "/data");
}

TEST(Decode, WhatGetPrintsCanBeAppliedAgain) {
  const auto decoded = decode(R"(
apiVersion: qleet.io/v1
kind: List
items:
- apiVersion: qleet.io/v1
  kind: Environment
  metadata: {name: dev, uid: "1", generation: 3, resourceVersion: "12", creationTimestamp: 2026-01-31T12:00:00Z}
  spec: {}
  status: {regions: [a], somethingNewer: {x: 1}}
- {apiVersion: qleet.io/v1, kind: Region, metadata: {name: eu-1}}
)");
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(decoded->size(), 2u);
  EXPECT_EQ(decode(R"({"kind": "RegionList", "items": [{"apiVersion": "qleet.io/v1", "kind": "Region",
    "metadata": {"name": "a"}}]})")
                ->size(),
            1u);
  EXPECT_EQ(meta(*decoded->front()).resource_version(), 12u);
  EXPECT_EQ(meta(*decoded->front()).creation_timestamp().seconds(), 1769860800);
}

TEST(Decode, SeveralJsonDocuments) {
  const std::string one = R"({"apiVersion":"qleet.io/v1","kind":"Region","metadata":{"name":"a"}})";
  const std::string two = R"({"apiVersion":"qleet.io/v1","kind":"Region","metadata":{"name":"b"}})";
  EXPECT_EQ(decode(one + "\n" + two)->size(), 2u);
}

TEST(Decode, WithoutValidation) {
  const auto text = replaced(kScore, "content: \"x\"", "source: ./hello.conf");
  EXPECT_FALSE(decode(text));
  const auto decoded = decode(text, {.validate = false});
  ASSERT_TRUE(decoded) << decoded.error().message;
  const auto& main =
      application(decoded->front()).spec().workloads().at("hello").score().containers().at("main");
  EXPECT_EQ(main.files(0).source(), "./hello.conf");
}

TEST(DecodeInto, ABodyThatIsNoObject) {
  qleet::v1::BuildSource body;
  EXPECT_TRUE(decode_into(R"({"image":"a/b","tags":"main-*"})", body));
  EXPECT_EQ(body.tags(), "main-*");
  const auto wrong = decode_into(R"({"image":"a/b","tgas":"main-*"})", body);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "line 1: tgas: unknown field; did you mean \"tags\"?");
  EXPECT_EQ(decode_into("[]", body).error().message, "exactly one object is expected");
}

TEST(Describe, FileAndLine) {
  EXPECT_EQ(describe({"spec.x", "is missing", 9, "shop.yaml"}), "shop.yaml:9: spec.x: is missing");
  EXPECT_EQ(describe({"spec.x", "is missing", 0, "shop.yaml"}), "shop.yaml: spec.x: is missing");
  EXPECT_EQ(describe({"spec.x", "${a}: unknown", 9, "shop.yaml"}), "shop.yaml:9: ${a}: unknown");
  EXPECT_EQ(invalid({{"a", "is missing"}, {"b", "is missing"}}).message, "a: is missing (and 1 more)");
}

TEST(Base64, ThereAndBack) {
  for (const std::string bytes : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    EXPECT_EQ(unbase64(base64(bytes)), bytes);
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(unbase64("/+8="), std::string("\xff\xef"));
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9$", "=m9v", "Z=9v"})
    EXPECT_EQ(unbase64(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace qleet::model
