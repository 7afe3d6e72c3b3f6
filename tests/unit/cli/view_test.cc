// Rows that people read: columns of kinds, tables that grow, the status of everything.
#include <gtest/gtest.h>

#include "cli/columns.h"
#include "cli/status_view.h"
#include "cli/tree_view.h"
#include "qleet/v1/application.pb.h"

namespace qleet::cli {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1'000'000)};

std::string row(const google::protobuf::Message& object, const RowContext& context = {.now = kNow}) {
  std::string out;
  for (const auto& cell : cells_of(object, context)) out += (out.empty() ? "" : " | ") + cell;
  return out;
}

TEST(Columns, AnApplicationShowsItsHealth) {
  v1::Application application;
  application.mutable_metadata()->set_name("shop");
  application.mutable_metadata()->mutable_creation_timestamp()->set_seconds(1'000'000 - 60);
  auto& status = *application.mutable_status();
  status.set_state("Ready");
  status.set_ready(2);
  status.set_replicas(2);
  status.set_restarts(1);
  status.set_latest_release(7);
  (*application.mutable_spec()->mutable_workloads())["web"];
  EXPECT_EQ(columns_of(application).header, (std::vector<std::string>{"NAME", "STATE", "READY", "RESTARTS",
                                                                      "RELEASE", "ENVIRONMENTS", "AGE"}));
  EXPECT_EQ(row(application), "shop | Ready | 2/2 | 1 | 7 | default | 1 min | web");
  status.clear_ready();
  EXPECT_TRUE(row(application).starts_with("shop | Ready | 0/2 | 1"));
  // A hub of an earlier version says nothing of it.
  application.clear_status();
  EXPECT_TRUE(row(application).starts_with("shop | - | - | 0 | -")) << row(application);
}

TEST(Columns, ARegionShowsItsAgentAndWhetherItTakesNewThings) {
  v1::Region region;
  region.mutable_metadata()->set_name("eu-1");
  EXPECT_EQ(row(region), "eu-1 | - | NoAgent | - | all | - | -");
  region.mutable_status()->set_agent("a1");
  region.mutable_spec()->set_cordoned(true);
  RowContext context{.now = kNow};
  context.agents["a1"].mutable_status()->set_state("Lost");
  context.agents["a1"].mutable_status()->set_version("0.1.0");
  EXPECT_EQ(row(region, context), "eu-1 | a1 | Lost | 0.1.0 | nothing new (cordoned) | - | -");
}

TEST(Columns, AnAgeIsInWholeSeconds) {
  google::protobuf::Timestamp then;
  then.set_seconds(999'996);
  EXPECT_EQ(age(then, kNow + Millis(700)), "4 s");
  EXPECT_EQ(age(then, kNow - Millis(3'900)), "0 s");
  EXPECT_EQ(age(then, kNow + Millis(60'000)), "1 min");
}

TEST(Images, AreShortenedByTheirDigestAlone) {
  EXPECT_EQ(short_image("r.test/shop/web:main-1@sha256:0123456789abcdef0123"),
            "r.test/shop/web:main-1@sha256:0123456789ab");
  EXPECT_EQ(short_image("r.test/shop/web:main-1"), "r.test/shop/web:main-1");
}

TEST(GrowingTables, HaveOneHeaderAndGrow) {
  GrowingTable table({"NAME", "STATE"});
  EXPECT_EQ(table.add({}), "");
  EXPECT_EQ(table.add({{"a", "Ready"}}), "NAME   STATE\na      Ready\n");
  EXPECT_EQ(table.add({{"longer-name", "Stalled"}}), "longer-name   Stalled\n");
  EXPECT_EQ(table.add({{"b", "Ready", "(gone)"}}), "b             Ready     (gone)\n");
}

TEST(StatusView, AnswersFirst) {
  v1::SystemStatus status;
  status.set_well(true);
  status.set_version("0.1.0");
  status.set_regions(2);
  status.set_regions_served(2);
  (*status.mutable_agents())["Connected"] = 2;
  (*status.mutable_applications())["Ready"] = 3;
  const Terminal terminal;
  EXPECT_EQ(render_status(terminal, status, "https://hub:7443"),
            "everything is up\n\n"
            "hub            ready  0.1.0  https://hub:7443\n"
            "regions        2 of 2 served\n"
            "agents         2 Connected\n"
            "applications   3 Ready\n");

  status.set_well(false);
  (*status.mutable_applications())["Failed"] = 1;
  auto& problem = *status.add_problems();
  problem.set_kind("Deployment");
  problem.set_name("shop.dev");
  problem.set_state("Failed");
  problem.set_message("shop is not ready in dev: the image\nis missing");
  problem.set_repair("push it");
  auto& waiting = *status.add_waiting();
  waiting.set_kind("Deployment");
  waiting.set_name("shop.prod");
  waiting.set_state("AwaitingApproval");
  waiting.set_message("release 14 waits for approval");
  waiting.set_repair("qleet approve shop prod --release 14");
  auto& warning = *status.add_warnings();
  warning.set_kind("Certificate");
  warning.set_name("api");
  warning.set_message("it ends in 3.0 days");
  EXPECT_EQ(render_status(terminal, status, "https://hub:7443"),
            "1 thing is not well\n\n"
            "hub            ready  0.1.0  https://hub:7443\n"
            "regions        2 of 2 served\n"
            "agents         2 Connected\n"
            "applications   3 Ready, 1 Failed\n"
            "\nNot well\n"
            "✖ deployment/shop.dev  Failed\n"
            "    shop is not ready in dev: the image\\nis missing\n"
            "    To repair: push it\n"
            "\nWaiting\n"
            "○ deployment/shop.prod  AwaitingApproval\n"
            "    release 14 waits for approval\n"
            "    To go on: qleet approve shop prod --release 14\n"
            "\nWarnings\n"
            "! certificate/api\n"
            "    it ends in 3.0 days\n");
}

v1::Tree tree_with(const std::string& state, const std::string& message) {
  v1::Tree tree;
  tree.set_application("blog");
  auto& place = *tree.add_places();
  place.set_environment("dev");
  auto& root = *place.add_roots();
  root.set_type("workload");
  root.set_id("front");
  root.set_resource("eu.dev.blog.workload.front");
  root.set_state(state);
  root.set_message(message);
  return tree;
}

TEST(TreeChanges, SayAReasonOnceHoweverItsNumbersChange) {
  TreeChanges changes;
  EXPECT_EQ(changes.news(tree_with("Progressing", "probe of 10.89.0.4:8080: refused (3 times)")),
            "blog  dev  front: Progressing, probe of 10.89.0.4:8080: refused (3 times)\n");
  EXPECT_EQ(changes.news(tree_with("Progressing", "probe of 10.89.0.17:8080: refused (4 times)")), "");
  EXPECT_EQ(changes.news(tree_with("Progressing", "probe of 10.89.0.17:8080: times out (5 times)")),
            "blog  dev  front: Progressing, probe of 10.89.0.17:8080: times out (5 times)\n");
  EXPECT_EQ(changes.news(tree_with("Stalled", "probe of 10.89.0.17:8080: times out (5 times)")),
            "blog  dev  front: Stalled, probe of 10.89.0.17:8080: times out (5 times)\n");
}

TEST(TreeChanges, SayTheBeginningOfWhatIsLong) {
  TreeChanges changes;
  std::string letters;
  for (int i = 0; i < 200; ++i) letters += "é";
  EXPECT_EQ(changes.news(tree_with("Stalled", letters)),
            "blog  dev  front: Stalled, " + letters.substr(0, size_t{2} * 157) + "...\n");
}

TEST(Comparing, LeavesNumbersAndAddressesOut) {
  EXPECT_EQ(without_numbers("container 3fa0c1 at 10.1.0.7:80 is back"), "container # at # is back");
  EXPECT_EQ(without_numbers("a deaf cafe"), "a deaf cafe");
  EXPECT_EQ(without_numbers("web-0: exit 137"), without_numbers("web-1: exit 1"));
}

}  // namespace
}  // namespace qleet::cli
