// Routes on a real haproxy in a real podman: no request fails while replicas are replaced and routes come and
// go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/model/reasons.h"
#include "providers/container/provider.h"
#include "providers/route/provider.h"
#include "tests/support/driven_provider.h"
#include "tests/support/engine_host.h"
#include "tests/support/eventually.h"
#include "tests/support/free_port.h"

namespace qleet {
namespace {

using State = Observation::State;
using test::eventually;
using test::reach;
using test::resource;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

http::Request ask(const std::string& url, const std::string& host, bool keep) {
  http::Request request;
  request.url = url;
  request.timeout = Millis(3'000);
  if (!host.empty()) request.headers.emplace_back("Host", host);
  if (!keep) request.headers.emplace_back("Connection", "close");
  return request;
}

// Asks again and again on one thread, on one connection or on a new one each time.
class Asker {
 public:
  Asker(std::string url, std::string host, bool keep)
      : url_(std::move(url)), host_(std::move(host)), keep_(keep), thread_([this] { run(); }) {}
  ~Asker() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  unsigned asked() const { return asked_; }
  // Every failure, for people.
  std::vector<std::string> failures() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }
  // Every page that came back.
  std::set<std::string> pages() {
    const std::lock_guard lock(mutex_);
    return pages_;
  }

 private:
  void run() {
    http::Client client;
    while (!stop_) {
      const auto response = client.request(ask(url_, host_, keep_));
      ++asked_;
      const std::lock_guard lock(mutex_);
      if (response && response->ok()) {
        pages_.insert(response->body);
        continue;
      }
      failures_.push_back(response ? std::to_string(response->status) : response.error().message);
    }
  }

  std::string url_, host_;
  bool keep_;
  std::atomic<bool> stop_{false};
  std::atomic<unsigned> asked_{0};
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::set<std::string> pages_;
  std::thread thread_;
};

class RouteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    bool skip = false;
    engine_ = test::start_engine_host(why, skip);
    if (skip) GTEST_SKIP() << why;
    ASSERT_TRUE(engine_) << why;
    const auto imported = engine_->import_program("localhost/haproxy:1", "/usr/sbin/haproxy");
    ASSERT_TRUE(imported) << imported.error().message;
    port_ = test::free_port();
    make_providers();
    ASSERT_EQ(reach(*containers_, host_).state, State::kReady);
    const auto router = reach(*routes_, router_resource());
    ASSERT_EQ(router.state, State::kReady) << router.message;
    router_name_ = router.self.at("name");
    url_ = router.self.at("url");
  }

  void make_providers() {
    routes_watch_.reset();
    containers_watch_.reset();
    routes_.reset();
    containers_.reset();
    board_ = std::make_unique<EndpointBoard>();
    containers_ =
        container::make_provider({.socket = engine_->socket(), .state = engine_->state()}, *board_, clock_);
    routes_ = route::make_provider({.socket = engine_->socket(), .state = engine_->state()}, *board_);
    containers_watch_ = containers_->watch([](const std::string&) {});
    routes_watch_ = routes_->watch([](const std::string&) {});
  }

  ProviderResource router_resource() {
    return resource(
        "router", "default",
        R"({"image":"localhost/haproxy:1","listen":"127.0.0.1","port":)" + std::to_string(port_) + "}");
  }
  ProviderResource web(const std::string& version, unsigned replicas) {
    return resource("workload", "web",
                    R"({"stopGrace":"2s","replicas":)" + std::to_string(replicas) +
                        R"(,"score":{"containers":{"web":{"image":")" + engine_->image() +
                        R"(","variables":{"VERSION":")" + version +
                        R"("},"readinessProbe":{"httpGet":{"path":"/healthz","port":8080}}}},
                        "service":{"ports":{"http":{"port":80,"targetPort":8080}}}}})",
                    "hash-" + version);
  }
  ProviderResource route(const std::string& id, const std::string& host, const std::string& path = "/") {
    return resource("route", id,
                    R"({"host":")" + host + R"(","path":")" + path + R"(","port":80,"workload":")" +
                        web("", 1).name + R"(","router":")" + router_name_ + R"("})",
                    "hash-" + host + path);
  }
  // Of another application, or another workload of one; its page is `version`.
  ProviderResource workload(const std::string& application, const std::string& id,
                            const std::string& version) {
    auto out = web(version, 1);
    out.id = id;
    out.application = application;
    out.name = "local-1.dev." + application + ".workload." + id;
    return out;
  }
  ProviderResource route_to(const ProviderResource& to, const std::string& host,
                            const std::string& path = "/") {
    auto out = resource("route", to.id + "-url",
                        R"({"host":")" + host + R"(","path":")" + path + R"(","port":80,"workload":")" +
                            to.name + R"(","router":")" + router_name_ + R"("})",
                        "hash-" + host + path + to.name);
    out.application = to.application;
    out.name = "local-1.dev." + to.application + ".route." + to.id + "-url";
    return out;
  }
  void serve(const ProviderResource& to, const std::string& host) {
    const auto routed = reach(*routes_, route_to(to, host));
    ASSERT_EQ(routed.state, State::kReady) << routed.message;
    const auto ran = reach(*containers_, to);
    ASSERT_EQ(ran.state, State::kReady) << ran.message;
    ASSERT_TRUE(eventually([&] { return status(host) == 200; })) << host;
  }
  int status(const std::string& host, const std::string& path = "") {
    http::Client client;
    const auto response = client.request(ask(url_ + path, host, false));
    return response ? response->status : 0;
  }

  SystemClock clock_;
  std::unique_ptr<test::EngineHost> engine_;
  std::unique_ptr<EndpointBoard> board_;
  std::unique_ptr<Provider> containers_;
  std::unique_ptr<Provider> routes_;
  std::shared_ptr<void> containers_watch_;
  std::shared_ptr<void> routes_watch_;
  std::uint16_t port_ = 0;
  std::string router_name_;
  std::string url_;
  ProviderResource host_ = resource("container-host", "default", "{}");
};

TEST_F(RouteTest, NoRequestFailsWhileReplicasAreReplacedAndRoutesComeAndGo) {
  const auto shop = reach(*routes_, route("web-url", "shop.example"));
  ASSERT_EQ(shop.state, State::kReady) << shop.message;
  EXPECT_EQ(shop.self.at("url"), "http://shop.example:" + std::to_string(port_) + "/");
  EXPECT_EQ(status("shop.example"), 503);  // nobody is ready yet
  EXPECT_EQ(status("other.example"), 404);
  auto seen = reach(*containers_, web("v1", 2));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  ASSERT_TRUE(eventually([&] { return status("shop.example") == 200; }));

  Asker fresh(url_, "shop.example", false);
  Asker kept(url_, "shop.example", true);
  Asker slow(url_ + "slow/300", "shop.example", true);
  ASSERT_TRUE(eventually([&] { return fresh.asked() > 50 && kept.asked() > 50; }));
  for (const std::string version : {"v2", "v3"}) {
    seen = reach(*containers_, web(version, 2));
    ASSERT_EQ(seen.state, State::kReady) << seen.message;
    // A reload in the middle: workers of before it must follow the endpoints as well.
    const auto more = reach(*routes_, route("more-" + version, version + ".example", "/api"));
    ASSERT_EQ(more.state, State::kReady) << more.message;
  }
  seen = reach(*containers_, web("v4", 3));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_TRUE(test::remove_all(*routes_, route("more-v2", "v2.example", "/api")));
  const unsigned asked = kept.asked();
  ASSERT_TRUE(eventually([&] { return kept.asked() > asked + 50; }));
  for (Asker* asker : {&fresh, &kept, &slow}) {
    asker->stop();
    EXPECT_THAT(asker->failures(), IsEmpty()) << "of " << asker->asked();
  }
  EXPECT_EQ(status("v2.example", "api"), 404);
  EXPECT_EQ(status("v3.example", "api"), 200);
  EXPECT_EQ(status("v3.example", "apiary"), 404);

  EXPECT_TRUE(test::remove_all(*containers_, web("v4", 3)));
  EXPECT_EQ(status("shop.example"), 503);
  EXPECT_TRUE(test::remove_all(*routes_, route("web-url", "shop.example")));
  EXPECT_TRUE(test::remove_all(*routes_, route("more-v3", "v3.example", "/api")));
  EXPECT_TRUE(test::remove_all(*routes_, router_resource()));
  EXPECT_TRUE(test::remove_all(*containers_, host_));
  EXPECT_THAT(engine_->leftovers(), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(engine_->state() / "routers"));
}

TEST_F(RouteTest, AnAgentThatRestartsChangesNothingAndThenLeadsOn) {
  ASSERT_EQ(reach(*routes_, route("web-url", "")).state, State::kReady);
  ASSERT_EQ(reach(*containers_, web("v1", 1)).state, State::kReady);
  ASSERT_TRUE(eventually([&] { return status("any.example") == 200; }));
  Asker asker(url_, "", true);
  make_providers();
  // The route is looked at before its workload: nothing is known of that yet, and haproxy keeps what it has.
  ASSERT_EQ(routes_->observe(route("web-url", ""))->state, State::kReady);
  ASSERT_EQ(containers_->observe(web("v1", 1))->state, State::kReady);
  auto seen = reach(*containers_, web("v2", 1));
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  ASSERT_TRUE(eventually([&] { return test::get(url_) == "v2"; }));
  asker.stop();
  EXPECT_THAT(asker.failures(), IsEmpty()) << "of " << asker.asked();
}

TEST_F(RouteTest, ARouterThatIsKilledComesBackWithItsRoutes) {
  ASSERT_EQ(reach(*routes_, route("web-url", "")).state, State::kReady);
  ASSERT_EQ(reach(*containers_, web("v1", 2)).state, State::kReady);
  ASSERT_TRUE(eventually([&] { return status("") == 200; }));
  ASSERT_TRUE(engine_->client().remove(router_name_));
  const auto seen = reach(*routes_, router_resource());
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_TRUE(eventually([&] { return test::get(url_) == "v1"; }, Millis(3'000)));
}

// Whatever moves, a request is answered by who has the host or by who takes it over: never by another
// application, and never by nobody.
TEST_F(RouteTest, ARenamedWorkloadServesUntilTheNewOneIsReady) {
  const auto other = workload("other", "any", "other");
  serve(other, "");
  const auto api = workload("shop", "api", "api");
  const auto next = workload("shop", "next", "next");
  serve(api, "shop.example");
  Asker fresh(url_, "shop.example", false);
  Asker kept(url_, "shop.example", true);
  Asker slow(url_ + "slow/300", "shop.example", true);
  ASSERT_TRUE(eventually([&] { return fresh.asked() > 20 && kept.asked() > 20 && slow.asked() > 0; }));
  // In one step the old workload is to go, and the new one with its route is to be made.
  std::atomic<bool> removed = false;
  std::thread removal([&] { removed = test::remove_all(*containers_, api); });
  // The new route comes a little later, and its workload later still.
  const auto routed = reach(*routes_, route_to(next, "shop.example"));
  EXPECT_EQ(routed.state, State::kReady);  // a workload waits for its routes
  EXPECT_THAT(routed.message, HasSubstr("takes over from local-1.dev.shop.route.api-url"));
  const unsigned asked = fresh.asked();
  ASSERT_TRUE(eventually([&] { return fresh.asked() > asked + 50; }));
  EXPECT_FALSE(removed);
  const auto ran = reach(*containers_, next);
  EXPECT_EQ(ran.state, State::kReady) << ran.message;
  const auto taken = reach(*routes_, route_to(next, "shop.example"));
  EXPECT_EQ(taken.state, State::kReady) << taken.message;
  removal.join();
  EXPECT_TRUE(removed);
  EXPECT_TRUE(test::remove_all(*routes_, route_to(api, "shop.example")));
  const unsigned now = kept.asked();
  ASSERT_TRUE(eventually([&] { return kept.asked() > now + 50; }));
  for (Asker* asker : {&fresh, &kept, &slow}) {
    asker->stop();
    EXPECT_THAT(asker->failures(), IsEmpty()) << "of " << asker->asked();
  }
  EXPECT_THAT(fresh.pages(), ::testing::ElementsAre("api", "next"));
  EXPECT_THAT(kept.pages(), ::testing::ElementsAre("api", "next"));
}

// The first thing that an agent does after a restart may be to take the old workload away: its routes hold
// it, looked at or not.
TEST_F(RouteTest, ARenamedWorkloadServesAlsoWhereTheAgentRestartsMeanwhile) {
  const auto api = workload("shop", "api", "api");
  const auto next = workload("shop", "next", "next");
  serve(api, "shop.example");
  Asker asker(url_, "shop.example", false);
  const auto expect_it_serves = [&] {
    const auto seen = containers_->observe(api);
    ASSERT_TRUE(seen) << seen.error().message;
    const auto step = containers_->remove(api, *seen);
    ASSERT_TRUE(step) << step.error().message;
    EXPECT_FALSE(step->done);
    EXPECT_THAT(step->message, HasSubstr("serves until those who take over its routes are ready"));
  };
  expect_it_serves();
  ASSERT_EQ(reach(*routes_, route_to(next, "shop.example")).state, State::kReady);
  make_providers();
  expect_it_serves();
  ASSERT_EQ(reach(*containers_, next).state, State::kReady);
  ASSERT_EQ(reach(*routes_, route_to(next, "shop.example")).state, State::kReady);
  EXPECT_TRUE(test::remove_all(*containers_, api));
  asker.stop();
  EXPECT_THAT(asker.failures(), IsEmpty()) << "of " << asker.asked();
}

TEST_F(RouteTest, TwoApplicationsExchangeTheirHosts) {
  const auto other = workload("other", "any", "other");
  serve(other, "");
  const auto blue = workload("blue", "web", "blue");
  const auto green = workload("green", "web", "green");
  serve(blue, "move.example");
  serve(green, "spare.example");
  Asker move(url_, "move.example", false);
  Asker spare(url_, "spare.example", true);
  ASSERT_TRUE(eventually([&] { return move.asked() > 20 && spare.asked() > 20; }));
  // One after the other, as deltas come: the first half is refused until the second is there.
  const auto first = routes_->apply(route_to(blue, "spare.example"), {});
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().reason, reasons::kResourceConflict);
  auto seen = reach(*routes_, route_to(green, "move.example"));
  EXPECT_EQ(seen.state, State::kReady) << seen.message;
  seen = reach(*routes_, route_to(blue, "spare.example"));
  EXPECT_EQ(seen.state, State::kReady) << seen.message;
  // Ready: all that they wait for is each other's going. That is one step for both.
  ASSERT_TRUE(eventually([&] { return move.pages().size() == 2 && spare.pages().size() == 2; }));
  const unsigned asked = move.asked();
  ASSERT_TRUE(eventually([&] { return move.asked() > asked + 50; }));
  move.stop();
  spare.stop();
  EXPECT_THAT(move.failures(), IsEmpty()) << "of " << move.asked();
  EXPECT_THAT(spare.failures(), IsEmpty()) << "of " << spare.asked();
  EXPECT_THAT(move.pages(), ::testing::ElementsAre("blue", "green"));
  EXPECT_THAT(spare.pages(), ::testing::ElementsAre("blue", "green"));
  EXPECT_EQ(status("move.example"), 200);
}

TEST_F(RouteTest, ARouteMovesToAnotherWorkload) {
  const auto other = workload("other", "any", "other");
  serve(other, "");
  const auto one = workload("shop", "one", "one");
  const auto two = workload("shop", "two", "two");
  serve(one, "shop.example");
  Asker asker(url_, "shop.example", false);
  ASSERT_TRUE(eventually([&] { return asker.asked() > 20; }));
  // The same route, led to another workload, which is not there yet.
  auto moved = route_to(two, "shop.example");
  moved.name = route_to(one, "shop.example").name;
  auto seen = reach(*routes_, moved);
  EXPECT_EQ(seen.state, State::kReady) << seen.message;
  EXPECT_THAT(seen.message, HasSubstr("takes over from"));
  std::atomic<bool> removed = false;
  std::thread removal([&] { removed = test::remove_all(*containers_, one); });
  seen = reach(*containers_, two);
  EXPECT_EQ(seen.state, State::kReady) << seen.message;
  seen = reach(*routes_, moved);
  EXPECT_EQ(seen.state, State::kReady) << seen.message;
  removal.join();
  EXPECT_TRUE(removed);
  // The agent restarts, and what the route left behind is finished.
  make_providers();
  EXPECT_EQ(routes_->observe(moved)->state, State::kReady);
  asker.stop();
  EXPECT_THAT(asker.failures(), IsEmpty()) << "of " << asker.asked();
  EXPECT_THAT(asker.pages(), ::testing::ElementsAre("one", "two"));
  EXPECT_TRUE(test::remove_all(*routes_, moved));
  // By who asked for any host: nobody asks for this one any more.
  EXPECT_TRUE(eventually([&] { return status("shop.example") == 200; }));
}

TEST_F(RouteTest, WhatIsKnownOfNoReplicaIsLedNowhereAfterAStart) {
  const auto shop = workload("shop", "web", "shop");
  serve(shop, "shop.example");
  ASSERT_TRUE(engine_->client().remove(router_name_));
  // An agent that knows nothing yet, as after a restart of the host: an address may be somebody else's by
  // now.
  make_providers();
  const auto seen = reach(*routes_, router_resource());
  ASSERT_EQ(seen.state, State::kReady) << seen.message;
  ASSERT_TRUE(eventually([&] { return status("shop.example") == 503; }));
  ASSERT_TRUE(routes_->observe(route_to(shop, "shop.example")));
  ASSERT_TRUE(containers_->observe(shop));
  EXPECT_TRUE(eventually([&] { return status("shop.example") == 200; }));
}

TEST_F(RouteTest, HeadersAreAsLargeAsTheSettingsSayAndThoseChangeInPlace) {
  serve(web("v1", 1), "shop.example");
  const auto with_cookie = [&](std::size_t size) {
    http::Client client;
    auto request = ask(url_, "shop.example", false);
    request.headers.emplace_back("Cookie", "c=" + std::string(size, 'x'));
    const auto response = client.request(request);
    return response ? response->status : 0;
  };
  for (const std::size_t size : {16'000U, 60'000U}) {
    EXPECT_EQ(status("shop.example", "headers/" + std::to_string(size)), 200) << size;
    EXPECT_EQ(with_cookie(size), 200) << size;
  }
  EXPECT_EQ(with_cookie(80'000), 400);

  const auto before = engine_->client().inspect(router_name_);
  ASSERT_TRUE(before);
  auto changed = router_resource();
  changed.hash = "h2";
  (*changed.template_.mutable_fields())["maxHeaderSize"].set_string_value("8Ki");
  auto seen = routes_->observe(changed);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->state, State::kOutOfDate);
  ASSERT_EQ(reach(*routes_, changed).state, State::kReady);
  EXPECT_EQ(status("shop.example", "headers/16000"), 502);
  EXPECT_EQ(with_cookie(16'000), 400);
  EXPECT_EQ(status("shop.example"), 200);

  // Another port, without another container.
  const auto other_port = test::free_port();
  (*changed.template_.mutable_fields())["port"].set_number_value(other_port);
  changed.hash = "h3";
  const auto moved = reach(*routes_, changed);
  ASSERT_EQ(moved.state, State::kReady) << moved.message;
  http::Client client;
  const auto there = client.request(ask(moved.self.at("url"), "shop.example", false));
  ASSERT_TRUE(there) << there.error().message;
  EXPECT_EQ(there->body, "v1");
  const auto after = engine_->client().inspect(router_name_);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->id + after->started_at, before->id + before->started_at);

  make_providers();
  seen = routes_->observe(changed);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->state, State::kReady) << "an agent that restarts knows what it was made for";
}

TEST_F(RouteTest, AWildcardStandsForOneLabelAndNamesComeFirst) {
  const auto any = workload("shop", "any", "wild");
  const auto own = workload("cart", "own", "named");
  serve(own, "own.wild.example");
  const auto routed = reach(*routes_, route_to(any, "*.wild.example"));
  ASSERT_EQ(routed.state, State::kReady) << routed.message;
  ASSERT_EQ(reach(*containers_, any).state, State::kReady);
  ASSERT_TRUE(eventually([&] { return status("a.wild.example") == 200; }));
  const auto page = [&](const std::string& host) {
    http::Client client;
    const auto response = client.request(ask(url_, host, false));
    return response ? response->body : "";
  };
  EXPECT_EQ(page("a.wild.example"), "wild");
  EXPECT_EQ(page("A.Wild.Example:8080"), "wild");
  EXPECT_EQ(page("a.wild.example."), "wild");
  EXPECT_EQ(page("own.wild.example"), "named");
  EXPECT_EQ(status("wild.example"), 404);
  EXPECT_EQ(status("a.b.wild.example"), 404);
}

TEST_F(RouteTest, APortThatTheServiceDoesNotHaveIsNamedWithThoseThatItHas) {
  auto wrong = route("web-url", "shop.example");
  (*wrong.template_.mutable_fields())["port"].set_number_value(81);
  std::atomic<bool> told{false};
  const auto watch = routes_->watch([&](const std::string& name) { told = told || name == wrong.name; });
  ASSERT_EQ(reach(*routes_, wrong).state, State::kReady) << "no replica can be asked yet";
  told = false;
  ASSERT_EQ(reach(*containers_, web("v1", 1)).state, State::kReady);
  EXPECT_TRUE(eventually([&] { return told.load(); }));
  const auto seen = routes_->observe(wrong);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->state, State::kDegraded);
  EXPECT_EQ(seen->reason, reasons::kInvalidParams);
  EXPECT_EQ(
      seen->message,
      "leads to port 81, which its workload's service does not have; it has 80: set port in the route's "
      "params, or add that port to the service");
  auto right = wrong;
  right.hash = "h2";
  (*right.template_.mutable_fields())["port"].set_number_value(80);
  EXPECT_EQ(reach(*routes_, right).state, State::kReady);
}

TEST_F(RouteTest, ErrorsNameTheirCause) {
  ASSERT_EQ(reach(*routes_, route("web-url", "shop.example")).state, State::kReady);
  auto seen = reach(*routes_, route("other", "shop.example"), State::kReady, Millis(2'000));
  EXPECT_EQ(seen.state, State::kOutOfDate);
  const auto twice = routes_->apply(route("other", "shop.example"), {});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().reason, reasons::kResourceConflict);
  EXPECT_THAT(twice.error().message,
              HasSubstr("shop.example/ is routed already, by local-1.dev.shop.route.web-url"));

  auto second = router_resource();
  second.name += "-2";
  const auto taken = routes_->apply(second, {});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().reason, reasons::kPortInUse);
  EXPECT_THAT(taken.error().message, HasSubstr("127.0.0.1:" + std::to_string(port_)));

  const auto evil = routes_->observe(route("evil", "a b", "/x\ny"));
  ASSERT_FALSE(evil);
  EXPECT_THAT(evil.error().message, HasSubstr("template.host"));
  EXPECT_THAT(evil.error().message, HasSubstr("template.path"));
}

}  // namespace
}  // namespace qleet
