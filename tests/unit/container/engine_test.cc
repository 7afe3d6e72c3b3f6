// What a container engine says, read without one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "common/engine/answers.h"
#include "common/engine/endings.h"
#include "common/engine/errors.h"
#include "common/engine/events.h"
#include "common/engine/frames.h"
#include "common/engine/host_network.h"
#include "common/engine/kernel_log.h"
#include "common/engine/limits.h"
#include "common/engine/registry_auth.h"
#include "common/engine/watcher.h"
#include "common/model/reasons.h"

namespace qleet::containers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Frames, InAnyCut) {
  const std::string bytes("\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\3err\1\0\0\0\0\0\0\0", 8 + 4 + 8 + 3 + 8);
  for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
    std::string out, err;
    FrameReader frames([&](Stream stream, std::string_view piece) {
      (stream == Stream::kOut ? out : err).append(piece);
      return true;
    });
    for (std::size_t at = 0; at < bytes.size(); at += cut) EXPECT_TRUE(frames.feed(bytes.substr(at, cut)));
    EXPECT_EQ(out, "out\n");
    EXPECT_EQ(err, "err");
  }
}

TEST(Frames, WhatAreNoneIsTold) {
  FrameReader frames([](Stream, std::string_view) { return true; });
  EXPECT_FALSE(frames.feed("plain text of a terminal"));
  EXPECT_TRUE(frames.broken());
}

TEST(Lines, CutAndFlushed) {
  std::vector<std::string> lines;
  LineReader reader([&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  });
  reader.feed("a\r\nb");
  reader.feed("c\n\nd");
  reader.flush();
  EXPECT_THAT(lines, ElementsAre("a", "bc", "", "d"));
}

TEST(Events, OfPodmanAndDocker) {
  const auto died = parse_event(
      R"({"status":"die","id":"1","Type":"container","Action":"die","Actor":{"ID":"1","Attributes":{"name":"web","io.qleet.resource":"r"}},"time":1})");
  ASSERT_TRUE(died);
  EXPECT_EQ(died->name, "web");
  EXPECT_EQ(died->attributes.at("io.qleet.resource"), "r");
  EXPECT_TRUE(matters(*died));
  const auto looked =
      parse_event(R"({"Type":"container","Action":"exec_create: /bin/true","Actor":{"ID":"1"}})");
  ASSERT_TRUE(looked);
  EXPECT_FALSE(matters(*looked));
  EXPECT_FALSE(parse_event("not json"));
  EXPECT_FALSE(parse_event(""));
}

TEST(Limits, ReadAndLowered) {
  const auto limits = parse_limits(
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max processes             96365                32768                processes \n"
      "Max open files            20000                unlimited            files     \n");
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->nproc, 32768U);
  EXPECT_EQ(default_limits(*limits).nofile, 1U << 20U);
  EXPECT_FALSE(parse_limits("nonsense"));
  auto next = std::optional(Limits{20'000, 9'000});
  int steps = 0;
  while ((next = step_down(*next))) ++steps;
  EXPECT_LT(steps, 8);
}

TEST(Errors, WhatTheEngineMeans) {
  struct {
    int status;
    const char* message;
    Code code;
    std::string_view reason;
  } const cases[] = {
      {500, "runc: error setting rlimit type 7: operation not permitted", Code::kInvalid,
       reasons::kLimitRefused},
      {500, "cannot listen on the TCP port: bind: address already in use", Code::kUnavailable,
       reasons::kPortInUse},
      {500, "Bind for 127.0.0.1:80 failed: port is already allocated", Code::kUnavailable,
       reasons::kPortInUse},
      {404, "no such image: x: image not known", Code::kNotFound, reasons::kImageMissing},
      {409, "the container name \"x\" is already in use", Code::kExists, ""},
      {500, "network name x already used: network already exists", Code::kExists, ""},
      // Another engine on this host was starting something at the same moment.
      {500, "netavark: code: 1, msg: iptables: Chain already exists.", Code::kUnavailable, ""},
      {500, "container 1 does not exist in database: no such container", Code::kNotFound, ""},
      {409, "volume x is being used by the following container(s)", Code::kConflict, ""},
      {500, "something else", Code::kUnavailable, ""},
  };
  for (const auto& one : cases) {
    const Error error = refused(
        one.status,
        std::string(R"({"message":")") +
            [&] {
              std::string escaped;
              for (const char* c = one.message; *c; ++c) escaped += *c == '"' ? "\\\"" : std::string(1, *c);
              return escaped;
            }() +
            "\"}",
        "start x");
    EXPECT_EQ(error.code, one.code) << one.message;
    EXPECT_EQ(error.reason, one.reason) << one.message;
  }
}

// As /dev/kmsg gives it, of a container that met its own limit and of one that met another group's.
constexpr std::string_view kKernelLog =
    "6,100,4000000,-;something else\n"
    "6,101,5000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,"
    "oom_memcg=/libpod_parent/libpod-aaa,task_memcg=/libpod_parent/libpod-aaa,task=eat,pid=1,uid=0\n"
    "3,102,5000001,-;Memory cgroup out of memory: Killed process 1 (eat)\n SUBSYSTEM=x\n"
    "6,103,9000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/docker/parent,"
    "task_memcg=/docker/parent/bbb,task=eat,pid=2,uid=0\n";

TEST(KernelLog, TellsWhoMetItsMemoryLimit) {
  using std::chrono::seconds;
  EXPECT_TRUE(says_out_of_memory(kKernelLog, "aaa", seconds(5)));
  EXPECT_TRUE(says_out_of_memory(kKernelLog, "aaa", seconds(7)));
  EXPECT_FALSE(says_out_of_memory(kKernelLog, "aaa", seconds(60))) << "that was another end of it";
  EXPECT_FALSE(says_out_of_memory(kKernelLog, "bbb", seconds(9))) << "not its own limit";
  EXPECT_FALSE(says_out_of_memory(kKernelLog, "ccc", seconds(5)));
  EXPECT_FALSE(says_out_of_memory(kKernelLog, "", seconds(5)));
  EXPECT_FALSE(says_out_of_memory("", "aaa", seconds(5)));
  EXPECT_FALSE(says_out_of_memory("oom_memcg=/aaa", "aaa", seconds(5)));
}

Event event(const std::string& action, const std::string& code = "") {
  Event out{.type = "container", .action = action, .id = "abc", .name = "web", .attributes = {}};
  if (!code.empty()) out.attributes["exitCode"] = code;
  return out;
}

TEST(Endings, AreRememberedUntilTheContainerGoes) {
  Endings endings;
  EXPECT_FALSE(endings.last("abc"));
  endings.note(event("die", "3"));
  ASSERT_TRUE(endings.last("abc"));
  EXPECT_EQ(endings.last("abc")->exit_code, 3);
  EXPECT_FALSE(endings.last("abc")->out_of_memory);
  endings.note(event("oom"));
  EXPECT_EQ(endings.last("abc")->exit_code, 3) << "it goes on without one of its processes";
  endings.note(event("die", "137"));
  EXPECT_TRUE(endings.last("abc")->out_of_memory);
  endings.note(event("die", "1"));
  EXPECT_FALSE(endings.last("abc")->out_of_memory);
  endings.note(event("die", "x"));
  EXPECT_EQ(endings.last("abc")->exit_code, 1);
  endings.note(event("destroy"));
  EXPECT_FALSE(endings.last("abc"));
}

TEST(Answers, RestartsOfTheEngine) {
  const auto of = [](const char* json) { return details_of(boost::json::parse(json)).restarts; };
  EXPECT_EQ(of(R"({"RestartCount":3})"), 3U);
  EXPECT_EQ(of(R"({"RestartCount":-3})"), 0U);
  EXPECT_EQ(of(R"({"RestartCount":1e30})"), of(R"({"RestartCount":"x"})"));
  EXPECT_EQ(of("{}"), 0U);
}

// The words are those of Podman 4.3 and Docker 20.10.
TEST(Errors, APullThatFailsSaysTheCauseAndWhatToDo) {
  const struct {
    const char* image;
    const char* says;
    Code code;
    std::string_view reason;
    const char* message;
  } cases[] = {
      {"reg.example:5000/x:1", "dial tcp 10.0.0.1:5000: connect: connection refused", Code::kUnavailable,
       reasons::kRegistryUnreachable,
       "image reg.example:5000/x:1: its registry reg.example:5000 refuses the connection: nothing listens "
       "there; start it, or correct the address in the image's name"},
      {"reg.example/x:1", "dial tcp: lookup reg.example on 10.0.0.53:53: no such host", Code::kUnavailable,
       reasons::kRegistryUnreachable,
       "image reg.example/x:1: its registry reg.example has no address (no such host): correct the image's "
       "name, or the name service of the region's host"},
      {"shop/web:1", "dial tcp: lookup registry-1.docker.io: no such host", Code::kUnavailable,
       reasons::kRegistryUnreachable,
       "image shop/web:1: its registry docker.io has no address (no such host): correct the image's name, or "
       "the name service of the region's host, or write the name with the registry that has it, as in "
       "registry.example/shop/web"},
      {"reg.example/x:1",
       "Get \"https://reg.example/v2/\": tls: first record does not look like a TLS handshake",
       Code::kUnavailable, reasons::kRegistryUnreachable,
       "image reg.example/x:1: its registry reg.example speaks no TLS, and is not configured on the region's "
       "host as one that may do so: start the agent with --insecure-registry reg.example (Docker: "
       "insecure-registries in daemon.json), or give the registry a certificate"},
      {"reg.example/x:1", "x509: certificate signed by unknown authority", Code::kUnavailable,
       reasons::kRegistryUnreachable,
       "image reg.example/x:1: the certificate of its registry reg.example is not trusted on the region's "
       "host: put the CA that issued it into /etc/containers/certs.d/reg.example (Docker: "
       "/etc/docker/certs.d/reg.example)"},
      {"web:1",
       "short-name \"web:1\" did not resolve to an alias and no unqualified-search registries are defined",
       Code::kUnavailable, reasons::kRegistryUnreachable,
       "image web:1: its name has no registry, and none is configured on the region's host to look in: write "
       "the name with its registry, as in registry.example/shop/web, or start the agent with "
       "--search-registry"},
      {"reg.example/x:1", "dial tcp 10.0.0.1:443: i/o timeout", Code::kUnavailable,
       reasons::kRegistryUnreachable,
       "image reg.example/x:1: its registry reg.example does not answer: look at the network between the "
       "region's host and it"},
      {"reg.example/x:1", "unauthorized: authentication required", Code::kDenied, reasons::kImageRefused,
       "image reg.example/x:1: its registry reg.example wants credentials (401 unauthorized): give the "
       "region's agent some that may pull it (--registry-auth), or name another image"},
      {"reg.example/x:1", "Head \"https://reg.example/v2/x/manifests/1\": no basic auth credentials",
       Code::kDenied, reasons::kImageRefused,
       "image reg.example/x:1: its registry reg.example wants credentials (401 unauthorized): give the "
       "region's agent some that may pull it (--registry-auth), or name another image"},
      {"reg.example/x:1", "pull access denied for x, repository does not exist or may require 'docker login'",
       Code::kDenied, reasons::kImageRefused,
       "image reg.example/x:1: its registry reg.example does not let this agent pull it (403 forbidden), or "
       "does not have it: give the region's agent credentials that may pull it (--registry-auth), or name "
       "another image"},
      {"reg.example/x:1", "toomanyrequests: You have reached your pull rate limit", Code::kExhausted,
       reasons::kImageRefused,
       "image reg.example/x:1: its registry reg.example allows no more pulls for now (429): it is tried "
       "again; credentials (--registry-auth) commonly allow more"},
      {"reg.example/x:1", "manifest unknown", Code::kNotFound, reasons::kImageMissing,
       "image reg.example/x:1: it is neither on this host nor in its registry reg.example (404): push it, or "
       "correct its name or tag"},
      {"reg.example/x:1", "something else", Code::kUnavailable, reasons::kImageMissing,
       "image reg.example/x:1: could not be pulled: something else"},
  };
  for (const auto& one : cases) {
    const Error error = pull_refused(one.image, one.says);
    EXPECT_EQ(error.code, one.code) << one.says;
    EXPECT_EQ(error.reason, one.reason) << one.says;
    EXPECT_EQ(error.message, one.message);
  }
}

TEST(Registries, CredentialsAreReadAsOthersWriteThem) {
  // "user:pass:word", "u:p"
  constexpr std::string_view kFile = R"({"auths":{"reg.example":{"auth":"dXNlcjpwYXNzOndvcmQ="},
      "https://index.docker.io/v1/":{"auth":"dTpw"},"empty.example":{},"bad.example":{"auth":"??"}}})";
  const auto found = find_registry_auth(kFile, "reg.example/shop/web:1");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->username, "user");
  EXPECT_EQ((*found)->password, "pass:word");
  EXPECT_EQ((*found)->server, "reg.example");
  const auto hub = find_registry_auth(kFile, "shop/web:1");
  ASSERT_TRUE(hub && *hub);
  EXPECT_EQ((*hub)->username, "u");
  const auto other = find_registry_auth(kFile, "other.example/x");
  ASSERT_TRUE(other);
  EXPECT_FALSE(*other);
  for (const char* image : {"empty.example/x", "bad.example/x"})
    EXPECT_FALSE(find_registry_auth(kFile, image));
  const auto wrong = find_registry_auth("password=hunter2", "reg.example/x");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, Not(HasSubstr("hunter2")));
}

TEST(Subnet, HoldsAnAddressOrNot) {
  EXPECT_EQ(in_subnet("10.128.7.9", "10.128.7.0/24"), true);
  EXPECT_EQ(in_subnet("10.128.8.9", "10.128.7.0/24"), false);
  EXPECT_EQ(in_subnet("10.128.8.9", "10.128.0.0/9"), true);
  EXPECT_EQ(in_subnet("", "10.128.7.0/24"), std::nullopt);
  EXPECT_EQ(in_subnet("fd00::7", "10.128.7.0/24"), std::nullopt);
  EXPECT_EQ(in_subnet("10.128.7.9", ""), std::nullopt);
}

TEST(Subnet, TouchesNothingThatIsTaken) {
  const std::string first = choose_subnet("agent", {});
  EXPECT_TRUE(first.starts_with("10.") && first.ends_with(".0/24")) << first;
  EXPECT_EQ(choose_subnet("agent", {}), first);
  const std::string next = choose_subnet("agent", {first});
  EXPECT_NE(next, first);
  EXPECT_EQ(choose_subnet("agent", {"10.0.0.0/8"}), "");
  EXPECT_NE(choose_subnet("agent", {first.substr(0, first.rfind('.')) + ".7/32"}), first);
}

TEST(Bridges, HaveANameThatTheHostDoesNotHaveYet) {
  const auto first = choose_bridge("agent", [](const std::string&) { return false; });
  EXPECT_EQ(choose_bridge("agent", [](const std::string&) { return false; }), first);
  EXPECT_LE(first.size(), 15U);
  const auto next = choose_bridge("agent", [&](const std::string& name) { return name == first; });
  EXPECT_NE(next, first);
  EXPECT_LE(next.size(), 15U);
  EXPECT_TRUE(interface_exists("lo"));
  EXPECT_FALSE(interface_exists(first + "x"));
}

}  // namespace
}  // namespace qleet::containers
