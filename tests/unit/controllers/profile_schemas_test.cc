// Profiles against what the providers of today tell of their templates, as their agents store it at the hub.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "common/clock/clock.h"
#include "providers/container/shapes.h"
#include "providers/noop/noop_provider.h"
#include "providers/route/shapes.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

void add(v1::AgentStatus& status, const std::string& provider, const TemplateSchema& told) {
  status.add_providers(provider);
  auto& schema = *status.add_schemas();
  schema.set_provider(provider);
  *schema.mutable_template_() = told.template_;
  schema.mutable_outputs()->Assign(told.outputs.begin(), told.outputs.end());
}

class ProfileSchemas : public testing::Test {
 protected:
  ProfileSchemas() {
    world_.join("lab");
    change_agents([&](v1::AgentStatus& status) {
      add(status, "container", container::schema());
      add(status, "route", route::schema());
      add(status, "noop", noop::NoopProvider(clock_, nullptr).schema());
    });
  }
  void change_agents(const std::function<void(v1::AgentStatus&)>& change) {
    ASSERT_TRUE(world_.store.transact([&](Txn& txn) -> Result<> {
      for (auto& agent : TRY(objects::list<v1::Agent>(txn))) {
        change(*agent.mutable_status());
        TRY(objects::put_status(txn, agent));
      }
      return {};
    }));
  }
  std::vector<std::string> warnings_of(const std::string& yaml) {
    const auto result = world_.apply(yaml);
    return {result.warnings().begin(), result.warnings().end()};
  }
  std::vector<std::string> warnings(const std::string& more) {
    return warnings_of(
        "{apiVersion: qleet.io/v1, kind: Profile, metadata: {name: mine}, spec: {satisfies: {type: queue}, " +
        more + "}}");
  }

  const SystemClock clock_;
  World world_;
};

TEST_F(ProfileSchemas, WhatIsShippedIsAsTold) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(QLEET_SOURCE_DIR "/profiles")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    std::ifstream in(entry.path());
    // A change, so that it is looked at.
    const std::string text(std::istreambuf_iterator<char>(in), {});
    const std::string changed =
        std::regex_replace(text, std::regex("metadata: \\{"), "metadata: {annotations: {looked: at}, ");
    ASSERT_NE(changed, text) << entry.path();
    EXPECT_THAT(warnings_of(changed), ElementsAre()) << entry.path();
    const std::string begin = "\n  template:\n";
    const auto at = changed.find(begin);
    if (at == std::string::npos) continue;
    EXPECT_THAT(warnings_of(std::string(changed).insert(at + begin.size(), "    typo: x\n")),
                ElementsAre(HasSubstr("spec.template.typo")));
  }
  EXPECT_GT(files, 3);
}

TEST_F(ProfileSchemas, MistakesAtAnyDepthAreNamed) {
  EXPECT_THAT(warnings("provider: rout"),
              ElementsAre(AllOf(HasSubstr("spec.provider"), HasSubstr("did you mean \"route\"?"))));
  EXPECT_THAT(
      warnings("provider: container, template: {image: x, health: {http: {port: 80, pth: /}}}"),
      ElementsAre(AllOf(HasSubstr("spec.template.health.http.pth"), HasSubstr("did you mean \"path\"?"))));
  EXPECT_THAT(warnings("provider: container, template: {image: x, ports: [80, {port: 81, hostport: 8081}]}"),
              ElementsAre(AllOf(HasSubstr("spec.template.ports[1].hostport"),
                                HasSubstr("did you mean \"hostPort\"?"))));
  EXPECT_THAT(
      warnings("provider: container, template: {image: x, volumes: {/data: {name: x, readonly: true}}}"),
      ElementsAre(HasSubstr("did you mean \"readOnly\"?")));
  EXPECT_THAT(warnings("provider: route, template: {wrkload: x, router: y}"),
              ElementsAre(AllOf(HasSubstr("provider \"route\" knows no such field"),
                                HasSubstr("did you mean \"workload\"?"))));
  EXPECT_THAT(warnings("provider: container, template: {image: x}, outputs: {a: \"${self.adress}\"}"),
              ElementsAre(AllOf(HasSubstr("spec.outputs.a"), HasSubstr("did you mean \"address\"?"))));
}

TEST_F(ProfileSchemas, WhatMayBeWrittenIsNotSpokenOf) {
  EXPECT_THAT(warnings("provider: container, template: {image: x, files: {/etc/a.conf: text}, env: {ANY: x}, "
                       "volumes: {/data: x}, ports: \"${params.ports}\", health: \"${params.health}\", "
                       "ulimits: {nofile: 16}}, parameters: {ports: {type: string, default: x}, health: "
                       "{type: string, default: x}}, outputs: {a: \"${self.port.80}\"}"),
              ElementsAre());
  EXPECT_THAT(warnings("provider: container, template: {image: x, files: [{target: /a, content: b}]}"),
              ElementsAre());
  // It takes any field, and tells what its template says.
  EXPECT_THAT(warnings("provider: noop, template: {anything: {at: all}}, outputs: {a: \"${self.any}\"}"),
              ElementsAre());
}

TEST_F(ProfileSchemas, AgentsThatTellNothingCheckNothing) {
  change_agents([](v1::AgentStatus& status) { status.clear_schemas(); });
  EXPECT_THAT(warnings("provider: container, template: {imagge: x}, outputs: {a: \"${self.adress}\"}"),
              ElementsAre());
}

TEST_F(ProfileSchemas, WhatOneOfTheVersionsKnowsIsKnown) {
  world_.join("far");
  int agents = 0;
  change_agents([&](v1::AgentStatus& status) {
    if (agents++ == 0) return;
    status.clear_schemas();
    status.clear_providers();
    add(status, "container", {.template_ = container::schema().template_, .outputs = {"address", "newest"}});
    auto& schema = *status.mutable_schemas(0)->mutable_template_()->mutable_fields();
    (*schema["properties"].mutable_struct_value()->mutable_fields())["newest"];
  });
  EXPECT_THAT(warnings("provider: container, template: {newest: x}, outputs: {a: \"${self.newest}\"}"),
              ElementsAre());
  EXPECT_THAT(warnings("provider: container, template: {nwest: x}"), ElementsAre(HasSubstr("nwest")));
}

}  // namespace
}  // namespace qleet::hub::tests
