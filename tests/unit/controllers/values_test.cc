// Applications of several environments that differ by what the environments say of them, that offer services
// to each other, and that are not everywhere.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/controllers/health.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string environment(const std::string& name, const std::string& spec) {
  return fmt::format("{{apiVersion: qleet.io/v1, kind: Environment, metadata: {{name: {}}}, spec: {}}}", name,
                     spec);
}

std::string application(const std::string& name, const std::string& web, const std::string& more = "") {
  return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: {}}}
spec:
  environments: [dev, prod]
  {}
  workloads:
    web: {}
    other: {{score: {{containers: {{main: {{image: "reg.example/other:1"}}}}}}}}
)",
                     name, more, web);
}

const std::string kWeb =
    R"({replicas: 2, score: {containers: {main: {image: "reg.example/web:1", variables: {LEVEL: debug}}},
      service: {ports: {http: {port: 80}}},
      resources: {url: {type: route, params: {host: shop.example}}}}})";

class Values : public testing::Test {
 protected:
  Values() {
    world_.apply(environment("dev", "{regions: {selector: tier=dev}}"));
    world_.apply(environment("prod", "{regions: {selector: tier=prod}}"));
    world_.join("dev-1", {{"tier", "dev"}});
    world_.join("prod-1", {{"tier", "prod"}});
    world_.settle();
  }

  v1::PlanResult planned(const std::string& yaml) {
    const auto result =
        frontend::plan(world_.context(), frontend::plan_apply(world_.caller, *model::decode(yaml), {}));
    if (!result) throw std::runtime_error(result.error().message);
    return *result;
  }
  void apply(const std::string& yaml) {
    const auto objects = model::decode(yaml);
    ASSERT_TRUE(objects) << objects.error().message;
    world_.expect_planned(frontend::plan_apply(world_.caller, *objects, {}), [&] { world_.apply(yaml); });
  }
  // Resources whose content another settling has changed.
  std::vector<std::string> touched(const std::string& yaml) {
    const auto before = world_.snapshot();
    apply(yaml);
    world_.settle();
    std::vector<std::string> names;
    for (const auto& [name, hash] : world_.snapshot()) {
      const auto known = before.find(name);
      if (known == before.end() || known->second != hash) names.push_back(name);
    }
    return names;
  }
  std::string param(const std::string& resource, const std::string& name) {
    const auto spec = world_.at<v1::Resource>(resource).spec();
    return spec.params().fields().at(name).ShortDebugString();
  }

  World world_;
};

TEST_F(Values, AChangeTouchesExactlyWhatItSpeaksOf) {
  apply(application("shop", kWeb));
  world_.settle();
  EXPECT_EQ(world_.state("shop.prod"), "Ready 1");
  const std::string replicas =
      "{regions: {selector: tier=prod}, applications: {shop: {workloads: {web: {replicas: 4}}}}}";
  const auto plan = planned(environment("prod", replicas));
  EXPECT_THAT(plan.text(), HasSubstr("replicas 2 -> 4 (environment prod)"));
  EXPECT_THAT(plan.text(), HasSubstr("0 to add, 1 to change, 0 to remove"));
  EXPECT_THAT(touched(environment("prod", replicas)), ElementsAre("prod-1.prod.shop.workload.web"));
  EXPECT_EQ(world_.state("shop.prod"), "Ready 1") << "no new release";

  const std::string more =
      "{regions: {selector: tier=prod}, applications: {shop: {workloads: {web: {replicas: 4, variables: "
      "{LEVEL: info}, "
      "params: {url: {host: prod.example}}}}}}}";
  const auto text = planned(environment("prod", more)).text();
  EXPECT_THAT(text, HasSubstr("LEVEL \"debug\" -> \"info\" (environment prod)"));
  EXPECT_THAT(text, HasSubstr("host \"shop.example\" -> \"prod.example\" (environment prod)"));
  EXPECT_THAT(touched(environment("prod", more)),
              ElementsAre("prod-1.prod.shop.route.web.url", "prod-1.prod.shop.workload.web"));

  // Taken back: as the application says.
  const auto back = planned(environment("prod", "{regions: {selector: tier=prod}}")).text();
  EXPECT_THAT(back, HasSubstr("replicas 4 -> 2 (no longer given by environment prod)"));
  apply(environment("prod", "{regions: {selector: tier=prod}}"));
  world_.settle();
  EXPECT_THAT(param("prod-1.prod.shop.workload.web", "replicas"), HasSubstr("2"));
}

TEST_F(Values, ThatCameBeforeTheApplicationCountForIt) {
  const auto applied = world_.apply(environment(
      "prod", "{regions: {selector: tier=prod}, applications: {shop: {workloads: {web: {replicas: 3}}}}}"));
  ASSERT_EQ(applied.warnings_size(), 1);
  EXPECT_THAT(applied.warnings(0), HasSubstr("there is no application \"shop\" yet"));
  EXPECT_THAT(planned(application("shop", kWeb)).text(), HasSubstr("replicas 3 (environment prod)"));
  apply(application("shop", kWeb));
  world_.settle();
  EXPECT_THAT(param("prod-1.prod.shop.workload.web", "replicas"), HasSubstr("3"));
  EXPECT_THAT(param("dev-1.dev.shop.workload.web", "replicas"), HasSubstr("2"));
  // An apply of the application does not undo them.
  apply(application("shop", kWeb, "regions: \"!none\""));
  world_.settle();
  EXPECT_THAT(param("prod-1.prod.shop.workload.web", "replicas"), HasSubstr("3"));
}

TEST_F(Values, NamesThatLeadNowhereWarnAndWrongParamsAreRefused) {
  apply(application("shop", kWeb));
  world_.settle();
  const auto with = [](const std::string& values) {
    return environment("prod",
                       "{regions: {selector: tier=prod}, applications: {shop: {workloads: " + values + "}}}");
  };
  auto applied = world_.apply(with("{wbe: {replicas: 1}, web: {params: {ulr: {host: x}}}}"));
  ASSERT_EQ(applied.warnings_size(), 2);
  EXPECT_THAT(applied.warnings(0), HasSubstr("no workload \"wbe\"; did you mean \"web\"?"));
  EXPECT_THAT(applied.warnings(1), HasSubstr("no resource \"ulr\"; did you mean \"url\"?"));
  EXPECT_THAT(world_.refusal(with("{web: {params: {url: {hots: x}}}}")),
              testing::AllOf(HasSubstr("spec.applications.shop.workloads.web.params.url.hots"),
                             HasSubstr("did you mean \"host\"?")));
  EXPECT_THAT(world_.refusal(with("{web: {params: {url: {port: eighty}}}}")),
              testing::AllOf(HasSubstr("spec.applications.shop.workloads.web.params.url.port"),
                             HasSubstr("no port \"eighty\" in the workload's service; there is: http")));
  EXPECT_THAT(world_.refusal(with("{web: {params: {url: {port: 70000}}}}")),
              HasSubstr("must be a port from 1 to 65535"));
  EXPECT_THAT(world_.refusal(with("{web: {variables: {A: \"${resources.db.host}\"}}}")),
              HasSubstr("spec.applications.shop.workloads.web.variables.A"));
  // As in the Score document that it is put into.
  EXPECT_THAT(world_.refusal(with("{web: {variables: {A: \"$$${metadata.name}\"}}}")),
              testing::AllOf(HasSubstr("spec.applications.shop.workloads.web.variables.A"),
                             HasSubstr("cannot stand right before ${metadata.name}")));
  EXPECT_THAT(world_.refusal(with("{web: {replicas: 5000}}")), HasSubstr("at most 1000"));
  // The other way round: an application that its environment's values do not fit.
  world_.apply(with("{web: {params: {url: {path: /x}}}}"));
  EXPECT_THAT(
      world_.refusal(application(
          "shop",
          R"({score: {containers: {main: {image: "reg.example/web:1"}}, resources: {url: {type: redis}}}})")),
      HasSubstr("(environment prod says so)"));
}

TEST_F(Values, AreCheckedWhereSecretsAreAskedForAndAgainstOthersRoutes) {
  world_.apply(
      "{apiVersion: qleet.io/v1, kind: Secret, metadata: {name: stripe}, spec: {data: {api_key: a}}}");
  const std::string web =
      R"({score: {containers: {main: {image: "reg.example/web:1", variables: {KEY: "${resources.stripe.api_key}"}}},
        service: {ports: {http: {port: 80}}},
        resources: {stripe: {type: secret}, url: {type: route, params: {host: HOST}}}}})";
  const auto at_host = [&](const std::string& host) {
    auto text = web;
    return text.replace(text.find("HOST"), 4, host);
  };
  apply(application("shop", at_host("shop.example")));
  world_.settle();
  apply(application("cart", at_host("cart.example")));
  world_.settle();
  const auto with = [](const std::string& params) {
    return environment("prod",
                       "{regions: {selector: tier=prod}, applications: {cart: {workloads: {web: "
                       "{params: {url: " +
                           params + "}}}}}}");
  };
  EXPECT_THAT(world_.refusal(with("{port: eighty}")), HasSubstr("no port \"eighty\""));
  EXPECT_THAT(world_.refusal(with("{host: shop.example}")),
              testing::AllOf(HasSubstr("spec.applications.cart.workloads.web.params.url.host"),
                             HasSubstr("shop.example")));
  EXPECT_EQ(world_.refusal(with("{host: carts.example}")), "");
}

TEST_F(Values, AnApplicationNarrowsItsRegions) {
  world_.join("prod-2", {{"tier", "prod"}, {"geo", "us"}});
  world_.settle();
  apply(application("shop", kWeb, "regions: \"geo!=us\""));
  world_.settle();
  EXPECT_THAT(world_.resources(), Contains("prod-1.prod.shop.workload.web"));
  EXPECT_THAT(world_.resources(), Not(Contains("prod-2.prod.shop.workload.web")));
  apply(application("shop", kWeb));
  world_.settle();
  EXPECT_THAT(world_.resources(), Contains("prod-2.prod.shop.workload.web"));
  apply(application("shop", kWeb, "regions: geo=us"));
  for (int i = 0; i < 5; ++i) world_.pass(std::chrono::minutes(11));
  EXPECT_THAT(world_.resources(), Not(Contains("prod-1.prod.shop.workload.web")));
  EXPECT_THAT(world_.resources(), Contains("prod-2.prod.shop.workload.web"));
  // No region at all: what runs is left alone, and it is said whose choice it is.
  const auto applied = world_.apply(application("shop", kWeb, "regions: geo=su"));
  EXPECT_THAT(applied.warnings(0), HasSubstr("the application's own choice, spec.regions"));
  world_.settle();
  EXPECT_THAT(world_.resources(), Contains("prod-2.prod.shop.workload.web"));
  EXPECT_THAT(world_.refusal(application("shop", kWeb, "regions: \"geo=(\"")), HasSubstr("spec.regions"));
}

const std::string kAsker =
    R"({score: {containers: {main: {image: "reg.example/web:1", variables: {URL: "${resources.pay.url}"}}},
      service: {ports: {http: {port: 80}}}, resources: {pay: {type: service, id: payments}}}, offers: [front]})";
const std::string kOfferer =
    R"({score: {containers: {main: {image: "reg.example/web:1", variables: {URL: "${resources.shop.url}"}}},
      service: {ports: {http: {port: 7000}}}, resources: {shop: {type: service, id: front}}}, offers: [payments]})";

std::string url_of(World& world, const std::string& resource) {
  const auto found = world.get<v1::Resource>(resource);
  return found ? found->spec().template_().ShortDebugString() : "";
}

// What a version that is not let in yet leaves out is offered until that rolls out.
TEST_F(Values, OnlyWhatRollsOutWithdrawsAnOffer) {
  world_.apply(environment("prod", "{regions: {selector: tier=prod}, builds: {by: approval}}"));
  const auto approve = [&](const std::string& name) {
    v1::ApproveRequest request;
    request.set_application(name);
    request.set_environment("prod");
    const auto done = frontend::approve(world_.context(), world_.caller, request);
    ASSERT_TRUE(done) << done.error().message;
    world_.settle();
  };
  world_.apply(application("bank", kOfferer));
  world_.apply(application("shop", kAsker));
  world_.settle();
  approve("bank");
  approve("shop");
  ASSERT_EQ(world_.state("bank.prod"), "Ready 1");
  ASSERT_EQ(world_.state("shop.prod"), "Ready 1");

  auto without = kOfferer;
  without.replace(without.find(", offers: [payments]"), 20, "");
  world_.apply(application("bank", without));
  world_.settle();
  EXPECT_EQ(world_.state("shop.dev"), "Blocked 1");  // there it has rolled out
  // Whoever asks is looked at again, and still finds it; nobody else takes the id meanwhile.
  world_.apply(
      environment("prod", "{regions: {selector: tier=prod}, builds: {by: approval}, variables: {a: b}}"));
  world_.settle();
  EXPECT_EQ(world_.state("shop.prod"), "Ready 1");
  EXPECT_THAT(world_.refusal(application("thief", kOfferer)),
              HasSubstr("application \"bank\" offers \"payments\" in environment prod already"));
  approve("bank");
  EXPECT_EQ(world_.state("shop.prod"), "Blocked 1");
  EXPECT_EQ(world_.refusal(application("heir", kOfferer)), "");
}

TEST_F(Values, TwoApplicationsAskForEachOther) {
  // The first one waits for the second; that is no error, and ends by itself.
  const auto first = world_.apply(application("shop", kAsker));
  ASSERT_GE(first.warnings_size(), 1);
  EXPECT_THAT(first.warnings(0), HasSubstr("no application of environment dev offers \"payments\""));
  world_.settle();
  EXPECT_EQ(world_.state("shop.prod"), "Blocked 0");
  apply(application("bank", kOfferer));
  world_.settle();
  EXPECT_EQ(world_.state("shop.prod"), "Ready 1");
  EXPECT_EQ(world_.state("bank.prod"), "Ready 1");
  EXPECT_THAT(url_of(world_, "prod-1.prod.shop.workload.web"),
              HasSubstr("http://web.bank.prod.internal:7000"));
  EXPECT_THAT(url_of(world_, "dev-1.dev.bank.workload.web"), HasSubstr("http://web.shop.dev.internal:80"));

  // Another port: who asks is told.
  auto moved = kOfferer;
  moved.replace(moved.find("7000"), 4, "7001");
  apply(application("bank", moved));
  world_.settle();
  EXPECT_THAT(url_of(world_, "prod-1.prod.shop.workload.web"),
              HasSubstr("http://web.bank.prod.internal:7001"));

  // Nobody takes an id, or the name, of another.
  EXPECT_THAT(
      world_.refusal(application("thief", kOfferer)),
      testing::AllOf(HasSubstr("spec.workloads.web.offers[0]"),
                     HasSubstr("application \"bank\" offers \"payments\" in environment dev already")));
  // Gone: what runs goes on, and says what it lacks.
  EXPECT_EQ(world_.erase("application", "bank"), "");
  world_.settle();
  for (int i = 0; i < 3; ++i) world_.pass(std::chrono::minutes(11));
  EXPECT_THAT(world_.resources(), Contains("prod-1.prod.shop.workload.web"));
  EXPECT_EQ(world_.state("shop.prod"), "Blocked 1");
}

TEST_F(Values, WhatIsAskedForIsWhatRuns) {
  world_.apply(environment("prod", "{regions: {selector: tier=prod}, builds: {by: approval}}"));
  const auto approve = [&](const std::string& name) {
    v1::ApproveRequest request;
    request.set_application(name);
    request.set_environment("prod");
    ASSERT_TRUE(frontend::approve(world_.context(), world_.caller, request)) << name;
    world_.settle();
  };
  apply(application("bank", kOfferer));
  apply(application("shop", kAsker));
  world_.settle();
  approve("bank");
  approve("shop");
  const std::string shop = "prod-1.prod.shop.workload.web";
  EXPECT_THAT(url_of(world_, shop), HasSubstr("http://web.bank.prod.internal:7000"));
  auto moved = kOfferer;
  moved.replace(moved.find("7000"), 4, "7001");
  apply(application("bank", moved));
  world_.settle();
  EXPECT_THAT(url_of(world_, "dev-1.dev.shop.workload.web"), HasSubstr("internal:7001"));
  EXPECT_THAT(url_of(world_, shop), HasSubstr("internal:7000")) << "the new one waits for approval";
  approve("bank");
  EXPECT_THAT(url_of(world_, shop), HasSubstr("internal:7001"));
  v1::RollbackRequest back;
  back.set_application("bank");
  back.set_environment("prod");
  ASSERT_TRUE(frontend::rollback(world_.context(), world_.caller, back));
  world_.settle();
  EXPECT_THAT(url_of(world_, shop), HasSubstr("internal:7000"));
}

// A token for some applications learns that others change, and not what stands in them.
TEST_F(Values, APlanShowsOthersWithoutTheirContent) {
  apply(application("bank", kOfferer));
  apply(application("shop", kAsker));
  world_.settle();
  auto moved = kOfferer;
  moved.replace(moved.find("7000"), 4, "7001");
  const auto objects = model::decode(application("bank", moved)).value();
  const auto text = [&](const std::vector<std::string>& applications) {
    return frontend::plan(world_.context(), frontend::plan_apply(world_.caller, objects, {}), applications)
        ->text();
  };
  EXPECT_THAT(text({}), HasSubstr("URL \"http://web.bank.dev.internal:7000\""));
  EXPECT_THAT(text({"bank"}), testing::AllOf(HasSubstr("rolls 1 replica"), Not(HasSubstr("URL"))));
}

TEST_F(Values, ToBeAskedForByNameIsNoRoll) {
  apply(application("shop", kWeb));
  world_.settle();
  const std::string asking = R"({score: {containers: {main: {image: "reg.example/other:1"}},
      resources: {web: {type: service}}}})";
  auto yaml = application("shop", kWeb);
  const std::string other = R"({score: {containers: {main: {image: "reg.example/other:1"}}}})";
  yaml.replace(yaml.find(other), other.size(), asking);
  EXPECT_THAT(planned(yaml).text(), HasSubstr("is asked for by name"));
}

std::string join(World& world, const std::string& region,
                 const std::map<std::string, std::string>& labels = {}) {
  v1::JoinTokenRequest request;
  request.set_region(region);
  for (const auto& [name, value] : labels) (*request.mutable_labels())[name] = value;
  v1::EnrolRequest enrol;
  enrol.set_token(frontend::create_join_token(world.context(), world.caller, request)->token());
  enrol.set_agent("agent-" + region);
  enrol.set_public_key("U" + region);
  const auto agent = frontend::redeem_join_token(world.context(), enrol);
  return agent ? "" : agent.error().message;
}

// As a hub is at its first start.
TEST(FirstRegion, IsWhereApplicationsGoAndALaterOneIsNotUntilItIsSelected) {
  MemoryStore store;
  World world(store, QLEET_SOURCE_DIR "/profiles");
  world.apply(R"({apiVersion: qleet.io/v1, kind: Environment, metadata: {name: default},
                  spec: {regions: {selector: "default=true"}}})");
  ASSERT_EQ(join(world, "local-1"), "");
  ASSERT_EQ(join(world, "eu-1", {{"geo", "eu"}}), "");
  EXPECT_EQ(world.at<v1::Region>("local-1").metadata().labels().at("default"), "true");
  EXPECT_FALSE(world.at<v1::Region>("eu-1").metadata().labels().contains("default"));
  world.settle();
  EXPECT_THAT(world.at<v1::Environment>("default").status().regions(), ElementsAre("local-1"));
  ASSERT_EQ(join(world, "eu-2", {{"default", "true"}}), "");
  world.settle();
  EXPECT_THAT(world.at<v1::Environment>("default").status().regions(), ElementsAre("eu-2", "local-1"));
}

TEST(FirstRegion, ThatAnOperatorLabelledHimselfStaysAsItIs) {
  World world;
  ASSERT_EQ(join(world, "local-1", {{"default", "false"}}), "");
  EXPECT_EQ(world.at<v1::Region>("local-1").metadata().labels().at("default"), "false");
}

TEST(FirstRegion, TheShippedEnvironmentSelectsIt) {
  MemoryStore with;
  MemoryStore without;
  const ManualClock clock;
  crypto::SeededRandom random{7};
  for (const auto& [store, folder] :
       {std::pair<MemoryStore*, std::string>{&with, QLEET_SOURCE_DIR "/profiles"}, {&without, ""}}) {
    ASSERT_TRUE(frontend::ensure_defaults({*store, clock, &random}, folder));
    const auto made = objects::get<v1::Environment>(**store->snapshot(), "default");
    ASSERT_TRUE(made && *made);
    EXPECT_EQ((*made)->spec().regions().selector(), "default=true");
  }
}

TEST(ProfileChecks, TiesAndProvidersThatNobodyHasWarn) {
  World world;
  world.join("lab");
  const auto profile = [](const std::string& name, const std::string& more) {
    return fmt::format(
        "{{apiVersion: qleet.io/v1, kind: Profile, metadata: {{name: {}}}, spec: {{satisfies: {{type: "
        "queue}}, default: true, {}}}}}",
        name, more);
  };
  EXPECT_EQ(world.apply(profile("one", "provider: container, template: {kind: volume}")).warnings_size(), 0);
  const auto tie = world.apply(profile("two", "provider: container, template: {kind: volume}"));
  ASSERT_EQ(tie.warnings_size(), 1);
  EXPECT_THAT(tie.warnings(0), HasSubstr("profiles two and one are both default for type queue"));
  EXPECT_EQ(world.apply(profile("two", "provider: container, template: {kind: volume}, regions: \"geo=eu\""))
                .warnings_size(),
            0);

  ASSERT_TRUE(world.store.transact([&](Txn& txn) -> Result<> {
    auto agents = TRY(objects::list<v1::Agent>(txn));
    for (auto& agent : agents) {
      agent.mutable_status()->add_providers("container");
      auto& schema = *agent.mutable_status()->add_schemas();
      schema.set_provider("container");
      (*schema.mutable_template_()->mutable_fields())["additionalProperties"].set_bool_value(false);
      (*(*schema.mutable_template_()->mutable_fields())["properties"]
            .mutable_struct_value()
            ->mutable_fields())["kind"];
      schema.add_outputs("name");
      schema.add_outputs("port.*");
      TRY(objects::put_status(txn, agent));
    }
    return {};
  }));
  const auto warnings = [&](const std::string& more) {
    std::vector<std::string> all;
    for (const auto& warning : world.apply(profile("two", more + ", regions: \"geo=eu\"")).warnings())
      all.push_back(warning);
    return all;
  };
  EXPECT_THAT(warnings("provider: contianer"), ElementsAre(HasSubstr("did you mean \"container\"?")));
  EXPECT_THAT(
      warnings("provider: container, template: {kidn: volume}"),
      ElementsAre(testing::AllOf(HasSubstr("spec.template.kidn"), HasSubstr("did you mean \"kind\"?"))));
  EXPECT_THAT(warnings("provider: container, outputs: {a: \"${self.nmae}\", b: \"${self.port.80}\"}"),
              ElementsAre(HasSubstr("did you mean \"name\"?")));
  EXPECT_THAT(warnings("provider: values, outputs: {a: x}"), ElementsAre());
}

}  // namespace
}  // namespace qleet::hub::tests
