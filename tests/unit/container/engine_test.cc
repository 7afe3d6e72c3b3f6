// What a container engine says, read without one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/engine/errors.h"
#include "common/engine/events.h"
#include "common/engine/frames.h"
#include "common/engine/host_network.h"
#include "common/engine/limits.h"
#include "common/engine/watcher.h"
#include "common/model/reasons.h"

namespace qleet::containers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

TEST(Errors, Pulls) {
  EXPECT_EQ(pull_refused("r/x", "unauthorized: authentication required").reason, reasons::kImageRefused);
  EXPECT_THAT(pull_refused("r/x", "unauthorized").message, HasSubstr("401 unauthorized"));
  EXPECT_EQ(pull_refused("r/x", "manifest unknown").code, Code::kNotFound);
  EXPECT_EQ(pull_refused("r/x", "dial tcp: connection refused").code, Code::kUnavailable);
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
