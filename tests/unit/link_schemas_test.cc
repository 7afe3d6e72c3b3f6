// What an agent tells of its providers' templates: on its way to the store, and no oftener than it changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sync/subjects.h"
#include "tests/unit/link_fixture.h"

namespace qleet::testing {
namespace {

using ::testing::ElementsAre;

v1::ProviderSchema schema_of(const std::string& provider, const std::vector<std::string>& outputs) {
  v1::ProviderSchema schema;
  schema.set_provider(provider);
  (*schema.mutable_template_()->mutable_fields())["type"].set_string_value("object");
  schema.mutable_outputs()->Assign(outputs.begin(), outputs.end());
  return schema;
}

class LinkSchemasTest : public LinkTest {
 protected:
  // provider: output output
  std::vector<std::string> stored() const {
    std::vector<std::string> out;
    for (const auto& schema : world_.agent_object("eu").status().schemas()) {
      auto& line = out.emplace_back(schema.provider() + ":");
      for (const auto& output : schema.outputs()) line += " " + output;
      EXPECT_EQ(schema.template_().fields().at("type").string_value(), "object");
    }
    return out;
  }
  void tell(std::vector<v1::ProviderSchema> schemas) {
    world_.schemas["eu"] = std::move(schemas);
    world_.restart_agent("eu");
    world_.run(kBeat);
  }
};

TEST_F(LinkSchemasTest, AreStoredAndFollowTheAgentsVersion) {
  world_.run(kBeat);
  EXPECT_THAT(stored(), ElementsAre());
  tell({schema_of("noop", {"name"})});
  EXPECT_THAT(stored(), ElementsAre("noop: name"));
  tell({schema_of("container", {"ip", "port.*"}), schema_of("noop", {"name", "*"})});
  EXPECT_THAT(stored(), ElementsAre("container: ip port.*", "noop: name *"));
  // A version that tells nothing again.
  tell({});
  EXPECT_THAT(stored(), ElementsAre());
}

TEST_F(LinkSchemasTest, AreWrittenWhenTheyChange) {
  tell({schema_of("noop", {"name"})});
  const auto revision = world_.revision();
  for (int i = 0; i < 3; ++i) {
    world_.broker.set_connected("eu", false);
    world_.broker.set_connected("eu", true);
    world_.run(kBeat);
  }
  EXPECT_EQ(world_.revision(), revision);
  // Another hub process knows nothing of what was told before.
  world_.restart_hub();
  world_.run(kBeat);
  world_.broker.set_connected("eu", false);
  world_.broker.set_connected("eu", true);
  world_.run(kBeat);
  EXPECT_EQ(world_.revision(), revision);
  EXPECT_THAT(stored(), ElementsAre("noop: name"));
}

TEST_F(LinkSchemasTest, AManifestTellsNothingAndTakesNothingAway) {
  tell({schema_of("noop", {"name"})});
  world_.put_all({"eu.a", "eu.b"}, "1");
  world_.run(kSoon);
  world_.put("eu.c", "1");
  world_.run(kSoon);
  world_.lose("eu.a");  // only a manifest finds that
  world_.run(kBeat);
  world_.run(kBeat);
  EXPECT_THAT(stored(), ElementsAre("noop: name"));
}

TEST_F(LinkSchemasTest, WhatIsBadIsLeftOut) {
  auto large = schema_of("large", {"name"});
  (*large.mutable_template_()->mutable_fields())["description"].set_string_value(std::string(20'000, 'x'));
  tell({large, schema_of("noop", {"name"}), schema_of("noop", {"again"}), schema_of("bell\a", {"name"})});
  EXPECT_THAT(stored(), ElementsAre("noop: name"));
  EXPECT_EQ(world_.hub().fleet.counters().garbage, 3U);
}

}  // namespace
}  // namespace qleet::testing
