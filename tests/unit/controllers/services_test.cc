// Dependencies whose outputs the hub works out itself: other workloads, the environment's variables, profiles
// that make nothing; and what an environment says of an application.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/model/service_name.h"
#include "common/template/template.h"
#include "hub/controllers/resolver.h"
#include "hub/controllers/values.h"
#include "tests/unit/controllers/protos.h"

namespace qleet::hub::controllers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ProfilePtr profile(const std::string& name, const std::string& spec) {
  return std::make_shared<const v1::Profile>(tests::from_json<v1::Profile>(
      fmt::format(R"({{"metadata":{{"name":"{}","generation":1}},"spec":{}}})", name, spec)));
}

class SomeOffers final : public Offers {
 public:
  std::map<std::string, Offered> offered;  // "<environment>/<id>"
  Result<std::optional<Offered>> find(std::string_view environment, std::string_view id) override {
    const auto found = offered.find(fmt::format("{}/{}", environment, id));
    return found == offered.end() ? std::nullopt : std::optional(found->second);
  }
};

struct World {
  v1::ApplicationSpec app;
  v1::Environment environment = tests::from_json<v1::Environment>(R"({"metadata":{"name":"prod"}})");
  v1::Region region = tests::from_json<v1::Region>(R"({"metadata":{"name":"eu-1"}})");
  std::vector<ProfilePtr> profiles = {
      profile("workload-any",
              R"({"satisfies":{"type":"workload"},"scope":"application","default":true,"provider":"x",
               "template":{"score":"${params.score}","replicas":"${params.replicas}"}})"),
      profile("route-any", R"({"satisfies":{"type":"route"},"default":true,"provider":"x",
               "parameters":{"host":{"type":"string"},"port":{"type":"integer"},"secret":{"type":"string","default":"","operator":true}},
               "template":{"host":"${params.host}","port":"${params.port}","secret":"${params.secret}"},"outputs":{"url":"u"}})"),
      profile("dns-values", R"({"satisfies":{"type":"dns"},"default":true,"provider":"values",
               "parameters":{"domain":{"type":"string","default":"localhost"}},
               "outputs":{"host":"${metadata.id}.${metadata.environment}.${params.domain}"}})"),
  };
  SomeOffers offers;

  explicit World(const std::string& workloads)
      : app(tests::from_json<v1::ApplicationSpec>(R"({"workloads":)" + workloads + "}")) {}

  void set(const std::string& spec) {
    environment = tests::from_json<v1::Environment>(R"({"metadata":{"name":"prod"},"spec":)" + spec + "}");
  }

  Graph resolve() {
    ProfileList list(profiles);
    ResolveInput input;
    input.application = "shop";
    input.definition = &app;
    input.environment = &environment;
    input.region = &region;
    input.profiles = &list;
    input.offers = &offers;
    auto graph = controllers::resolve(input);
    if (!graph) throw std::runtime_error(graph.error().message);
    return *graph;
  }
  std::string refusal() {
    const auto graph = resolve();
    return graph.refusal ? graph.refusal->field + ": " + graph.refusal->message : "";
  }
  // The template of one resource, as JSON.
  std::string made(const std::string& name) {
    const auto graph = resolve();
    if (graph.refusal) return graph.refusal->message;
    for (const auto& node : graph.nodes)
      if (node.name == name) return templates::canonical(node.spec.template_());
    return "there is no " + name;
  }
};

std::string workload(const std::string& name, const std::string& variables, const std::string& resources,
                     const std::string& more = "") {
  return fmt::format(
      R"("{}":{{"score":{{"containers":{{"main":{{"image":"img","variables":{}}}}},"resources":{},
          "service":{{"ports":{{"http":{{"port":80,"targetPort":8080}},"admin":{{"port":9000}}}}}}}}{}}})",
      name, variables, resources, more);
}

const std::string kApi = workload("api", "{}", "{}");

TEST(ServiceName, IsUnambiguousAndWithinWhatDnsTakes) {
  EXPECT_EQ(model::service_hostname("api", "shop", "prod"), "api.shop.prod.internal");
  const std::string longest(63, 'a');
  EXPECT_LE(model::service_hostname(longest, longest, longest).size(), 253U);
  // "a-b" + "c" and "a" + "b-c" are two names.
  EXPECT_NE(model::service_hostname("a-b", "c", "e"), model::service_hostname("a", "b-c", "e"));
}

TEST(Services, AWorkloadFindsAnotherByNameAndPort) {
  World world(
      "{" + kApi + "," +
      workload(
          "web",
          R"({"URL":"${resources.api.url}","HOST":"${resources.api.hostname}","PORT":"${resources.api.port}",
                           "NAME":"${resources.api.name}"})",
          R"({"api":{"type":"service","params":{"workload":"api","port":"http"}}})") +
      "}");
  const auto web = world.made("eu-1.prod.shop.workload.web");
  EXPECT_THAT(web, HasSubstr(R"("URL":"http://api.shop.prod.internal:8080")"));
  EXPECT_THAT(web, HasSubstr(R"("HOST":"api.shop.prod.internal")"));
  EXPECT_THAT(web, HasSubstr(R"("PORT":"8080")"));
  EXPECT_THAT(web, HasSubstr(R"("NAME":"api.shop.prod.internal")"));
  EXPECT_THAT(web, testing::Not(HasSubstr(R"("hostname")")));
  // Who is asked for is told its name.
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.api"), HasSubstr(R"("hostname":"api.shop.prod.internal")"));
  // No resource of its own, and nothing that one waits for.
  const auto graph = world.resolve();
  EXPECT_EQ(graph.nodes.size(), 2U);
  for (const auto& node : graph.nodes) EXPECT_TRUE(node.spec.dependencies().empty()) << node.name;
  EXPECT_TRUE(graph.types.contains("service"));
}

TEST(Services, TwoAskForEachOther) {
  World world(
      "{" +
      workload("a", R"({"B":"${resources.b.url}"})", R"({"b":{"type":"service","params":{"port":9000}}})") +
      "," +
      workload("b", R"({"A":"${resources.peer.url}"})",
               R"({"peer":{"type":"service","params":{"workload":"a","port":80}}})") +
      "}");
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.a"), HasSubstr("http://b.shop.prod.internal:9000"));
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.b"), HasSubstr("http://a.shop.prod.internal:8080"));
}

TEST(Services, OfAnotherApplicationByAnIdThatItOffers) {
  World world("{" +
              workload("web", R"({"URL":"${resources.pay.url}"})",
                       R"({"pay":{"type":"service","id":"payments","params":{"port":"http"}}})") +
              "}");
  EXPECT_EQ(world.refusal(),
            "spec.workloads.web.score.resources.pay.id: service \"pay\" of workload web: no application of "
            "environment "
            "prod offers \"payments\"; a workload offers itself with offers: [payments]");
  EXPECT_EQ(world.resolve().refusal->reason, "NotOffered");
  auto& offered = world.offers.offered["prod/payments"];
  offered = {"bank", "api", {}};
  (*offered.service.mutable_ports())["http"].set_port(7000);
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr("http://api.bank.prod.internal:7000"));
  // What offers itself is told its name, whether anybody asks or not.
  World bank("{" + workload("api", "{}", "{}", R"(,"offers":["payments"])") + "}");
  EXPECT_THAT(bank.made("eu-1.prod.shop.workload.api"), HasSubstr(R"("hostname":"api.shop.prod.internal")"));
}

TEST(Services, WhatCannotBeIsRefusedWithTheNearest) {
  const auto refused = [](const std::string& resource) {
    return World("{" + kApi + "," + workload("web", "{}", R"({"api":)" + resource + "}") + "}").refusal();
  };
  EXPECT_THAT(refused(R"({"type":"service","params":{"workload":"apy","port":"http"}})"),
              testing::AllOf(HasSubstr("resources.api.params.workload"), HasSubstr("did you mean \"api\"?")));
  EXPECT_THAT(
      refused(R"({"type":"service","params":{"port":"grpc"}})"),
      testing::AllOf(HasSubstr("resources.api.params.port"), HasSubstr("there is: admin (9000), http (80)")));
  EXPECT_THAT(refused(R"({"type":"service"})"), HasSubstr("it has several ports, say which"));
  EXPECT_THAT(refused(R"({"type":"service","params":{"prot":"http"}})"), HasSubstr("did you mean \"port\"?"));
  EXPECT_THAT(refused(R"({"type":"service","id":"some-id","params":{"workload":"api"}})"),
              HasSubstr("leave out the parameter \"workload\""));
  EXPECT_THAT(
      refused(R"({"type":"workload"})"),
      testing::AllOf(HasSubstr("resources.api.type"), HasSubstr("type: service, params: {workload:")));
  World output("{" + kApi + "," +
               workload("web", R"({"U":"${resources.api.urll}"})",
                        R"({"api":{"type":"service","params":{"port":"http"}}})") +
               "}");
  EXPECT_THAT(output.refusal(), HasSubstr("did you mean \"url\"?"));
}

TEST(Services, AnEndpointSaysMoreThanIsNeeded) {
  World world("{" + kApi + "," +
              workload("web", R"({"U":"${resources.api.url}"})",
                       R"({"api":{"type":"endpoint","params":{"port":80,"openapi_file":"x.yaml"}}})") +
              "}");
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr("http://api.shop.prod.internal:8080"));
}

TEST(Services, AProfileOfTheOperatorCountsInstead) {
  World world("{" + kApi + "," +
              workload("web", R"({"U":"${resources.api.url}"})", R"({"api":{"type":"service"}})") + "}");
  world.profiles.push_back(profile(
      "mesh",
      R"({"satisfies":{"type":"service"},"default":true,"provider":"mesh","outputs":{"url":"${self.url}"}})"));
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr("${resources.api.url}"));
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.api"), testing::Not(HasSubstr("hostname")));
}

TEST(EnvironmentType, ItsVariablesAndWhatTheApplicationFallsBackTo) {
  World world("{" +
              workload("web", R"({"LEVEL":"${resources.env.LEVEL}","MODE":"${resources.env.MODE}"})",
                       R"({"env":{"type":"environment","params":{"LEVEL":"debug","MODE":"slow"}}})") +
              "}");
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr(R"("LEVEL":"debug","MODE":"slow")"));
  world.set(R"({"variables":{"LEVEL":"info"}})");
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr(R"("LEVEL":"info","MODE":"slow")"));
  world.set(R"({"variables":{"LEVEL":"info"},"applications":{"shop":{"workloads":{"web":
      {"params":{"env":{"LEVEL":"warn"}}}}}}})");
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr(R"("LEVEL":"warn","MODE":"slow")"));
  World missing(
      "{" + workload("web", R"({"LEVEL":"${resources.env.LEVLE}"})", R"({"env":{"type":"environment"}})") +
      "}");
  missing.set(R"({"variables":{"LEVEL":"$${info}"}})");
  EXPECT_THAT(missing.refusal(), testing::AllOf(HasSubstr("environment prod has no such variable"),
                                                HasSubstr("did you mean \"LEVEL\"?")));
}

TEST(EnvironmentType, AVariableIsTextWhateverItLooksLike) {
  World world("{" + workload("web", R"({"A":"${resources.env.A}"})", R"({"env":{"type":"environment"}})") +
              "}");
  world.set(R"({"variables":{"A":"${resources.db.password}"}})");
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr(R"("A":"$${resources.db.password}")"));
}

TEST(ValuesProvider, TheHubSaysWhatTheOutputsAre) {
  World world(
      "{" +
      workload(
          "web", R"({"H":"${resources.dns.host}"})",
          R"({"dns":{"type":"dns"},"url":{"type":"route","params":{"host":"${resources.dns.host}","port":80}}})") +
      "}");
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr(R"("H":"web.dns.prod.localhost")"));
  // Known at once, so a route's claim to it is as well.
  EXPECT_THAT(world.made("eu-1.prod.shop.route.web.url"), HasSubstr(R"("host":"web.dns.prod.localhost")"));
  EXPECT_EQ(world.resolve().nodes.size(), 2U);
}

TEST(ScoreMetadata, SaysWhereItRuns) {
  World world(
      "{" +
      workload(
          "web", R"({"WHERE":"${metadata.environment} in ${metadata.region}"})",
          R"({"url":{"type":"route","params":{"host":"${metadata.environment}.shop.example","port":80}}})") +
      "}");
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr(R"("WHERE":"prod in eu-1")"));
  EXPECT_THAT(world.made("eu-1.prod.shop.route.web.url"), HasSubstr(R"("host":"prod.shop.example")"));
  // A document's own metadata of that name is its own.
  (*(*world.app.mutable_workloads())["web"]
        .mutable_score()
        ->mutable_metadata()
        ->mutable_fields())["environment"]
      .set_string_value("mine");
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr(R"("WHERE":"mine in eu-1")"));
}

TEST(Values, PutOverWhatTheApplicationSays) {
  World world("{" +
              workload("web", R"({"A":"app","B":"app"})",
                       R"({"url":{"type":"route","params":{"host":"a.example","port":80}}})",
                       R"(,"replicas":2)") +
              "," + kApi + "}");
  const auto api = world.made("eu-1.prod.shop.workload.api");
  world.set(R"({"variables":{"A":"environment"},"applications":{"shop":{"workloads":{"web":{"replicas":4,
      "variables":{"B":"here","C":"${metadata.region}"},"params":{"url":{"host":"b.example"}}}}}}})");
  const auto web = world.made("eu-1.prod.shop.workload.web");
  EXPECT_THAT(web, HasSubstr(R"("A":"app","B":"here","C":"eu-1")"));
  EXPECT_THAT(web, HasSubstr(R"("replicas":4)"));
  EXPECT_THAT(world.made("eu-1.prod.shop.route.web.url"), HasSubstr(R"("host":"b.example")"));
  EXPECT_THAT(world.made("eu-1.prod.shop.route.web.url"), HasSubstr(R"("port":80)"));
  EXPECT_EQ(world.made("eu-1.prod.shop.workload.api"), api) << "what is not spoken of is as it was";
}

TEST(Values, ZeroReplicasAreSaidAndNothingIsNot) {
  World world("{" + workload("web", "{}", "{}", R"(,"replicas":2)") + "}");
  world.set(R"({"applications":{"shop":{"workloads":{"web":{"replicas":0}}}}})");
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr(R"("replicas":0)"));
  world.set(R"({"applications":{"shop":{"workloads":{"web":{}}}}})");
  EXPECT_THAT(world.made("eu-1.prod.shop.workload.web"), HasSubstr(R"("replicas":2)"));
}

TEST(Values, AnEnvironmentSetsWhatIsTheOperators) {
  World world("{" + workload("web", "{}", R"({"url":{"type":"route","params":{"host":"h","port":80}}})") +
              "}");
  world.set(R"({"applications":{"shop":{"workloads":{"web":{"params":{"url":{"secret":"s"}}}}}}})");
  EXPECT_THAT(world.made("eu-1.prod.shop.route.web.url"), HasSubstr(R"("secret":"s")"));
}

TEST(Values, WhatIsWrongIsSaidToComeFromTheEnvironment) {
  World world("{" + workload("web", "{}", R"({"url":{"type":"route","params":{"host":"h","port":80}}})") +
              "}");
  world.set(R"({"applications":{"shop":{"workloads":{"web":{"params":{"url":{"port":"eighty"}}}}}}})");
  EXPECT_THAT(world.refusal(),
              testing::AllOf(HasSubstr("must be a whole number"), HasSubstr("(environment prod says so)")));
  const auto field = world.resolve().refusal->field;
  EXPECT_EQ(field_in_environment(world.environment, "shop", field),
            "spec.applications.shop.workloads.web.params.url.port");
  EXPECT_EQ(field_in_environment(world.environment, "shop", "spec.workloads.web.replicas"), std::nullopt);
  EXPECT_EQ(field_in_environment(world.environment, "cart", field), std::nullopt);
}

TEST(Choice, TheMoreSpecificOfTwoDefaultsWins) {
  const auto plain = profile("a-plain", R"({"satisfies":{"type":"t"},"default":true,"provider":"x"})");
  const auto narrow =
      profile("b-narrow", R"({"satisfies":{"type":"t"},"default":true,"provider":"x","regions":"geo=eu"})");
  const auto other = profile(
      "c-other", R"({"satisfies":{"type":"t"},"default":true,"provider":"x","environments":"geo=eu"})");
  const auto region = tests::from_json<v1::Region>(R"({"metadata":{"name":"r","labels":{"geo":"eu"}}})");
  const ProfileAsk ask{"t", "", nullptr};
  EXPECT_EQ(choose_profile({plain, narrow}, ask, {nullptr, &region})->metadata().name(), "b-narrow");
  EXPECT_FALSE(equally_specific(*plain, *narrow));
  EXPECT_TRUE(equally_specific(*narrow, *other));
  const auto fifteen =
      profile("d", R"({"satisfies":{"type":"t","params":{"v":"15"}},"default":true,"provider":"x"})");
  const auto sixteen =
      profile("e", R"({"satisfies":{"type":"t","params":{"v":"16"}},"default":true,"provider":"x"})");
  EXPECT_FALSE(equally_specific(*fifteen, *sixteen)) << "nobody asks for both";
}

}  // namespace
}  // namespace qleet::hub::controllers
