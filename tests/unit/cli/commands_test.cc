// What commands say and exit with, by what a hub of the test answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "cli/build_fates.h"
#include "cli/commands.h"
#include "common/crypto/certificate.h"
#include "common/model/model.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/operations.pb.h"
#include "tests/support/http_server.h"

namespace qleet::cli {
namespace {

using qleet::testing::HttpRequest;
using qleet::testing::HttpServer;
using qleet::testing::HttpWrite;
using qleet::testing::simple;
using ::testing::EndsWith;
using ::testing::HasSubstr;

// Answers "GET /v1/x" with what was set for it: one after the other, the last one from then on.
class Hub {
 public:
  void answer(const std::string& request, const std::vector<std::string>& bodies) {
    std::lock_guard lock(mutex_);
    answers_[request] = bodies;
    asked_[request] = 0;
  }
  void answer(const std::string& request, const std::vector<v1::Tree>& trees) {
    std::vector<std::string> bodies;
    for (const auto& tree : trees) bodies.push_back(model::to_json(tree));
    answer(request, bodies);
  }
  bool was_asked(const std::string& request) const {
    std::lock_guard lock(mutex_);
    return asked_.contains(request) && asked_.at(request) > 0;
  }
  std::string url() const { return server_.url(""); }

 private:
  bool handle(const HttpRequest& request, const HttpWrite& write) {
    std::lock_guard lock(mutex_);
    const auto what = request.method + " " + request.target;
    const auto times = asked_[what]++;
    const auto known = answers_.find(what);
    if (known == answers_.end())
      return write(
          simple(404, R"({"title":"not found","status":404,"code":"not_found","detail":"not there"})"));
    return write(simple(200, known->second[std::min(times, known->second.size() - 1)]));
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> answers_;
  std::map<std::string, size_t> asked_;
  HttpServer server_{
      [this](const HttpRequest& request, const HttpWrite& write) { return handle(request, write); }};
};

struct Said {
  Exit exit = Exit::kOk;
  std::string out;
  std::string err;
};

// Standard output and error are files then, no terminals.
template <class Command>
Said say(const Hub& hub, const Command& command, Format format = Format::kTable) {
  HubClient client({.url = hub.url(), .token = "", .ca_pem = ""});
  const SystemClock clock;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Said said;
  {
    Terminal none;
    Session session{client, none, clock, format};
    said.exit = run(session, command);
  }
  said.out = ::testing::internal::GetCapturedStdout();
  said.err = ::testing::internal::GetCapturedStderr();
  return said;
}

TEST(DeleteCommand, SaysWhatWouldBeDeletedWhereItMayNotAsk) {
  Hub hub;
  hub.answer(
      "DELETE /v1/applications/blog?dryRun=true&deleteData=true",
      {R"({"data":[{"fate":"Kept","message":"volume a stays"},{"fate":"Deleted","message":"volume b goes"}]})"});
  DeleteCommand command;
  command.targets = {"app", "blog"};
  command.delete_data = true;
  const auto said = say(hub, command);
  EXPECT_EQ(said.exit, Exit::kUsage);
  EXPECT_EQ(said.out, "");
  EXPECT_EQ(said.err,
            "qleet: application \"blog\": nothing was deleted: its data would go too, and there is no "
            "terminal to ask "
            "on; say --yes to go on\n"
            "Would be deleted: volume b goes\nWould be kept: volume a stays\n");
  EXPECT_FALSE(hub.was_asked("DELETE /v1/applications/blog?deleteData=true"));
}

TEST(DescribeCommand, ShowsABlockForEachEnvironment) {
  Hub hub;
  hub.answer("GET /v1/describe/applications/shop",
             {R"({"text":"shop is not ready\nrelease: 2\n\nenvironment dev\n...",)"
              R"("facts":[{"name":"environments","value":"dev, prod"}]})"});
  hub.answer("GET /v1/describe/applications/shop?environment=dev", {R"({"text":"of dev\n"})"});
  hub.answer("GET /v1/describe/applications/shop?environment=prod", {R"({"text":"of prod\n"})"});
  const auto all = say(hub, DescribeCommand{.targets = {"app", "shop"}});
  EXPECT_EQ(all.exit, Exit::kOk);
  EXPECT_EQ(all.out,
            "shop is not ready\nrelease: 2\n\nenvironment dev\nof dev\n\nenvironment prod\nof prod\n");
  EXPECT_EQ(say(hub, DescribeCommand{.targets = {"app", "shop"}, .environment = "prod"}).out, "of prod\n");
  const auto wrong = say(hub, DescribeCommand{.targets = {"env", "prod"}, .environment = "prod"});
  EXPECT_EQ(wrong.exit, Exit::kUsage);
  EXPECT_THAT(wrong.err, HasSubstr("only an application is described for one environment"));
}

v1::Tree tree_of(const std::vector<std::pair<std::string, std::string>>& environments) {
  v1::Tree tree;
  tree.set_application("blog");
  for (const auto& [name, state] : environments) {
    auto& environment = *tree.add_environments();
    environment.set_environment(name);
    environment.set_state(state);
    auto& place = *tree.add_places();
    place.set_environment(name);
    place.set_region("local-1");
    place.set_state(state);
  }
  return tree;
}

WaitCommand wait_for(const std::string& environment) {
  return {.application = "blog", .environment = environment, .condition = "ready", .timeout = "30s"};
}

TEST(WaitCommand, EndsAtOnceForAnEnvironmentThatTheApplicationIsNotIn) {
  Hub hub;
  hub.answer("GET /v1/applications/blog/tree?environment=prod", std::vector<v1::Tree>{tree_of({})});
  hub.answer("GET /v1/applications/blog", {R"({"spec":{"environments":["dev","staging"]}})"});
  const auto said = say(hub, wait_for("prod"));
  EXPECT_EQ(said.exit, Exit::kNotFound);
  EXPECT_EQ(said.err, "qleet: application \"blog\": is not in environment prod; it is in: dev, staging\n");
  // One that names none is in "default".
  hub.answer("GET /v1/applications/blog", {"{}"});
  EXPECT_THAT(say(hub, wait_for("prod")).err, HasSubstr("it is in: default\n"));
}

// As the hub says it where an application has no place there.
TEST(WaitCommand, ListsTheEnvironmentsWhereTheHubRefusesTheTree) {
  Hub hub;
  hub.answer("GET /v1/applications/blog", {R"({"spec":{"environments":["dev","staging"]}})"});
  const auto said = say(hub, wait_for("prod"));
  EXPECT_EQ(said.exit, Exit::kNotFound);
  EXPECT_EQ(said.err, "qleet: application \"blog\": is not in environment prod; it is in: dev, staging\n");
}

TEST(WaitCommand, DrawsThatEnvironmentAlone) {
  Hub hub;
  hub.answer("GET /v1/applications/blog/tree?environment=dev",
             std::vector<v1::Tree>{tree_of({{"dev", "Ready"}})});
  const auto said = say(hub, wait_for("dev"));
  EXPECT_EQ(said.exit, Exit::kOk);
  EXPECT_EQ(said.out, "blog  dev / local-1: Ready\n");
  EXPECT_FALSE(hub.was_asked("GET /v1/applications/blog/tree"));
}

TEST(WaitCommand, GoesOnWhereTheApplicationHasYetToComeThere) {
  Hub hub;
  hub.answer("GET /v1/applications/blog/tree?environment=prod",
             std::vector<v1::Tree>{tree_of({}), tree_of({{"prod", "Ready"}})});
  hub.answer("GET /v1/applications/blog", {R"({"spec":{"environments":["dev","prod"]}})"});
  const auto said = say(hub, wait_for("prod"));
  EXPECT_EQ(said.exit, Exit::kOk) << said.err;
  EXPECT_EQ(said.out, "blog is nowhere yet\nblog  prod / local-1: Ready\n");
}

TEST(StatusCommand, WatchedWithoutATerminalIsPrintedWithEveryChange) {
  Hub hub;
  const std::string off = R"({"problems":[{"kind":"Region","name":"eu","message":"away for )";
  // Ended by a status that nobody can read.
  hub.answer("GET /v1/status",
             {R"({"well":true})", R"({"well":true})", off + R"(3 s"}]})", off + R"(4 s"}]})", "nonsense"});
  const auto said = say(hub, StatusCommand{.watch = true});
  const std::string rest = "\n\nhub            ready    " + hub.url() +
                           "\nregions        0 of 0 served\nagents         none\napplications   none\n";
  EXPECT_EQ(said.out, "everything is up" + rest + "\n1 thing is not well" + rest +
                          "\nNot well\n✖ region/eu\n    away for 3 s\n");
}

TEST(GetCommand, ListsReleasesByNumber) {
  Hub hub;
  hub.answer("GET /v1/releases",
             {R"({"items":[{"metadata":{"name":"blog.1"}},{"metadata":{"name":"blog.10"}},)"
              R"({"metadata":{"name":"blog.9"}},{"metadata":{"name":"blog-2.1"}}]})"});
  EXPECT_EQ(say(hub, GetCommand{.targets = {"releases"}}, Format::kName).out,
            "releases/blog-2.1\nreleases/blog.1\nreleases/blog.9\nreleases/blog.10\n");
}

TEST(HubClients, SayHowACaIsNamed) {
  const auto now = SystemClock().wall();
  const auto ca = crypto::make_ca("test", std::chrono::hours(24), now);
  ASSERT_TRUE(ca);
  const auto leaf =
      crypto::make_server_certificate(*ca, {.dns = {}, .ips = {"127.0.0.1"}}, std::chrono::hours(24), now);
  ASSERT_TRUE(leaf);
  HttpServer server([](const HttpRequest&, const HttpWrite& write) { return write(simple(200, "{}")); },
                    {.unix_socket = {},
                     .certificate_chain_pem = leaf->certificate_pem,
                     .private_key_pem = leaf->private_key_pem});
  HubClient client({.url = "https://127.0.0.1:" + std::to_string(server.port()), .token = "", .ca_pem = ""});
  const auto read = client.get("/v1/status");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("certificate is not trusted"));
  EXPECT_THAT(read.error().message,
              EndsWith("; name the hub's CA: QLEET_CA=FILE, or qleet login https://HOST:7443 --ca FILE"));
}

NotifyCommand notify() {
  NotifyCommand command;
  command.image = "r.test/blog/front:2@sha256:0";
  command.wait = {.wait = true, .timeout = "1ms"};
  return command;
}

std::string fates(const std::string& state, const std::string& dev, const std::string& prod) {
  const auto one = [](const std::string& environment, const std::string& known) {
    return R"({"application":"blog","release":3,"environment":")" + environment + R"(","state":")" + known +
           R"(","reason":"waits"})";
  };
  return R"({"build":"b1","state":")" + state + R"(","releases":[)" + one("dev", dev) + "," +
         one("prod", prod) + "]}";
}

const std::string kStates =
    "blog  dev  release 3  Stalled: waits\nblog  prod  release 3  RollingOut: waits\n";

TEST(NotifyCommand, SaysWhereToLookAtWhatFailed) {
  Hub hub;
  hub.answer("POST /v1/builds", {fates("Delivered", "RollingOut", "RollingOut")});
  hub.answer("GET /v1/builds/b1/fate", {fates("Failed", "Stalled", "Ready")});
  hub.answer("GET /v1/releases/blog.3",
             {R"({"spec":{"images":[{"workload":"db"},{"workload":"front","build":"b1"}]}})"});
  const auto said = say(hub, notify());
  EXPECT_EQ(said.exit, Exit::kFailed);
  EXPECT_EQ(said.err,
            "qleet: blog did not become ready in dev; look: qleet describe app blog, or qleet logs -p "
            "blog/front -e dev\n");
}

TEST(NotifyCommand, ThatEndsInTimeHasFailedWhereAnEnvironmentHas) {
  Hub hub;
  hub.answer("POST /v1/builds", {fates("Delivered", "RollingOut", "RollingOut")});
  hub.answer("GET /v1/builds/b1/fate", {fates("RollingOut", "Stalled", "RollingOut")});
  const auto failed = say(hub, notify());
  EXPECT_EQ(failed.exit, Exit::kFailed);
  EXPECT_THAT(failed.out, EndsWith(kStates));
  EXPECT_EQ(
      failed.err,
      "qleet: not done within 1ms\n"
      "qleet: blog did not become ready in dev; look: qleet describe app blog, or qleet logs -p blog -e "
      "dev\n"
      "qleet: blog goes on in prod; follow it: qleet tree --watch blog\n");
  hub.answer("GET /v1/builds/b1/fate", {fates("RollingOut", "Ready", "RollingOut")});
  const auto late = say(hub, notify());
  EXPECT_EQ(late.exit, Exit::kTimeout);
  EXPECT_EQ(late.err,
            "qleet: not done within 1ms\nqleet: blog goes on in prod; follow it: qleet tree --watch blog\n");
}

TEST(FateChanges, SayAReasonOnceHoweverItsNumbersChange) {
  v1::DeliveryAnswers answers;
  auto& fate = *answers.add_releases();
  fate.set_application("blog");
  fate.set_environment("dev");
  fate.set_release(3);
  fate.set_state("RollingOut");
  fate.set_reason("local-1: 10.1.0.3:80 refuses");
  FateChanges changes;
  EXPECT_EQ(changes.news(answers), "blog  dev  release 3  RollingOut: local-1: 10.1.0.3:80 refuses\n");
  fate.set_reason("local-1: 10.1.0.44:80 refuses");
  EXPECT_EQ(changes.news(answers), "");
  fate.set_state("Stalled");
  fate.set_reason(std::string(200, 'x'));
  EXPECT_EQ(changes.news(answers), "blog  dev  release 3  Stalled: " + std::string(157, 'x') + "...\n");
  EXPECT_EQ(states_of(answers, Length::kWhole),
            "blog  dev  release 3  Stalled: " + std::string(200, 'x') + "\n");
}

}  // namespace
}  // namespace qleet::cli
