#include "hub/controllers/resolver.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "common/template/template.h"
#include "hub/controllers/identity.h"
#include "tests/unit/controllers/protos.h"

namespace qleet::hub::controllers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

ProfilePtr profile(const std::string& name, const std::string& spec, std::uint32_t generation = 1,
                   const std::string& labels = "{}") {
  return std::make_shared<const v1::Profile>(tests::from_json<v1::Profile>(
      fmt::format(R"({{"metadata":{{"name":"{}","generation":{},"labels":{}}},"spec":{}}})", name, generation,
                  labels, spec)));
}

const std::string kWorkloadProfile =
    R"({"satisfies":{"type":"workload"},"default":true,"provider":"container","requires":{"runtime":{"type":"container-host"}},
        "parameters":{"score":{"type":"object"},"replicas":{"type":"integer","default":1}},
        "template":{"score":"${params.score}","replicas":"${params.replicas}","network":"${requires.runtime.network}",
                    "env":"${variables.tier}","me":"${metadata.name}"},
        "outputs":{"address":"${self.address}"}})";

std::vector<ProfilePtr> defaults() {
  return {
      profile("workload-container", kWorkloadProfile),
      profile(
          "host",
          R"({"satisfies":{"type":"container-host"},"scope":"region","default":true,"provider":"container",
                          "template":{"kind":"host"},"outputs":{"network":"${self.network}"}})"),
      profile("postgres-container",
              R"({"satisfies":{"type":"postgres"},"scope":"application","default":true,"provider":"container",
                  "parameters":{"version":{"type":"string","default":"15"},"size":{"type":"string","default":"1Gi"}},
                  "requires":{"data":{"type":"volume","params":{"size":"${params.size}"}},"runtime":{"type":"container-host"}},
                  "template":{"image":"pg:${params.version}","volumes":{"/data":"${requires.data.name}"},
                              "secrets":{"PASS":"${generated.password}"}},
                  "outputs":{"host":"${self.address}","port":5432,"password":"${generated.password}"},
                  "whenUnused":{"after":"1h","do":"retain"}})"),
      profile("volume-container",
              R"({"satisfies":{"type":"volume"},"default":true,"provider":"container",
                  "parameters":{"size":{"type":"string"}},
                  "template":{"size":"${params.size}"},"outputs":{"name":"${self.name}"}})"),
      profile("redis-container",
              R"({"satisfies":{"type":"redis"},"scope":"environment","default":true,"provider":"container",
                  "parameters":{"memory":{"type":"string","default":"64M"}},"template":{"memory":"${params.memory}"},
                  "outputs":{"host":"${self.address}"}})"),
      profile("dns-container", R"({"satisfies":{"type":"dns"},"default":true,"provider":"dns","template":{},
                                   "outputs":{"host":"${self.host}"}})"),
      profile("route-container",
              R"({"satisfies":{"type":"route"},"default":true,"provider":"route",
                  "parameters":{"host":{"type":"string"},"port":{"type":"integer"}},
                  "template":{"host":"http://${params.host}","port":"${params.port}"},"outputs":{"url":"x"}})"),
  };
}

struct World {
  v1::ApplicationSpec app;
  v1::Environment environment = tests::from_json<v1::Environment>(
      R"({"metadata":{"name":"dev"},"spec":{"variables":{"tier":"small"}}})");
  v1::Region region = tests::from_json<v1::Region>(R"({"metadata":{"name":"local"}})");
  std::vector<ProfilePtr> profiles = defaults();
  std::vector<ProfilePtr> pinned;

  explicit World(const std::string& workloads)
      : app(tests::from_json<v1::ApplicationSpec>(R"({"workloads":)" + workloads + "}")) {}

  Graph resolve() {
    ProfileList list(profiles);
    auto graph = controllers::resolve({"shop", &app, &environment, &region, pinned, &list});
    if (!graph) throw std::runtime_error(graph.error().message);
    return *graph;
  }
};

std::string web(const std::string& resources, const std::string& variables = "{}") {
  return fmt::format(
      R"({{"web":{{"score":{{"containers":{{"web":{{"image":"img","variables":{}}}}},"resources":{}}},"replicas":2}}}})",
      variables, resources);
}

std::vector<std::string> names(const Graph& graph) {
  std::vector<std::string> all;
  for (const auto& node : graph.nodes) all.push_back(node.name);
  return all;
}

const Node& node(const Graph& graph, const std::string& name) {
  for (const auto& node : graph.nodes) {
    if (node.name == name) return node;
  }
  throw std::runtime_error("no node " + name +
                           "; there is: " + fmt::format("{}", fmt::join(names(graph), " ")));
}

std::map<std::string, std::string> dependencies(const Node& node) {
  return {node.spec.dependencies().begin(), node.spec.dependencies().end()};
}

TEST(Resolver, FollowsRequiresDownToTheRuntime) {
  const auto graph = World(web(R"({"db":{"type":"postgres"}})")).resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  EXPECT_THAT(names(graph),
              ElementsAre("local.dev.shop.volume.postgres.web.db.data", "local.-.-.container-host.default",
                          "local.dev.shop.postgres.web.db", "local.dev.shop.workload.web"));
  EXPECT_THAT(dependencies(node(graph, "local.dev.shop.workload.web")),
              ElementsAre(Pair("db", "local.dev.shop.postgres.web.db"),
                          Pair("runtime", "local.-.-.container-host.default")));
  EXPECT_THAT(dependencies(node(graph, "local.dev.shop.postgres.web.db")),
              ElementsAre(Pair("data", "local.dev.shop.volume.postgres.web.db.data"),
                          Pair("runtime", "local.-.-.container-host.default")));
  EXPECT_THAT(graph.types, ElementsAre("container-host", "postgres", "volume", "workload"));
  std::vector<std::string> edges;
  for (const auto& edge : graph.edges) edges.push_back(edge.user + ">" + edge.resource + ":" + edge.alias);
  EXPECT_THAT(edges, UnorderedElementsAre(
                         ">local.dev.shop.workload.web:web",
                         "local.dev.shop.workload.web>local.dev.shop.postgres.web.db:db",
                         "local.dev.shop.workload.web>local.-.-.container-host.default:runtime",
                         "local.dev.shop.postgres.web.db>local.dev.shop.volume.postgres.web.db.data:data",
                         "local.dev.shop.postgres.web.db>local.-.-.container-host.default:runtime"));
}

TEST(Resolver, FillsInWhatItKnowsAndLeavesTheRest) {
  const auto graph =
      World(web(R"({"db":{"type":"postgres","params":{"version":"16"}}})",
                R"({"URL":"pg://${resources.db.password}@${resources.db.host}/${metadata.name}",
                                   "PLAIN":"$${HOME}"})"))
          .resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  const auto& db = node(graph, "local.dev.shop.postgres.web.db");
  EXPECT_EQ(db.spec.template_().fields().at("image").string_value(), "pg:16");
  EXPECT_EQ(db.spec.template_().fields().at("secrets").struct_value().fields().at("PASS").string_value(),
            "${generated.password}");
  EXPECT_EQ(db.spec.params().fields().at("size").string_value(), "1Gi");
  EXPECT_EQ(db.spec.when_unused().after_ms(), 3'600'000u);
  EXPECT_EQ(db.spec.when_unused().do_(), "retain");
  EXPECT_EQ(node(graph, "local.dev.shop.volume.postgres.web.db.data")
                .spec.template_()
                .fields()
                .at("size")
                .string_value(),
            "1Gi");
  const auto& workload = node(graph, "local.dev.shop.workload.web").spec;
  const auto& fields = workload.template_().fields();
  EXPECT_EQ(fields.at("replicas").number_value(), 2);
  EXPECT_EQ(fields.at("env").string_value(), "small");
  EXPECT_EQ(fields.at("me").string_value(), "local.dev.shop.workload.web");
  const auto& variables = fields.at("score")
                              .struct_value()
                              .fields()
                              .at("containers")
                              .struct_value()
                              .fields()
                              .at("web")
                              .struct_value()
                              .fields()
                              .at("variables")
                              .struct_value()
                              .fields();
  EXPECT_EQ(variables.at("URL").string_value(), "pg://${resources.db.password}@${resources.db.host}/web");
  EXPECT_EQ(variables.at("PLAIN").string_value(), "$${HOME}");
  EXPECT_EQ(workload.when_unused().after_ms(), 0u);
  EXPECT_FALSE(workload.params().fields().contains("score"));
}

TEST(Resolver, KeepsAShellsPlaceholdersLiteral) {
  World world(
      R"({"web":{"score":{"containers":{"web":{"image":"i","args":["-c","echo ${HOME} ${metadata.name}"],
                  "files":[{"target":"/f","content":"${anything}","noExpand":true}]}}}}})");
  const auto graph = world.resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  const auto text = tests::as_json(node(graph, "local.dev.shop.workload.web").spec.template_());
  EXPECT_THAT(text, HasSubstr("echo $${HOME} web"));
  EXPECT_THAT(text, HasSubstr("$${anything}"));
}

// What a template still asks the agent for.
std::set<templates::Path> asked_of_the_agent(const Node& node) {
  std::set<templates::Path> all;
  for (const auto* part : {&node.spec.template_(), &node.spec.outputs()}) {
    const auto found = templates::references(*part);
    if (!found) throw std::runtime_error(node.name + ": " + found.error().message);
    all.insert(found->begin(), found->end());
  }
  return all;
}

TEST(Resolver, TextFromMetadataIsNotAPlaceholder) {
  World world(
      R"({"web":{"score":{"metadata":{"name":"web","annotations":{"x":"${generated.password}"},"dollar":"$","brace":"{self.address}"},
                          "containers":{"web":{"image":"i","args":["${metadata.annotations.x}"],
                              "variables":{"ALONE":"${metadata.annotations.x}","BESIDE":"a ${metadata.annotations.x}",
                                           "MADE":"${metadata.dollar}{generated.password}",
                                           "MADE2":"${metadata.dollar}${metadata.brace}"},
                              "files":[{"target":"/f","content":"${metadata.annotations.x}"}]}},
                          "resources":{"url":{"type":"route","params":{"host":"${metadata.annotations.x}","port":80}}}}}})");
  (*world.environment.mutable_spec()->mutable_variables())["tier"] = "${generated.environment}";
  const auto graph = world.resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  EXPECT_THAT(
      asked_of_the_agent(node(graph, "local.dev.shop.workload.web")),
      ElementsAre(templates::Path{"requires", "runtime", "network"}, templates::Path{"self", "address"}));
  EXPECT_THAT(asked_of_the_agent(node(graph, "local.dev.shop.route.web.url")), ElementsAre());
  // The agent makes of it what was written.
  const auto filled = templates::expand(
      node(graph, "local.dev.shop.workload.web").spec.template_(),
      [](const templates::Path&) -> Result<std::optional<google::protobuf::Value>> { return std::nullopt; },
      true);
  ASSERT_TRUE(filled);
  const auto json = tests::as_json(*filled);
  EXPECT_THAT(json, HasSubstr(R"("ALONE":"${generated.password}")"));
  EXPECT_THAT(json, HasSubstr(R"("BESIDE":"a ${generated.password}")"));
  EXPECT_THAT(json, HasSubstr(R"("MADE":"${generated.password}")"));
  EXPECT_THAT(json, HasSubstr(R"("MADE2":"${self.address}")"));
  EXPECT_THAT(json, HasSubstr(R"("env":"${generated.environment}")"));
}

// Whatever a developer writes, wherever text can stand: the agent is asked for outputs of what the workload
// depends on, and for what the profiles themselves ask for.
TEST(Resolver, NoTextOfADeveloperIsExpandedUnchecked) {
  const std::vector<std::string> parts = {"${generated.password}",
                                          "${self.address}",
                                          "${requires.runtime.network}",
                                          "${params.score}",
                                          "${variables.tier}",
                                          "${metadata.a}",
                                          "${metadata.b}",
                                          "${metadata.n.c}",
                                          "${metadata.n}",
                                          "${metadata.name}",
                                          "${resources.db.host}",
                                          "${resources.db}",
                                          "${resources.url.url}",
                                          "$",
                                          "$$",
                                          "$${",
                                          "${",
                                          "{generated.password}",
                                          "{self.address}",
                                          "}",
                                          "generated.password}",
                                          "text",
                                          " ",
                                          "\\"};
  std::mt19937 dice(7);  // NOLINT(cert-msc51-cpp): the same every time
  const auto some = [&] {
    std::string out;
    for (auto left = dice() % 4 + 1; left > 0; --left) out += parts[dice() % parts.size()];
    return out;
  };
  std::set<templates::Path> of_profiles;
  World plain(web(R"({"db":{"type":"postgres"},"url":{"type":"route","params":{"host":"h","port":80}}})"));
  for (const auto& node : plain.resolve().nodes) of_profiles.merge(asked_of_the_agent(node));
  int resolved = 0;
  for (int turn = 0; turn < 4'000; ++turn) {
    World world(web(R"({"db":{"type":"postgres"},"url":{"type":"route","params":{"host":"h","port":80}}})"));
    auto& score = *(*world.app.mutable_workloads())["web"].mutable_score();
    auto& metadata = *score.mutable_metadata()->mutable_fields();
    metadata["a"].set_string_value(some());
    metadata["b"].set_string_value(some());
    (*metadata["n"].mutable_struct_value()->mutable_fields())["c"].set_string_value(some());
    auto& container = (*score.mutable_containers())["web"];
    const auto place = dice() % 8;
    if (place == 0) (*container.mutable_variables())["V"] = some();
    if (place == 1) container.add_args(some());
    if (place == 2) container.add_command(some());
    if (place == 3) container.set_image(some());
    if (place == 4) {
      auto& file = *container.add_files();
      file.set_target(some());
      file.set_content(some());
      file.set_no_expand(dice() % 2 == 0);
    }
    if (place == 5) {
      auto& volume = *container.add_volumes();
      volume.set_source(some());
      volume.set_path(some());
    }
    if (place == 6) container.mutable_readiness_probe()->mutable_http_get()->set_path(some());
    if (place == 7) {
      auto& params = *(*score.mutable_resources())["url"].mutable_params()->mutable_fields();
      params["host"].set_string_value(some());
    }
    const auto graph = world.resolve();
    if (graph.refusal) continue;
    ++resolved;
    for (const auto& node : graph.nodes) {
      for (const auto& path : asked_of_the_agent(node)) {
        const bool dependency = (path[0] == "resources" || path[0] == "requires") && path.size() > 1 &&
                                node.spec.dependencies().contains(path[1]) &&
                                (path[0] == "resources" || of_profiles.contains(path));
        ASSERT_TRUE(dependency || of_profiles.contains(path))
            << node.name << " asks for " << templates::to_text(path) << " after "
            << tests::as_json(world.app);
        ASSERT_FALSE(node.spec.type() == "workload" && path[0] == "generated") << tests::as_json(world.app);
      }
    }
  }
  EXPECT_GT(resolved, 400);
}

TEST(Resolver, TheSameMeaningHasTheSameHash) {
  const auto a = World(web(R"({"db":{"type":"postgres"}})")).resolve();
  const auto b = World(web(R"({"db":{"type":"postgres","params":{"version":"15"}}})")).resolve();
  const auto c = World(web(R"({"db":{"type":"postgres","params":{"version":"16"}}})")).resolve();
  const auto hash = [](const Graph& graph) {
    return node(graph, "local.dev.shop.postgres.web.db").spec.hash();
  };
  EXPECT_EQ(hash(a).size(), 64u);
  EXPECT_EQ(hash(a), hash(b));
  EXPECT_NE(hash(a), hash(c));
}

TEST(Resolver, SharesByScopeAndId) {
  const auto graph =
      World(
          R"({"web":{"score":{"resources":{"cache":{"type":"redis","id":"one"},"db":{"type":"postgres","id":"main"}}}},
                               "api":{"score":{"resources":{"c":{"type":"redis","id":"one"},"d":{"type":"postgres","id":"main"}}}}})")
          .resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  EXPECT_THAT(names(graph),
              UnorderedElementsAre("local.-.-.container-host.default", "local.dev.-.redis.one",
                                   "local.dev.shop.postgres.main", "local.dev.shop.volume.postgres.main.data",
                                   "local.dev.shop.workload.api", "local.dev.shop.workload.web"));
}

TEST(Resolver, PassesOutputsOnThroughParams) {
  const auto graph =
      World(
          web(R"({"dns":{"type":"dns"},"url":{"type":"route","params":{"host":"${resources.dns.host}","port":80}}})"))
          .resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  const auto& route = node(graph, "local.dev.shop.route.web.url");
  ASSERT_EQ(route.spec.dependencies_size(), 1);
  const auto& [alias, target] = *route.spec.dependencies().begin();
  EXPECT_EQ(target, "local.dev.shop.dns.web.dns");
  EXPECT_THAT(alias, testing::StartsWith("from-dns-"));
  EXPECT_EQ(route.spec.template_().fields().at("host").string_value(),
            "http://${resources." + alias + ".host}");
}

TEST(Resolver, AResourceMayHaveTheNameOfWhatItsProfileRequires) {
  const auto graph =
      World(web(R"({"runtime":{"type":"redis"}})", R"({"A":"${resources.runtime.host}"})")).resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  const auto& workload = node(graph, "local.dev.shop.workload.web");
  EXPECT_THAT(dependencies(workload),
              ElementsAre(Pair("requires-runtime", "local.-.-.container-host.default"),
                          Pair("runtime", "local.dev.shop.redis.web.runtime")));
  EXPECT_EQ(workload.spec.template_().fields().at("network").string_value(),
            "${requires.requires-runtime.network}");
}

TEST(Resolver, WhatAProfileRequiresIsNotTakenForAResourceOfThatName) {
  const auto graph =
      World(web(R"({"runtime":{"type":"redis"},"requires-runtime":{"type":"redis"}})")).resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  const auto& workload = node(graph, "local.dev.shop.workload.web");
  EXPECT_THAT(dependencies(workload),
              ElementsAre(Pair("requires-requires-runtime", "local.-.-.container-host.default"),
                          Pair("requires-runtime", "local.dev.shop.redis.web.requires-runtime"),
                          Pair("runtime", "local.dev.shop.redis.web.runtime")));
  EXPECT_EQ(workload.spec.template_().fields().at("network").string_value(),
            "${requires.requires-requires-runtime.network}");
}

TEST(Resolver, AVolumeMayBeNamedByTheResourceAlone) {
  World world(
      R"({"web":{"score":{"containers":{"c":{"image":"i","volumes":[{"source":"${resources.data}","target":"/d"}]}},
                  "resources":{"data":{"type":"volume","params":{"size":"1Gi"}}}}}})");
  const auto graph = world.resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  EXPECT_THAT(tests::as_json(node(graph, "local.dev.shop.workload.web").spec.template_()),
              HasSubstr("${resources.data.name}"));
}

// Score's own escapes, and volumes by the name of a resource.
TEST(Resolver, ReadsTextAsScoreDoes) {
  World world(R"({"web":{"score":{"containers":{"web":{"image":"img",
      "variables":{"COST":"$$5 $${x} $$HOME","NAME":"$$"},
      "volumes":[{"source":"data","target":"/data"}]}},
      "resources":{"data":{"type":"volume","params":{"size":"1Gi"}},
          "url":{"type":"route","params":{"host":"a$$b","port":80}}}}}})");
  const auto graph = world.resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  const auto& score = node(graph, "local.dev.shop.workload.web").spec.template_().fields().at("score");
  const auto& container = score.struct_value().fields().at("containers").struct_value().fields().at("web");
  const auto& variables = container.struct_value().fields().at("variables").struct_value().fields();
  EXPECT_EQ(variables.at("COST").string_value(), "$5 $${x} $HOME");  // a template still
  EXPECT_EQ(variables.at("NAME").string_value(), "$");
  const auto& volume = container.struct_value().fields().at("volumes").list_value().values(0).struct_value();
  EXPECT_EQ(volume.fields().at("source").string_value(), "${resources.data.name}");
  EXPECT_EQ(node(graph, "local.dev.shop.route.web.url").spec.template_().fields().at("host").string_value(),
            "http://a$b");
}

TEST(Resolver, AVolumeThatIsNoResourceIsTheWorkloadsOwn) {
  World world(
      R"({"web":{"score":{"containers":{"web":{"image":"i","volumes":[{"source":"uploads","target":"/d"}]}}}}})");
  std::erase_if(world.profiles, [](const auto& one) { return one->spec().satisfies().type() == "volume"; });
  world.profiles.push_back(profile(
      "volume",
      R"({"satisfies":{"type":"volume"},"default":true,"provider":"x","outputs":{"name":"${self.name}"}})"));
  const auto graph = world.resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  EXPECT_THAT(dependencies(node(graph, "local.dev.shop.workload.web")),
              testing::Contains(Pair("uploads", "local.dev.shop.volume.web.uploads")));
}

TEST(Resolver, AParameterMayBeAPortByItsName) {
  const std::string route = R"({"satisfies":{"type":"route"},"default":true,"provider":"route",
      "parameters":{"port":{"format":"service-port","default":80}},"template":{"port":"${params.port}"},"outputs":{}})";
  const auto graph_of = [&](const std::string& params) {
    World world(R"({"web":{"score":{"containers":{"web":{"image":"img"}},
        "service":{"ports":{"http":{"port":8080},"admin":{"port":9000}}},
        "resources":{"url":{"type":"route","params":)" +
                params + "}}}}}");
    std::erase_if(world.profiles, [](const auto& one) { return one->spec().satisfies().type() == "route"; });
    world.profiles.push_back(profile("route-container", route));
    return world.resolve();
  };
  const auto port_of = [](const Graph& graph) {
    const auto& spec = node(graph, "local.dev.shop.route.web.url").spec;
    EXPECT_EQ(spec.params().fields().at("port").number_value(),
              spec.template_().fields().at("port").number_value());
    return spec.template_().fields().at("port").number_value();
  };
  EXPECT_EQ(port_of(graph_of(R"({"port":"http"})")), 8080);
  EXPECT_EQ(port_of(graph_of(R"({"port":9000})")), 9000);
  EXPECT_EQ(port_of(graph_of("{}")), 80);
  const auto wrong = graph_of(R"({"port":"htp"})");
  ASSERT_TRUE(wrong.refusal);
  EXPECT_EQ(wrong.refusal->field, "spec.workloads.web.score.resources.url.params.port");
  EXPECT_THAT(
      wrong.refusal->message,
      HasSubstr("no port \"htp\" in the workload's service; did you mean \"http\"? there is: admin, http"));
  const auto text = graph_of(R"({"port":"8080"})");
  ASSERT_TRUE(text.refusal);
  EXPECT_THAT(text.refusal->message, HasSubstr("\"8080\" is a text; write 8080"));
}

TEST(Resolver, ProfilesReadAnnotationsOfWhatIsAskedFor) {
  const auto graph_of = [](const std::string& scope) {
    World world(
        R"({"web":{"score":{"containers":{"web":{"image":"img"}},"resources":{"db":{"type":"postgres","id":"db",
        "metadata":{"annotations":{"example.com/tier":"gold ${x}"},"extra":1}}}}}})");
    std::erase_if(world.profiles,
                  [](const auto& one) { return one->spec().satisfies().type() == "postgres"; });
    world.profiles.push_back(profile(
        "pg",
        R"({"satisfies":{"type":"postgres"},"default":true,"provider":"x","scope":")" + scope +
            R"(","template":{"tier":"${metadata.annotations.example\\.com/tier}","none":"${metadata.annotations.no}"}})"));
    return world.resolve();
  };
  const auto own = graph_of("application");
  ASSERT_FALSE(own.refusal) << own.refusal->message;
  const auto& fields = node(own, "local.dev.shop.postgres.db").spec.template_().fields();
  EXPECT_EQ(fields.at("tier").string_value(), "gold $${x}");  // text, and no placeholder
  EXPECT_EQ(fields.at("none").string_value(), "");
  // What all applications share is the same for all of them.
  const auto shared = graph_of("environment");
  ASSERT_FALSE(shared.refusal) << shared.refusal->message;
  EXPECT_EQ(node(shared, "local.dev.-.postgres.db").spec.template_().fields().at("tier").string_value(), "");
}

TEST(Resolver, PrefersWhatTheReleasePinned) {
  World world(web(R"({"cache":{"type":"redis"}})"));
  world.pinned = {profile(
      "redis-old", R"({"satisfies":{"type":"redis"},"default":true,"provider":"old","template":{}})", 7)};
  const auto graph = world.resolve();
  const auto& redis = node(graph, "local.dev.shop.redis.web.cache");
  EXPECT_EQ(redis.spec.profile(), "redis-old");
  EXPECT_EQ(redis.spec.profile_generation(), 7u);
}

TEST(Resolver, TheEnvironmentChoosesBeforeTheDefaults) {
  World world(web(R"({"cache":{"type":"redis"}})"));
  world.profiles.push_back(profile("redis-big",
                                   R"({"satisfies":{"type":"redis"},"provider":"big","template":{}})", 1,
                                   R"({"scope":"prod"})"));
  EXPECT_EQ(node(world.resolve(), "local.dev.shop.redis.web.cache").spec.profile(), "redis-container");
  world.environment.mutable_spec()->add_profiles("scope=prod");
  EXPECT_EQ(node(world.resolve(), "local.dev.shop.redis.web.cache").spec.profile(), "redis-big");
}

TEST(Resolver, TheEnvironmentMayShortenTheGrace) {
  World world(web(R"({"db":{"type":"postgres"}})"));
  world.environment.mutable_spec()->set_unused_after("30s");
  const auto graph = world.resolve();
  EXPECT_EQ(node(graph, "local.dev.shop.postgres.web.db").spec.when_unused().after_ms(), 30'000u);
  EXPECT_EQ(node(graph, "local.-.-.container-host.default").spec.when_unused().after_ms(), 600'000u);
}

struct RefusalCase {
  std::string name, workloads;
  std::vector<ProfilePtr> more;
  std::string reason, message, field;
};
class Refusals : public testing::TestWithParam<RefusalCase> {};

TEST_P(Refusals, SayWhatIsWrongAndWhere) {
  const auto& c = GetParam();
  World world(c.workloads);
  for (const auto& extra : c.more) {
    std::erase_if(world.profiles,
                  [&](const auto& known) { return known->metadata().name() == extra->metadata().name(); });
    world.profiles.push_back(extra);
  }
  const auto graph = world.resolve();
  ASSERT_TRUE(graph.refusal);
  EXPECT_EQ(graph.refusal->reason, c.reason);
  EXPECT_EQ(graph.refusal->message, c.message);
  EXPECT_EQ(graph.refusal->field, c.field);
  EXPECT_TRUE(graph.nodes.empty());
}

const auto kServer = profile(
    "pg",
    R"({"satisfies":{"type":"postgres"},"default":true,"requires":{"server":{"type":"postgres-server"}},"template":{},"outputs":{"host":"x"}})");
const auto kNoPostgres = profile("postgres-container", R"({"satisfies":{"type":"none"}})");

INSTANTIATE_TEST_SUITE_P(
    Table, Refusals,
    testing::Values(
        RefusalCase{
            "UnknownType",
            web(R"({"db":{"type":"postgre"}})"),
            {},
            "NoProfile",
            R"(no profile satisfies type "postgre" (asked for by workload web as "db"); did you mean "postgres"?)",
            "spec.workloads.web.score.resources.db.type"},
        RefusalCase{
            "UnknownClass",
            web(R"({"db":{"type":"redis","class":"large"}})"),
            {},
            "NoProfile",
            R"(no profile of type "redis" and class "large" serves environment dev in region local (asked for by workload web as "db"): redis-container has no class)",
            "spec.workloads.web.score.resources.db"},
        RefusalCase{
            "OtherRegions",
            web(R"({"db":{"type":"redis"}})"),
            {profile("redis-container",
                     R"({"satisfies":{"type":"redis"},"default":true,"regions":"provider=aws"})")},
            "NoProfile",
            R"(no profile of type "redis" serves environment dev in region local (asked for by workload web as "db"): redis-container is for regions "provider=aws")",
            "spec.workloads.web.score.resources.db"},
        RefusalCase{
            "MissingBelow",
            web(R"({"db":{"type":"postgres"}})"),
            {kNoPostgres, kServer},
            "NoProfile",
            R"(no profile satisfies type "postgres-server" (asked for by profile pg as "server", for workload web); known types: container-host, dns, none, postgres, redis, route, secret, volume, workload)",
            ""},
        RefusalCase{
            "Cycle",
            web(R"({"db":{"type":"postgres"}})"),
            {kNoPostgres, kServer,
             profile(
                 "srv",
                 R"({"satisfies":{"type":"postgres-server"},"default":true,"requires":{"data":{"type":"volume"}}})"),
             profile(
                 "volume-container",
                 R"({"satisfies":{"type":"volume"},"default":true,"requires":{"meta":{"type":"postgres"}}})")},
            "ProfileCycle",
            "profiles require each other in a circle: postgres -> postgres-server -> volume -> postgres",
            ""},
        RefusalCase{
            "UnknownParam",
            web(R"({"db":{"type":"postgres","params":{"versoin":"15"}}})"),
            {},
            "InvalidParams",
            R"(params.versoin of postgres "web.db" (asked for by workload web as "db"): unknown parameter; did you mean "version"?)",
            "spec.workloads.web.score.resources.db.params.versoin"},
        RefusalCase{
            "ParamMustBeGiven",
            web(R"({"data":{"type":"volume"}})"),
            {},
            "InvalidParams",
            R"(params.size of volume "web.data" (asked for by workload web as "data"): must be given, profile volume-container has no default for it)",
            "spec.workloads.web.score.resources.data.params.size"},
        RefusalCase{
            "UnknownOutput",
            web(R"({"db":{"type":"postgres"}})", R"({"A":"${resources.db.hots}"})"),
            {},
            "InvalidTemplate",
            R"(${resources.db.hots}: postgres (profile postgres-container) has no such output; did you mean "host"? there is: host, password, port)",
            "spec.workloads.web.score.containers.web.variables.A"},
        RefusalCase{"UnknownResource",
                    web("{}", R"({"A":"${resources.database.host}"})"),
                    {},
                    "InvalidTemplate",
                    R"(${resources.database.host}: no resource "database" in this workload; there is none)",
                    "spec.workloads.web.score.containers.web.variables.A"},
        RefusalCase{
            "ForeignPlaceholder",
            web("{}", R"({"A":"${generated.password}"})"),
            {},
            "InvalidTemplate",
            R"(${generated...}: a Score document may refer to ${resources.*} and ${metadata.*} only; for a plain "${" write $${)",
            "spec.workloads.web.score.containers.web.variables.A"},
        RefusalCase{
            "ForeignPlaceholderInParams",
            web(R"({"db":{"type":"redis","params":{"memory":"${generated.x}"}}})"),
            {},
            "InvalidTemplate",
            R"(workload web, params of "db": ${generated.x} has no meaning here; resources and metadata have)",
            "spec.workloads.web.score.resources.db.params"},
        RefusalCase{
            "ProfileDrawsOnAnUnknownParameter",
            web(R"({"db":{"type":"redis"}})"),
            {profile("redis-container",
                     R"({"satisfies":{"type":"redis"},"default":true,"template":{"a":"${params.b}"}})")},
            "InvalidTemplate",
            "profile redis-container: ${params.b}: no such parameter; there is none",
            ""},
        RefusalCase{
            "ProfileDrawsOnAnUnknownVariable",
            web(R"({"db":{"type":"redis"}})"),
            {profile("redis-container",
                     R"({"satisfies":{"type":"redis"},"default":true,"template":{"a":"${variables.b}"}})")},
            "InvalidTemplate",
            "profile redis-container: ${variables.b}: environment dev has no such variable; there is: tier",
            ""},
        RefusalCase{
            "WhatARegionSharesHasNoVariables",
            web(R"({"db":{"type":"redis","id":"one"}})"),
            {profile(
                "redis-container",
                R"({"satisfies":{"type":"redis"},"scope":"region","askers":{"workloads":true},"default":true,"template":{"a":"${variables.tier}"}})")},
            "InvalidTemplate",
            "profile redis-container: ${variables.tier}: what all environments of a region share cannot draw "
            "on the variables of one",
            ""},
        RefusalCase{
            "AskedForDifferently",
            R"({"api":{"score":{"resources":{"c":{"type":"redis","id":"one","params":{"memory":"1M"}}}}},"web":{"score":{"resources":{"cache":{"type":"redis","id":"one"}}}}})",
            {},
            "ResourceConflict",
            R"(redis "one" is asked for with different params.memory by workload api as "c" and by workload web as "cache": ask for it the same way, or under another id)",
            "spec.workloads.web.score.resources.cache"},
        RefusalCase{
            "PrivateButShared",
            R"({"api":{"score":{"resources":{"c":{"type":"dns","id":"x"}}}},"web":{"score":{"resources":{"d":{"type":"dns","id":"x"}}}}})",
            {},
            "ResourceConflict",
            R"(dns "x" is asked for by workload api as "c" and by workload web as "d", but profile dns-container gives each its own (scope workload): use different ids, or a profile that shares)",
            "spec.workloads.web.score.resources.d"},
        RefusalCase{
            "NoWorkloadAsksForWhatARegionShares",
            web(R"({"h":{"type":"container-host"}})"),
            {},
            "NotAllowed",
            R"(container-host "h" of workload web: profile "host": only other profiles may ask for it, by their requires; ask for what they offer, or the operator opens it with spec.askers.workloads: true)",
            "spec.workloads.web.score.resources.h.type"},
        RefusalCase{
            "ClosedByItsProfile",
            web(R"({"db":{"type":"redis"}})"),
            {profile("redis-container",
                     R"({"satisfies":{"type":"redis"},"default":true,"askers":{"workloads":false}})")},
            "NotAllowed",
            R"(redis "db" of workload web: profile "redis-container": only other profiles may ask for it, by their requires; ask for what they offer, or the operator opens it with spec.askers.workloads: true)",
            "spec.workloads.web.score.resources.db.type"},
        RefusalCase{
            "AParameterOfTheOperator",
            web(R"({"db":{"type":"redis","params":{"image":"mine"}}})"),
            {profile(
                "redis-container",
                R"({"satisfies":{"type":"redis"},"default":true,"parameters":{"image":{"type":"string","operator":true,"default":"i"}}})")},
            "NotAllowed",
            R"(redis "db" of workload web: profile "redis-container": parameter "image" is the operator's; leave it out, or the operator changes its default)",
            "spec.workloads.web.score.resources.db.params.image"},
        RefusalCase{
            "ParamsInACircle",
            web(R"({"a":{"type":"route","params":{"host":"${resources.b.url}","port":1}},"b":{"type":"route","params":{"host":"${resources.a.url}","port":1}}})"),
            {},
            "InvalidParams",
            "the params of workload web refer to each other in a circle: a -> b -> a",
            "spec.workloads.web.score.resources.a"}),
    [](const auto& info) { return info.param.name; });

TEST(Resolver, OtherProfilesAskForWhatIsClosedAndSetWhatIsTheOperators) {
  World world(web(R"({"db":{"type":"postgres"}})"));
  world.profiles = {
      profile("workload-container", kWorkloadProfile),
      profile("host", R"({"satisfies":{"type":"container-host"},"scope":"region","default":true,
                          "outputs":{"network":"${self.network}"}})"),
      profile("pg", R"({"satisfies":{"type":"postgres"},"default":true,
                        "requires":{"server":{"type":"server","params":{"image":"theirs"}}}})"),
      profile("server", R"({"satisfies":{"type":"server"},"default":true,"askers":{"workloads":false},
                            "parameters":{"image":{"type":"string","operator":true,"default":"usual"}},
                            "template":{"image":"${params.image}"}})")};
  const auto graph = world.resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  EXPECT_EQ(node(graph, "local.dev.shop.server.postgres.web.db.server")
                .spec.template_()
                .fields()
                .at("image")
                .string_value(),
            "theirs");
}

TEST(Resolver, RolesAreAskedAboutOnlyOfWhoApplies) {
  World world(web(R"({"db":{"type":"redis"}})"));
  world.profiles.push_back(profile(
      "redis-container", R"({"satisfies":{"type":"redis"},"default":true,"askers":{"roles":["a","b"]}})"));
  std::erase_if(world.profiles, [&](const ProfilePtr& one) {
    return one->metadata().name() == "redis-container" && one != world.profiles.back();
  });
  ProfileList list(world.profiles);
  const auto refusal = [&](const std::vector<std::string>* roles) -> std::string {
    const auto graph = controllers::resolve(
        {"shop", &world.app, &world.environment, &world.region, {}, &list, nullptr, roles});
    return graph->refusal ? graph->refusal->message : "";
  };
  const std::vector<std::string> none, one{"x", "b"}, other{"developer"};
  EXPECT_EQ(refusal(nullptr), "");
  EXPECT_EQ(refusal(&one), "");
  EXPECT_EQ(
      refusal(&none),
      R"(redis "db" of workload web: profile "redis-container": only who has one of the roles a, b may ask )"
      "for it, and who applies this has none; have one of them apply it");
  EXPECT_THAT(refusal(&other), HasSubstr("who applies this has developer"));
}

TEST(Resolver, NamesStayShort) {
  const std::string id(63, 'x');
  const auto graph = World(web(fmt::format(R"({{"db":{{"type":"postgres","id":"{}"}}}})", id))).resolve();
  ASSERT_FALSE(graph.refusal) << graph.refusal->message;
  for (const auto& name : names(graph)) EXPECT_LE(name.size(), kMaxResourceName);
}

}  // namespace
}  // namespace qleet::hub::controllers
