// What several applications and environments share, and what is applied again while it goes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::string app(const std::string& name, const std::string& resources = "{}",
                const std::string& environments = "[]") {
  return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: {}}}
spec: {{environments: {}, workloads: {{web: {{score: {{containers: {{main: {{image: i}}}}, resources: {}}}}}}}}}
)",
                     name, environments, resources);
}

std::string profile(const std::string& name, const std::string& type, const std::string& rest) {
  return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Profile
metadata: {{name: {}, labels: {{name: {}}}}}
spec: {{satisfies: {{type: {}}}, provider: container, outputs: {{name: "${{metadata.name}}"}}, {}}}
)",
                     name, name, type, rest);
}

std::string sized(const std::string& size) {
  return profile(
      "shared-thing", "thing",
      fmt::format("scope: environment, default: true, parameters: {{size: {{type: string, default: {}}}}}, "
                  "template: {{size: \"${{params.size}}\"}}",
                  size));
}

std::string environment(const std::string& name, const std::string& spec) {
  return fmt::format("{{apiVersion: qleet.io/v1, kind: Environment, metadata: {{name: {}}}, spec: {{{}}}}}",
                     name, spec);
}

TEST(Sharing, AChangedDefaultIsNobodysWish) {
  World world;
  world.join("lab");
  world.apply(sized("small"));
  world.apply(app("one", "{it: {type: thing, id: one}}"));
  world.apply(app("two", "{it: {type: thing, id: one}}"));
  world.settle();
  world.apply(sized("large"));
  world.settle();
  EXPECT_EQ(world.state("one.default"), "Ready 2");
  EXPECT_EQ(world.state("two.default"), "Ready 2");
  const auto size = [&] {
    return world.at<v1::Resource>("lab.default.-.thing.one")
        .spec()
        .params()
        .fields()
        .at("size")
        .string_value();
  };
  EXPECT_EQ(size(), "large");
  // Who said it himself is still heard.
  world.apply(app("two", "{it: {type: thing, id: one, params: {size: small}}}"));
  world.settle();
  EXPECT_EQ(world.state("two.default"), "Blocked 2");
  EXPECT_EQ(size(), "large");
}

TEST(Sharing, WhatARegionSharesIsChosenInNobodysName) {
  World world;
  world.join("lab");
  world.apply(
      profile("gate", "gate",
              "scope: region, askers: {workloads: true}, default: true, requires: {net: {type: net}}"));
  world.apply(profile("net-usual", "net", "default: true"));
  world.apply(profile("net-other", "net", "default: false"));
  world.apply(environment("dev", "profiles: [\"name=net-other\"]"));
  world.apply(app("one", "{it: {type: gate, id: one}, own: {type: net}}", "[dev]"));
  world.apply(app("two", "{it: {type: gate, id: one}, own: {type: net}}", "[default]"));
  world.settle();
  EXPECT_EQ(world.state("one.dev"), "Ready 1");
  EXPECT_EQ(world.state("two.default"), "Ready 1");
  const auto chosen = [&](const std::string& name) { return world.at<v1::Resource>(name).spec().profile(); };
  EXPECT_EQ(chosen("lab.-.-.net.gate.one.net"), "net-usual");
  EXPECT_EQ(chosen("lab.dev.one.net.web.own"), "net-other");
}

TEST(Sharing, AppliedAgainWhileItIsTakenDown) {
  World world;
  world.join("lab");
  world.apply(app("shop"));
  world.settle();
  world.silent = {"lab"};
  EXPECT_EQ(world.erase("app", "shop"), "");
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Deleting 1");
  world.apply(app("shop"));
  world.settle();
  EXPECT_THAT(world.erase("region", "lab"), HasSubstr("region lab is in use by shop.default"));
  EXPECT_THAT(world.resources(), Contains("lab.default.shop.workload.web"));
  world.silent.clear();
  world.settle();
  EXPECT_EQ(world.state("shop.default"), "Ready 1");
}

TEST(Sharing, NoRegionIsLeftWhileOneIsBeingLeft) {
  World world;
  world.join("a", {{"tier", "a"}});
  world.join("b", {{"tier", "b"}});
  world.apply(environment("dev", "regions: {selector: tier=a}"));
  world.apply(app("shop", "{}", "[dev]"));
  world.settle();
  world.silent = {"b"};
  world.apply(environment("dev", "regions: {selector: tier=b}"));
  world.settle();
  world.apply(environment("dev", "regions: {selector: tier=c}"));
  world.apply(app("shop", "{cache: {type: redis}}", "[dev]"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Blocked 1");
  EXPECT_THAT(world.resources(), Contains("a.dev.shop.workload.web"));
  world.silent.clear();
  world.apply(environment("dev", "regions: {selector: tier=b}"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 2");
  EXPECT_THAT(world.resources(), Not(Contains("a.dev.shop.workload.web")));
}

TEST(Sharing, UnusedAfterIsForWhatIsTheEnvironmentsOwn) {
  World world;
  world.join("lab");
  world.apply(profile("gate", "gate",
                      "scope: region, askers: {workloads: true}, default: true, whenUnused: {after: 1h}"));
  world.apply(profile("net", "net", "scope: environment, default: true, whenUnused: {after: 1h}"));
  world.apply(environment("dev", "unusedAfter: 1m"));
  world.apply(app("shop", "{gate: {type: gate, id: one}, net: {type: net, id: one}}", "[dev]"));
  world.settle();
  world.erase("app", "shop");
  world.pass(std::chrono::minutes(2));
  EXPECT_THAT(world.resources(), Contains("lab.-.-.gate.one"));
  EXPECT_THAT(world.resources(), Not(Contains("lab.dev.-.net.one")));
  world.pass(std::chrono::minutes(60));
  EXPECT_THAT(world.resources(), Not(Contains("lab.-.-.gate.one")));
}

TEST(Size, WhatCannotBeSentIsRefused) {
  World world;
  world.join("lab");
  world.settle();
  const std::string large(300 * 1024, 'x');
  const auto yaml = fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: shop}}
spec: {{workloads: {{web: {{score: {{containers: {{main: {{image: i, files: {{/etc/big.conf: {{content: {}}}}}}}}}}}}}}}}}
)",
                                large);
  const std::string why =
      "spec.workloads.web.score.containers.main.files[0].content: workload \"web\" (asked for by "
      "application shop as \"web\") takes 301 KB, at most 196 KB can be sent to an agent; 300 of them are "
      "score.containers.main.files[0].content: take it out, for example into the image";
  EXPECT_EQ(world.refusal(yaml), why);
  const auto planned =
      frontend::plan(world.context(), frontend::plan_apply(world.caller, *model::decode(yaml), {}));
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().message, why);
  EXPECT_EQ(world.refusal(profile("big", "thing", "template: {a: b, text: " + large + "}")),
            "spec.template.text: 300 KB of 301 KB: what an agent is sent takes at most 196 KB");
}

TEST(Size, OneThatGrowsByAVariableBlocksItsDeployment) {
  World world;
  world.join("lab");
  std::string ten;
  for (int i = 0; i < 10; ++i) ten += "${variables.text}";
  world.apply(
      profile("thing", "thing", "scope: environment, default: true, template: {all: \"" + ten + "\"}"));
  world.apply(environment("dev", "variables: {text: short}"));
  world.apply(app("shop", "{it: {type: thing}}", "[dev]"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Ready 1");
  world.apply(environment("dev", "variables: {text: " + std::string(30 * 1024, 'x') + "}"));
  world.settle();
  EXPECT_EQ(world.state("shop.dev"), "Blocked 1");
  EXPECT_THAT(
      frontend::describe(world.context(), *model::find_kind("app"), "shop")->summary(),
      HasSubstr("thing \"web.it\" (asked for by workload web as \"it\") takes 301 KB, at most 196 KB"));
}

}  // namespace
}  // namespace qleet::hub::tests
