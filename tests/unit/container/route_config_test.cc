// haproxy's configuration and the commands to a running one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "providers/route/admin.h"
#include "providers/route/config.h"
#include "providers/route/follower.h"
#include "providers/route/slots.h"
#include "providers/route/template.h"

namespace qleet::route {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Entry entry(const std::string& backend, const std::string& host, const std::string& path,
            const std::string& application = "shop") {
  Entry out;
  out.resource = "r.dev." + application + ".route." + backend;
  out.backend = backend;
  out.host = host;
  out.path = path;
  out.slots = 2;
  return out;
}

TEST(Config, MoreSpecificRoutesFirst) {
  auto shop = entry("shop", "shop.example", "/");
  shop.targets = {{"10.0.0.1", 8080}, {}};
  const std::string text =
      render({"127.0.0.1", 8080}, {entry("any", "", "/"), shop, entry("api", "shop.example", "/api")}, "d1");
  EXPECT_THAT(text, HasSubstr("  description d1\n"));
  EXPECT_THAT(text, HasSubstr("  bind 127.0.0.1:8080\n"));
  EXPECT_THAT(text,
              HasSubstr("  use_backend api if { var(txn.host) -m str shop.example } { path -m str /api } or "
                        "{ var(txn.host) -m str shop.example } { path -m beg /api/ }\n"
                        "  use_backend shop if { var(txn.host) -m str shop.example } TRUE\n"
                        "  use_backend any if TRUE\n"
                        "  default_backend nowhere\n"));
  EXPECT_THAT(text, HasSubstr("# r.dev.shop.route.shop\nbackend shop\n  server s0 10.0.0.1:8080\n"
                              "  server s1 127.0.0.1:1 disabled\n"));
}

TEST(Config, AHostOfOnesOwnIsNeverLedToWhoAskedForAnyHost) {
  const auto text = render({"127.0.0.1", 8080},
                           {entry("api", "shop.example", "/api"), entry("any", "", "/", "other")}, "d1");
  EXPECT_THAT(text, HasSubstr("  use_backend nowhere if { var(txn.host) -m str shop.example }\n"
                              "  use_backend any if TRUE\n"));
  // Also while it waits for its turn.
  auto waits = entry("api", "shop.example", "/api");
  waits.serves = false;
  EXPECT_THAT(closed_hosts({waits, entry("any", "", "/", "other")}).to_any, ElementsAre("shop.example"));
  EXPECT_EQ(closed_hosts({waits, entry("any", "", "/")}), ClosedHosts());
  EXPECT_EQ(closed_hosts({waits}), ClosedHosts());
}

TEST(Config, AWildcardComesBehindNamesAndBeforeAnyHost) {
  const auto text = render({"127.0.0.1", 8080},
                           {entry("any", "", "/", "third"), entry("wild", "*.example", "/", "other"),
                            entry("api", "shop.example", "/api"), entry("own", "own.example", "/", "other")},
                           "d1");
  EXPECT_THAT(text, HasSubstr("{ var(txn.host) -m str shop.example } { path -m beg /api/ }\n"
                              "  use_backend own if { var(txn.host) -m str own.example } TRUE\n"
                              "  use_backend nowhere if { var(txn.host) -m str shop.example }\n"
                              "  use_backend wild if { var(txn.domain) -m str example } TRUE\n"
                              "  use_backend nowhere if { var(txn.domain) -m str example }\n"
                              "  use_backend nowhere if { var(txn.host) -m str own.example }\n"
                              "  use_backend nowhere if { var(txn.host) -m str shop.example }\n"
                              "  use_backend any if TRUE\n"));
}

TEST(Config, HasTheSettingsOfItsRouter) {
  Listen listen{"127.0.0.1", 8080};
  EXPECT_THAT(render(listen, {}, "d1"), HasSubstr("  tune.bufsize 66560\n"));
  listen.settings = {.max_header = 16'384,
                     .connect = Millis(1),
                     .idle = Millis(2),
                     .response = Millis(3),
                     .request = Millis(4),
                     .keep_alive = Millis(5),
                     .tunnel = Millis(6)};
  const auto text = render(listen, {}, "d1");
  EXPECT_THAT(text, HasSubstr("  tune.bufsize 17408\n"));
  EXPECT_THAT(text, HasSubstr("  timeout connect 1ms\n  timeout client 2ms\n  timeout server 3ms\n"
                              "  timeout http-request 4ms\n  timeout http-keep-alive 5ms\n"
                              "  timeout tunnel 6ms\n"));
  EXPECT_EQ(settings_from(to_text(listen.settings)), listen.settings);
  EXPECT_EQ(settings_from(""), Settings());
  EXPECT_EQ(settings_from(" connect=x headers=-3 idle=7\n"), Settings{.idle = Millis(7)});
}

TEST(Template, ARoutersSettingsAreReadAndBounded) {
  google::protobuf::Struct object;
  auto& fields = *object.mutable_fields();
  fields["image"].set_string_value("i");
  ASSERT_TRUE(parse_router(object));
  EXPECT_EQ(parse_router(object)->settings, Settings());
  fields["maxHeaderSize"].set_string_value("16Ki");
  auto& timeouts = *fields["timeouts"].mutable_struct_value()->mutable_fields();
  timeouts["response"].set_string_value("10m");
  const auto spec = parse_router(object);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->settings.max_header, 16'384U);
  EXPECT_EQ(spec->settings.response, Millis(600'000));
  timeouts["response"].set_string_value("10ms");
  EXPECT_THAT(parse_router(object).error().message,
              HasSubstr("template.timeouts.response: must be a time from 100ms to 24h"));
  timeouts.clear();
  timeouts["respons"].set_string_value("10s");
  EXPECT_THAT(parse_router(object).error().message, HasSubstr("template.timeouts.respons"));
  timeouts.clear();
  fields["maxHeaderSize"].set_string_value("2Mi");
  EXPECT_THAT(parse_router(object).error().message, HasSubstr("must be a size from 4Ki to 1Mi"));
}

TEST(Route, SaysWhichPortsThereAreWhereItsOwnIsNone) {
  EndpointBoard board;
  auto route = entry("r", "", "/");
  route.workload = "w";
  route.port = 81;
  EXPECT_EQ(lacking_port(board, route), "") << "nothing is known yet";
  board.publish("w", {});
  EXPECT_EQ(lacking_port(board, route), "") << "no replica can be asked";
  board.publish("w", {{.replica = "0", .ip = "10.0.0.1", .ports = {{80, 8080}, {9090, 9090}}}});
  EXPECT_EQ(lacking_port(board, route),
            "leads to port 81, which its workload's service does not have; it has 80, 9090: set port in the "
            "route's params, or add that port to the service");
  board.publish("w", {{.replica = "0", .ip = "10.0.0.1", .ports = {}}});
  EXPECT_EQ(lacking_port(board, route),
            "leads to port 81, and its workload has no service: give it one with that port");
  route.port = 80;
  board.publish("w", {{.replica = "0", .ip = "10.0.0.1", .ports = {{80, 8080}}}});
  EXPECT_EQ(lacking_port(board, route), "");
}

TEST(Config, WhatWaitsHasItsServersAndNoRequests) {
  auto waits = entry("next", "shop.example", "/");
  waits.serves = false;
  auto over = entry("over", "shop.example", "/");
  over.serves = false;
  over.departing = true;
  const auto text = render({"127.0.0.1", 8080}, {entry("now", "shop.example", "/"), waits, over}, "d1");
  EXPECT_THAT(text, HasSubstr("use_backend now "));
  EXPECT_THAT(text, HasSubstr("\nbackend next\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("use_backend next ")));
  EXPECT_THAT(text, testing::Not(HasSubstr("over")));
}

TEST(Slots, ReadFromHaproxy) {
  auto slots = parse_servers(
      "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
      "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
      "srv_agent_state "
      "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord\n"
      "3 r1 1 s0 10.0.0.1 2 4 1 1 5 6 3 4 6 0 0 0 - 8080 -\n"
      "3 r1 2 s1 10.0.0.2 2 8 1 1 5 6 3 4 6 0 0 0 - 8080 -\n"
      "3 r1 3 s2 127.0.0.1 0 5 1 1 5 1 0 0 14 0 0 0 - 1 -\n\n");
  ASSERT_EQ(slots.size(), 3U);
  EXPECT_EQ(slots[0].admin, Slot::Admin::kReady);  // was disabled in the configuration, is not any more
  EXPECT_EQ(slots[1].admin, Slot::Admin::kDrain);
  EXPECT_EQ(slots[2].admin, Slot::Admin::kMaint);
  EXPECT_EQ(slots[1].target, (Target{"10.0.0.2", 8080}));
  read_sessions("# pxname,svname,qcur,qmax,scur,smax\nr1,s1,0,0,3,4\nother,s0,0,0,9,9\n", "r1", slots);
  EXPECT_EQ(slots[0].sessions, 0U);
  EXPECT_EQ(slots[1].sessions, 3U);
}

Slot slot(const std::string& name, const Target& target, Slot::Admin admin, unsigned sessions = 0) {
  return {name, target, admin, sessions};
}

TEST(Slots, WhatComesIsThereBeforeWhatGoesHasGone) {
  const Target one{"10.0.0.1", 80}, two{"10.0.0.2", 80}, none{"127.0.0.1", 1};
  using Admin = Slot::Admin;
  const auto plan =
      plan_slots("r", {slot("s0", one, Admin::kReady, 1), slot("s1", none, Admin::kMaint)}, {two});
  EXPECT_THAT(plan.commands, ElementsAre("set server r/s1 addr 10.0.0.2 port 80",
                                         "set server r/s1 state ready", "set server r/s0 state drain"));
  EXPECT_TRUE(plan.busy);
  EXPECT_THAT(plan.targets, ElementsAre(Target{}, two));

  const auto waits =
      plan_slots("r", {slot("s0", one, Admin::kDrain, 1), slot("s1", two, Admin::kReady)}, {two});
  EXPECT_THAT(waits.commands, IsEmpty());
  EXPECT_TRUE(waits.busy);
  const auto ends = plan_slots("r", {slot("s0", one, Admin::kDrain), slot("s1", two, Admin::kReady)}, {two});
  EXPECT_THAT(ends.commands, ElementsAre("set server r/s0 state maint"));
  EXPECT_FALSE(ends.busy);
  const auto back = plan_slots("r", {slot("s0", one, Admin::kDrain)}, {one});
  EXPECT_THAT(back.commands, ElementsAre("set server r/s0 state ready"));
  EXPECT_TRUE(plan_slots("r", {slot("s0", one, Admin::kReady)}, {one, two}).full);
}

// What a developer writes goes into a configuration file and into commands: nothing there may end a word.
class Hostile : public ::testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(Hostile, HostsAndPathsAreRefused) {
  const auto [field, value] = GetParam();
  google::protobuf::Struct object;
  auto& fields = *object.mutable_fields();
  fields["workload"].set_string_value("w");
  fields["router"].set_string_value("r");
  fields[field].set_string_value(value);
  const auto parsed = parse_route(object);
  ASSERT_FALSE(parsed) << value;
  EXPECT_THAT(parsed.error().message, HasSubstr("template." + field));
}

INSTANTIATE_TEST_SUITE_P(
    Table, Hostile,
    ::testing::Values(std::pair("host", "a.example } or TRUE #"), std::pair("host", "a\nuse_backend other"),
                      std::pair("host", "-i"), std::pair("host", "a b"), std::pair("host", "a\"b"),
                      std::pair("host", "a{b}"), std::pair("host", "a\\b"), std::pair("host", "*"),
                      std::pair("host", std::string("a\0b", 3)), std::pair("host", "${HOME}"),
                      std::pair("path", "/a } or TRUE"), std::pair("path", "/a\r\n  http-request deny"),
                      std::pair("path", "/a#"), std::pair("path", "/'"), std::pair("path", "/\"x"),
                      std::pair("path", "a"), std::pair("path", "/\\x"), std::pair("path", "/$(id)"),
                      std::pair("path", "/*"), std::pair("path", "/;show"), std::pair("router", "../../etc"),
                      std::pair("router", "a/b"), std::pair("router", ".."), std::pair("router", "")));

TEST(Admin, ReadsTheMaster) {
  EXPECT_THAT(parse_old_workers("#<PID> <type> <reloads>\n1 master 2 0d 2.6\n# workers\n27 worker 0 0d 2.6\n"
                                "# old workers\n17 worker 1 0d 2.6\n7 worker 2 0d 2.6\n# programs\n\n"),
              ElementsAre(17, 7));
  EXPECT_EQ(parse_description("Name: HAProxy\nnode: a\ndescription: d1\nTasks: 3\n"), "d1");
}

}  // namespace
}  // namespace qleet::route
