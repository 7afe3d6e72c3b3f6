// In which order the containers of a replica start, and what each waits for.
#include "providers/container/start_order.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "common/model/start_order.h"
#include "google/protobuf/util/json_util.h"

namespace qleet::container {
namespace {

struct Case {
  std::string name;
  std::string containers;  // JSON: container -> {before}
  std::string order;  // the owner of the network first; "!": ends before another starts; "~": own network
};

WorkloadSpec parse(const std::string& containers) {
  google::protobuf::Struct object;
  auto& score = *(*object.mutable_fields())["score"].mutable_struct_value();
  auto& all = *(*score.mutable_fields())["containers"].mutable_struct_value();
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(containers, &all).ok()) << containers;
  for (auto& [name, container] : *all.mutable_fields())
    (*container.mutable_struct_value()->mutable_fields())["image"].set_string_value("x");
  const auto spec = parse_workload(object, "web");
  EXPECT_TRUE(spec) << spec.error().message;
  return spec.value_or(WorkloadSpec());
}

class Order : public testing::TestWithParam<Case> {};

TEST_P(Order, IsThatOfBefore) {
  std::vector<std::string> names;
  for (const auto& one : parse(GetParam().containers).containers)
    names.push_back(one.name + (one.one_shot ? "!" : "") + (one.own_network ? "~" : ""));
  EXPECT_EQ(fmt::format("{}", fmt::join(names, " ")), GetParam().order);
}

INSTANTIATE_TEST_SUITE_P(
    All, Order,
    testing::Values(
        Case{"ByName", R"({"web":{},"api":{},"side":{}})", "api side web"},
        Case{"Started", R"({"api":{"before":{"web":{"ready":"started"}}},"web":{}})", "web api"},
        Case{"MigrationBeforeAll", R"({"main":{"before":{"init":{"ready":"complete"}}},"init":{}})",
             "main init!~"},
        Case{
            "ProxyBeforeMigration",
            R"({"main":{"before":{"init":{"ready":"complete"}}},"init":{"before":{"proxy":{"ready":"healthy"}}},"proxy":{}})",
            "proxy init! main"},
        Case{"SidecarBesideMigration",
             R"({"main":{"before":{"init":{"ready":"complete"}}},"init":{},"side":{}})", "main init!~ side"},
        Case{
            "TwoMigrations",
            R"({"main":{"before":{"bb":{"ready":"complete"}}},"bb":{"before":{"aa":{"ready":"complete"}}},"aa":{}})",
            "main aa!~ bb!~"}),
    [](const auto& info) { return info.param.name; });

TEST(Wait, IsForWhatBeforeSays) {
  const auto spec = parse(
      R"({"main":{"before":{"init":{"ready":"complete"},"side":{"ready":"healthy"}}},"init":{},
          "side":{},"late":{"before":{"main":{"ready":"started"}}}})");
  const auto wait = [&](const std::string& name, const std::vector<PartView>& parts) {
    return waits_for(spec, *std::ranges::find(spec.containers, name, &WorkloadContainer::name), parts);
  };
  // The network is that of side, which waits for nobody... but for its name it comes after init.
  EXPECT_EQ(spec.containers.front().name, "side");
  EXPECT_EQ(wait("side", {}), "");
  EXPECT_EQ(wait("init", {}), "");  // it has a network of its own
  EXPECT_EQ(wait("main", {}), "container \"main\" waits until \"init\" has ended with code 0");
  EXPECT_EQ(wait("main", {{.name = "init", .running = true, .healthy = true}}),
            "container \"main\" waits until \"init\" has ended with code 0");
  const PartView done{.name = "init", .ended_well = true};
  EXPECT_EQ(wait("main", {done, {.name = "side", .running = true}}),
            "container \"main\" waits until \"side\" is healthy");
  EXPECT_EQ(wait("main", {done, {.name = "side", .running = true, .healthy = true}}), "");
  EXPECT_EQ(wait("late", {done}), "container \"late\" waits until \"main\" has started");
  EXPECT_EQ(wait("late", {done, {.name = "main", .running = true}}),
            "container \"late\" waits until \"side\" has started, whose network it shares");
}

}  // namespace
}  // namespace qleet::container
