// Templates read and checked, and the create requests that they become.
#include "providers/container/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "common/model/reasons.h"
#include "google/protobuf/util/json_util.h"
#include "providers/container/body.h"
#include "providers/container/names.h"

namespace qleet::container {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

google::protobuf::Struct object(const std::string& json) {
  google::protobuf::Struct out;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &out).ok()) << json;
  return out;
}

TEST(Template, KindIsInferred) {
  ProviderResource resource;
  const auto kind = [&](const std::string& type, const std::string& json) {
    resource.type = type;
    resource.template_ = object(json);
    return kind_of(resource);
  };
  EXPECT_EQ(*kind("container-host", "{}"), Kind::kHost);
  EXPECT_EQ(*kind("volume", R"({"size":"1Gi"})"), Kind::kVolume);
  EXPECT_EQ(*kind("postgres", R"({"image":"x"})"), Kind::kContainer);
  EXPECT_EQ(*kind("workload", R"({"score":{}})"), Kind::kWorkload);
  EXPECT_EQ(*kind("postgres", R"({"container":"x"})"), Kind::kExec);
  EXPECT_EQ(*kind("volume", R"({"kind":"exec"})"), Kind::kExec);
  const auto wrong = kind("x", R"({"kind":"pod"})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message,
            "the template is not usable: template.kind: \"pod\" is none of host, volume, container, "
            "workload, exec");
}

TEST(Template, EveryMistakeIsNamed) {
  const auto parsed =
      parse_container(object(R"({"image":"","env":{"A":{}},"memory":"lots","volumes":{"data":"x"},
      "ports":[0,{"protocol":"sctp","port":1}],"health":{"tcp":1,"exec":["a"]},"secrets":{"a/b":"s3cret"},
      "secretsAs":"file","stopGrace":"soon","imagee":"y"})"));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Code::kInvalid);
  EXPECT_EQ(parsed.error().reason, reasons::kInvalidTemplate);
  std::vector<std::string> fields;
  for (const auto& error : parsed.error().fields) fields.push_back(error.field);
  EXPECT_THAT(fields, ::testing::UnorderedElementsAre("template.imagee", "template.image", "template.env.A",
                                                      "template.secretsAs", "template.secrets.a/b",
                                                      "template.volumes.data", "template.memory",
                                                      "template.ports[0]", "template.ports[1].protocol",
                                                      "template.health", "template.stopGrace"));
  EXPECT_EQ(parsed.error().message.find("s3cret"), std::string::npos);
}

TEST(Template, ScoreDocument) {
  const auto parsed = parse_workload(object(R"({"replicas":"3","score":{
      "apiVersion":"score.dev/v1b1","metadata":{"name":"shop"},
      "containers":{"web":{"image":"shop/web@sha256:1","command":["/web"],"args":["-v"],"variables":{"A":"b"},
        "files":[{"target":"/etc/a","content":"x","mode":"0640"},{"target":"/etc/b","binaryContent":"aGk="}],
        "volumes":[{"source":"vol","target":"/data","readOnly":true}],
        "resources":{"limits":{"memory":"64M","cpu":"250m"},"requests":{"memory":"1Gi"}},
        "readinessProbe":{"httpGet":{"path":"/ready","port":8080,"httpHeaders":[{"name":"X","value":"y"}]}},
        "livenessProbe":{"exec":{"command":["true"]}}}},
      "service":{"ports":{"http":{"port":80,"targetPort":8080},"admin":{"port":81}}}}})"),
                                     "web");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->replicas, 3U);
  ASSERT_EQ(parsed->containers.size(), 1U);
  const auto& web = parsed->containers.front();
  EXPECT_EQ(web.process.memory, 64'000'000);
  EXPECT_EQ(web.process.nano_cpus, 250'000'000);
  EXPECT_EQ(web.process.files[0].mode, 0640U);
  EXPECT_EQ(web.process.files[1].content, "hi");
  EXPECT_TRUE(web.process.volumes[0].read_only);
  EXPECT_EQ(web.readiness.how, CheckSpec::How::kHttp);
  EXPECT_EQ(web.readiness.headers.at("X"), "y");
  EXPECT_EQ(web.liveness.command, std::vector<std::string>{"true"});
  ASSERT_EQ(parsed->ports.size(), 2U);
  EXPECT_EQ(parsed->ports[0].target, 81);
  EXPECT_EQ(parsed->ports[1].target, 8080);
}

// What the hub adds where somebody asks for the workload as a service.
TEST(Template, TheNameThatAWorkloadIsAskedForBy) {
  const auto hostname = [](const std::string& service) {
    return parse_workload(
               object(R"({"score":{"containers":{"web":{"image":"a"}},"service":)" + service + "}}"), "web")
        ->hostname;
  };
  EXPECT_EQ(hostname(R"({"ports":{"http":{"port":80}},"hostname":"web.shop.prod.internal"})"),
            "web.shop.prod.internal");
  EXPECT_EQ(hostname(R"({"ports":{"http":{"port":80}}})"), "");
}

TEST(Template, ScoreMistakes) {
  const auto parsed = parse_workload(object(R"({"score":{"containers":{"web":{"image":".",
      "files":[{"target":"a","source":"./x"}],"volumes":[{"target":"data"}],
      "readinessProbe":{"httpGet":{"path":"/"}}}},"service":{"ports":{"http":{"port":70000}}}}})"),
                                     "web");
  ASSERT_FALSE(parsed);
  for (const char* part :
       {"score.containers.web.image: is needed", "files[0].target", "files[0].source", "volumes[0].source",
        "volumes[0].target", "readinessProbe.httpGet.port", "score.service.ports.http"}) {
    EXPECT_THAT(parsed.error().message, HasSubstr(part));
  }
}

// Outputs, and so what a volume's source becomes, are text that a developer may have chosen.
TEST(Template, NothingMountsAPathOfTheHost) {
  for (const std::string source : {"/etc", "../x", "a/b", "vol:/etc", "vol,x", "", "-v"}) {
    const auto workload =
        parse_workload(object(R"({"score":{"containers":{"web":{"image":"a","volumes":[{"source":")" +
                              source + R"(","target":"/d"}]}}}})"),
                       "web");
    ASSERT_FALSE(workload) << source;
    EXPECT_THAT(workload.error().message, HasSubstr("volumes[0].source: must name a volume, and is no path"));
    EXPECT_FALSE(parse_container(object(R"({"image":"a","volumes":{"/d":")" + source + R"("}})"))) << source;
    EXPECT_FALSE(parse_container(object(R"({"image":"a","volumes":{"/d":{"name":")" + source + R"("}}})")))
        << source;
  }
  for (const std::string target : {"d", "/d:/etc", "/d/../../etc", "/d/..", ""}) {
    EXPECT_FALSE(parse_workload(
        object(R"({"score":{"containers":{"web":{"image":"a","volumes":[{"source":"v","target":")" + target +
               R"("}]}}}})"),
        "web"))
        << target;
    EXPECT_FALSE(parse_workload(
        object(R"({"score":{"containers":{"web":{"image":"a","files":[{"content":"x","target":")" + target +
               R"("}]}}}})"),
        "web"))
        << target;
  }
}

// Podman makes a line of options of it.
TEST(Template, NoOptionsCanBePutIntoAMount) {
  const auto with_target = [](const std::string& target, const std::string& path) {
    return parse_workload(
        object(R"({"score":{"containers":{"web":{"image":"a","volumes":[{"source":"v","target":")" + target +
               R"(","path":")" + path + R"("}]}}}})"),
        "web");
  };
  EXPECT_TRUE(with_target("/d", "/sub/dir"));
  EXPECT_TRUE(with_target("/d,e", ""));
  EXPECT_FALSE(with_target("/d,source=/etc", "x"));
  EXPECT_FALSE(with_target("/d", "../x"));
  EXPECT_FALSE(with_target("/d", "a/../../x"));
}

TEST(Names, WhatIsOfTheSameApplication) {
  ProviderResource web;
  web.name = "eu-1.dev.shop.workload.web";
  for (const std::string good : {"eu-1.dev.shop.volume.web-data", "eu-1.dev.-.volume.default",
                                 "eu-1.-.-.volume.default", "made-by-hand"})
    EXPECT_TRUE(of_same_application(good, web)) << good;
  for (const std::string bad : {"eu-1.dev.cart.volume.web-data", "eu-1.prod.shop.volume.web-data",
                                "eu-1.prod.-.volume.default", "eu-1.dev.shop-2.volume.x"})
    EXPECT_FALSE(of_same_application(bad, web)) << bad;
  web.name = "eu-1.dev.-.postgres-server.default";
  EXPECT_FALSE(of_same_application("eu-1.dev.shop.volume.web-data", web));
}

TEST(Body, ContainerGolden) {
  auto spec =
      parse_container(object(R"({"image":"postgres:15","args":["-c","x=1"],"env":{"POSTGRES_USER":"app"},
      "secrets":{"password":"s3cret"},"volumes":{"/data":"vol"},"memory":"64M","cpu":"500m","shmSize":"1M",
      "ports":[5432,{"port":80,"hostPort":8080}],"tmpfs":["/tmp"]})"));
  ASSERT_TRUE(spec) << spec.error().message;
  Placement placement;
  placement.labels = {{"io.qleet.owner", "a"}};
  placement.network = "net";
  placement.aliases = {"db"};
  placement.ports = spec->ports;
  placement.binds = {"/state/secrets:/run/secrets:ro"};
  placement.limits = {1000, 500};
  EXPECT_EQ(
      boost::json::serialize(create_body(spec->process, placement)),
      R"({"Image":"postgres:15","Cmd":["-c","x=1"],"Env":["POSTGRES_USER=app"],"Labels":{"io.qleet.owner":"a"},)"
      R"("ExposedPorts":{"5432/tcp":{},"80/tcp":{}},"NetworkingConfig":{"EndpointsConfig":{"net":{"Aliases":["db"]}}},)"
      R"("HostConfig":{"NetworkMode":"net","Binds":["/state/secrets:/run/secrets:ro","vol:/data:rw"],)"
      R"("Tmpfs":{"/tmp":""},"Memory":64000000,"NanoCpus":500000000,"ShmSize":1000000,)"
      R"("Ulimits":[{"Name":"nofile","Soft":1000,"Hard":1000},{"Name":"nproc","Soft":500,"Hard":500}],)"
      R"("RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3},)"
      R"("PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}]}}})");
}

TEST(Body, SecretsAreInTheEnvironmentOnlyWhenAsked) {
  ProcessSpec process{.image = "x", .secrets = {{"PASSWORD", "s3cret"}}};
  const Placement placement{.network = "container:abc"};
  EXPECT_EQ(boost::json::serialize(create_body(process, placement)).find("s3cret"), std::string::npos);
  process.secrets_as_env = true;
  EXPECT_THAT(boost::json::serialize(create_body(process, placement)), HasSubstr("PASSWORD=s3cret"));
}

TEST(Names, AreReadableUniqueAndShort) {
  const std::string name = base_name("agent", "eu-1.dev.shop.postgres.web-db");
  EXPECT_TRUE(name.starts_with("qleet-eu-1-dev-shop-postgres-web-db-")) << name;
  EXPECT_NE(name, base_name("other", "eu-1.dev.shop.postgres.web-db"));
  EXPECT_NE(base_name("a", "x.y-z"), base_name("a", "x-y.z"));
  EXPECT_LE(base_name("a", std::string(300, 'x')).size(), 63U);
}

TEST(Names, OfHostsStayWithinWhatAHostNameMayHave) {
  EXPECT_EQ(host_name("web", 3), "web-3");
  const std::string longest(63, 'x');
  EXPECT_EQ(host_name(longest, 0).size(), 63U);
  EXPECT_NE(host_name(longest, 0), host_name(longest, 1));
  EXPECT_NE(host_name(longest, 0), host_name(std::string(62, 'x') + "y", 0));
  EXPECT_TRUE(host_name(longest, 999).ends_with("-999"));
}

}  // namespace
}  // namespace qleet::container
