#include "hub/api/watch.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>

#include "common/model/reasons.h"
#include "hub/api/auth.h"
#include "hub/store/keys.h"
#include "hub/store/memory_store.h"
#include "hub/store/objects.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::api {
namespace {

class WatchTest : public ::testing::Test {
 protected:
  Revision put(const std::string& name, const std::string& tier) {
    v1::Region region;
    region.set_api_version("qleet.io/v1");
    region.set_kind("Region");
    region.mutable_metadata()->set_name(name);
    (*region.mutable_metadata()->mutable_labels())["tier"] = tier;
    return *store.transact([&](Txn& txn) -> Result<> {
      txn.put(keys::object("regions", name), region.SerializeAsString());
      return {};
    });
  }
  Revision erase(const std::string& name) {
    return *store.transact([&](Txn& txn) -> Result<> {
      txn.erase(keys::object("regions", name));
      return {};
    });
  }
  Revision unrelated() {
    return *store.transact([&](Txn& txn) -> Result<> {
      v1::Environment environment;
      environment.mutable_metadata()->set_name("e" + std::to_string(txn.revision()));
      txn.put(keys::object("environments", environment.metadata().name()), environment.SerializeAsString());
      return {};
    });
  }

  std::shared_ptr<WatchStream> watch(std::optional<Revision> after, const std::string& selector = "") {
    auto stream = WatchStream::open(
        store, clock, shower,
        {.kind = model::find_kind("Region"), .filter = {.selector = selector}, .after = after});
    EXPECT_TRUE(stream.has_value()) << stream.error().message;
    return *std::move(stream);
  }

  // All that is to be had now, as "<id> <event> <name>" (bookmarks without a name).
  static std::vector<std::string> drain(WatchStream& stream) {
    std::string data;
    for (;;) {
      Piece piece = stream.next();
      data += piece.data;
      if (piece.end || !piece.more) break;
    }
    return events(data);
  }

  static std::vector<std::string> events(std::string data) {
    std::vector<std::string> found;
    for (size_t end = data.find("\n\n"); end != std::string::npos; end = data.find("\n\n")) {
      const std::string event = data.substr(0, end + 1);
      data.erase(0, end + 2);
      const auto field = [&](const std::string& name) {
        const size_t at = event.find(name + ": ");
        return at == std::string::npos
                   ? std::string("-")
                   : event.substr(at + name.size() + 2, event.find('\n', at) - at - name.size() - 2);
      };
      const std::string object = field("data");
      const size_t name = object.find("\"name\":\"");
      found.push_back(field("id") + " " + field("event") +
                      (name == std::string::npos
                           ? ""
                           : " " + object.substr(name + 8, object.find('"', name + 8) - name - 8)));
    }
    return found;
  }

  MemoryStore store;
  ManualClock clock;
  Shower shower{store, clock, nullptr};
};

using Events = std::vector<std::string>;

std::string text(Revision revision) { return std::to_string(revision); }

TEST_F(WatchTest, WithoutARevisionGivesWhatThereIsThenWhatChanges) {
  put("a", "x");
  const auto now = put("b", "x");
  const auto stream = watch(std::nullopt);
  EXPECT_EQ(drain(*stream), (Events{"- added a", "- added b", text(now) + " bookmark"}));
  EXPECT_EQ(drain(*stream), Events{});
  const auto c = put("c", "x");
  const auto a = put("a", "y");
  const auto b = erase("b");
  EXPECT_EQ(drain(*stream), (Events{text(c) + " added c", text(a) + " modified a", text(b) + " deleted b"}));
}

TEST_F(WatchTest, ResumesAfterARevisionWithEachChangeOnceInOrder) {
  const auto a = put("a", "x");
  const auto b = put("b", "x");
  const auto again = put("a", "y");
  const auto c = put("c", "z");
  EXPECT_EQ(drain(*watch(a)),
            (Events{text(b) + " added b", text(again) + " modified a", text(c) + " added c"}));
  EXPECT_EQ(drain(*watch(again)), Events{text(c) + " added c"});
  EXPECT_EQ(drain(*watch(c)), Events{});
}

TEST_F(WatchTest, OnlyTheLastEventOfARevisionIsAPointToResumeFrom) {
  const auto before = put("a", "x");
  const auto revision = *store.transact([&](Txn& txn) -> Result<> {
    for (const auto* name : {"m", "n"}) {
      v1::Region region;
      region.mutable_metadata()->set_name(name);
      txn.put(keys::object("regions", name), region.SerializeAsString());
    }
    return {};
  });
  EXPECT_EQ(drain(*watch(before)), (Events{"- added m", text(revision) + " added n"}));
}

TEST_F(WatchTest, ASelectorTurnsChangesOfLabelsIntoComingAndGoing) {
  put("in", "x");
  put("out", "y");
  const auto stream = watch(std::nullopt, "tier=x");
  EXPECT_EQ(drain(*stream).size(), 2U);
  const auto left = put("in", "y");
  const auto came = put("out", "x");
  const auto still = put("out", "x");
  put("other", "y");
  put("other", "z");
  EXPECT_EQ(drain(*stream),
            (Events{text(left) + " deleted in", text(came) + " added out", text(still) + " modified out"}));
}

TEST_F(WatchTest, AResumedSelectorRatherDeletesTooMuch) {
  const auto start = put("in", "x");
  const auto gone = put("in", "y");
  put("in", "z");
  EXPECT_EQ(drain(*watch(start, "tier=x")), Events{text(gone) + " deleted in"});
}

TEST_F(WatchTest, ChangesBetweenThePagesOfALongListComeOnce) {
  for (int i = 0; i < 600; ++i) put(fmt::format("r{:03}", i), "x");
  const auto stream = watch(std::nullopt);
  EXPECT_EQ(events(stream->next().data).size(), 256U);
  put("r000", "y");  // behind the list: to be told
  put("r599", "y");  // ahead of it: will be read as it is now
  const auto rest = drain(*stream);
  std::map<std::string, int> seen;
  for (const auto& event : rest) ++seen[event.substr(event.find(' ') + 1)];
  EXPECT_EQ(seen["modified r000"], 1);
  EXPECT_EQ(seen["added r599"], 1);
  EXPECT_EQ(seen["modified r599"], 0);
}

TEST_F(WatchTest, OthersChangesMoveTheBookmark) {
  const auto start = put("a", "x");
  const auto stream = watch(start);
  EXPECT_EQ(stream->heartbeat(), ": heartbeat\n\n");
  const auto later = unrelated();
  EXPECT_EQ(drain(*stream), Events{});
  EXPECT_EQ(stream->heartbeat(),
            fmt::format("id: {0}\nevent: bookmark\ndata: {{\"resourceVersion\":\"{0}\"}}\n\n", later));
  EXPECT_EQ(stream->heartbeat(), ": heartbeat\n\n");
}

TEST_F(WatchTest, ManyUnrelatedChangesAreLookedThroughWithoutWaiting) {
  const auto start = put("a", "x");
  for (int i = 0; i < 700; ++i) unrelated();
  const auto last = put("b", "x");
  EXPECT_EQ(drain(*watch(start)), Events{text(last) + " added b"});
}

TEST_F(WatchTest, ARevisionOfAnotherLifeIsGone) {
  const auto now = put("a", "x");
  const auto refused =
      WatchStream::open(store, clock, shower, {.kind = model::find_kind("Region"), .after = now + 5});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kCompacted);
  EXPECT_EQ(
      refused.error().message,
      fmt::format("revision {} is not part of this store's history, which ends at {}: list again, and watch "
                  "from the list's resourceVersion",
                  now + 5, now));
}

TEST_F(WatchTest, WakesOnACommitUntilCancelled) {
  const auto stream = watch(put("a", "x"));
  std::atomic<int> woken = 0;
  stream->start([&] { ++woken; });
  put("a", "y");
  EXPECT_EQ(woken, 1);
  stream->cancel();
  put("a", "z");
  EXPECT_EQ(woken, 1);
}

TEST_F(WatchTest, WhoIsBehindForTooLongIsToldAndCut) {
  const auto start = put("a", "x");
  const auto stream = watch(start);
  std::string last;
  for (int round = 0; round < 10 && last.empty(); ++round) {
    for (int i = 0; i < 300; ++i) put("a", "x");
    Piece piece = stream->next();
    clock.advance(Millis(30'000));
    if (piece.end) last = piece.data;
  }
  EXPECT_TRUE(last.starts_with("event: error\ndata: {")) << last;
  EXPECT_NE(last.find("this client reads too slowly: behind for more than 60 s"), std::string::npos) << last;
}

TEST(Show, UnusedResourcesSaySo) {
  const MemoryStore store;
  ManualClock clock;
  const Shower shower(store, clock, nullptr);
  v1::Resource resource;
  resource.mutable_metadata()->set_name("r");
  resource.mutable_status()->set_state("Ready");
  const auto shown = [&] {
    auto made = shower.show(*model::find_kind("Resource"), "r", resource.SerializeAsString(), 7);
    return std::pair(dynamic_cast<v1::Resource&>(*made->object).status().state(), made->etag);
  };
  EXPECT_EQ(shown(), std::pair(std::string("Ready"), std::string("\"7\"")));
  *resource.mutable_status()->mutable_unused_since() = objects::timestamp(clock.wall());
  resource.mutable_spec()->mutable_when_unused()->set_after_ms(1000);
  resource.mutable_spec()->mutable_when_unused()->set_do_("retain");
  EXPECT_EQ(shown(), std::pair(std::string("Unused"), std::string("\"7-Unused\"")));
  clock.advance(Millis(1000));
  EXPECT_EQ(shown().first, "Retained");
}

TEST(Show, EtagsNameTheirRevision) {
  EXPECT_EQ(etag_revision("\"12\""), 12U);
  EXPECT_EQ(etag_revision("W/\"12\""), 12U);
  EXPECT_EQ(etag_revision("12"), 12U);
  EXPECT_EQ(etag_revision("\"12-Stale\""), 12U);
  for (const auto* bad : {"", "\"\"", "x", "\"x\"", "-1", "1x"})
    EXPECT_EQ(etag_revision(bad), std::nullopt) << bad;
}

TEST(Filter, NamesNarrowWhatIsRead) {
  const auto& resources = *model::find_kind("Resource");
  EXPECT_EQ((Filter{}.key_prefix(resources)), "o/resources/");
  EXPECT_EQ((Filter{.region = "eu"}.key_prefix(resources)), "o/resources/eu.");
  EXPECT_EQ((Filter{.application = "shop", .environment = "dev", .region = "eu"}.key_prefix(resources)),
            "o/resources/eu.dev.shop.");
  EXPECT_EQ((Filter{.application = "shop"}.key_prefix(resources)), "o/resources/");
  EXPECT_EQ((Filter{.application = "shop"}.key_prefix(*model::find_kind("Release"))), "o/releases/shop.");
}

TEST(Filter, EventsBelongWhereWhatTheyAreAboutDoes) {
  const auto about = [](const char* kind, const char* name) {
    v1::Event event;
    event.mutable_spec()->set_regarding_kind(kind);
    event.mutable_spec()->set_regarding_name(name);
    return event;
  };
  const auto deployment = about("Deployment", "shop.dev");
  const auto resource = about("Resource", "eu.dev.shop.workload.web");
  for (const auto& event : {deployment, resource, about("Application", "shop"), about("Release", "shop.3")})
    EXPECT_TRUE(Filter{.application = "shop"}.matches(event)) << event.ShortDebugString();
  for (const auto& event : {deployment, resource, about("Environment", "dev")})
    EXPECT_TRUE(Filter{.environment = "dev"}.matches(event)) << event.ShortDebugString();
  for (const auto& event : {resource, about("Region", "eu")})
    EXPECT_TRUE(Filter{.region = "eu"}.matches(event)) << event.ShortDebugString();
  EXPECT_FALSE(Filter{.application = "sho"}.matches(deployment));
  EXPECT_FALSE((Filter{.application = "shop", .environment = "prod"}.matches(deployment)));
  EXPECT_FALSE(Filter{.application = "shop"}.matches(about("Environment", "shop")));
  EXPECT_FALSE(Filter{.application = "shop"}.matches(about("Resource", "eu.dev.-.postgres.shop")));
  Request request;
  request.query = {{"application", "shop"}};
  EXPECT_TRUE(read_filter(request, *model::find_kind("Event")));
}

TEST(Filter, MatchesFieldsAndRefusesThoseAKindLacks) {
  v1::Deployment deployment;
  deployment.mutable_spec()->set_application("shop");
  deployment.mutable_spec()->set_environment("dev");
  EXPECT_TRUE((Filter{.application = "shop", .environment = "dev"}.matches(deployment)));
  EXPECT_FALSE((Filter{.application = "shop", .environment = "prod"}.matches(deployment)));
  v1::Application application;
  application.mutable_metadata()->set_name("shop");
  EXPECT_TRUE((Filter{.environment = "default"}.matches(application)));
  application.mutable_spec()->add_environments("prod");
  EXPECT_TRUE((Filter{.application = "shop", .environment = "prod"}.matches(application)));
  EXPECT_FALSE((Filter{.environment = "default"}.matches(application)));

  Request request;
  request.query = {{"environment", "dev"}};
  EXPECT_EQ(read_filter(request, *model::find_kind("Region")).error().message,
            "query parameter environment: regions have no environment");
  request.query = {{"labelSelector", "a=("}};
  EXPECT_EQ(read_filter(request, *model::find_kind("Region")).error().code, Code::kInvalid);
}

// What is told of an application changes with its deployments.
class WatchedApplications : public WatchTest {
 protected:
  template <class T>
  Revision write(const std::string& plural, const T& object) {
    return *store.transact([&](Txn& txn) -> Result<> {
      txn.put(keys::object(plural, object.metadata().name()), object.SerializeAsString());
      return {};
    });
  }
  Revision application(const std::string& name) {
    v1::Application object;
    object.mutable_metadata()->set_name(name);
    return write("applications", object);
  }
  Revision deployment(const std::string& application, const std::string& state, unsigned ready) {
    v1::Deployment object;
    object.mutable_metadata()->set_name(application + ".dev");
    object.mutable_status()->set_state(state);
    object.mutable_status()->set_ready(ready);
    return write("deployments", object);
  }
  std::shared_ptr<WatchStream> follow(std::optional<Revision> after) {
    auto stream = WatchStream::open(store, clock, shower,
                                    {.kind = model::find_kind("Application"), .filter = {}, .after = after});
    EXPECT_TRUE(stream.has_value()) << stream.error().message;
    return *std::move(stream);
  }
};

TEST_F(WatchedApplications, AreToldAgainWhereTheirDeploymentsChangeThat) {
  application("shop");
  const auto now = deployment("shop", "RollingOut", 0);
  const auto stream = follow(std::nullopt);
  EXPECT_EQ(drain(*stream), (Events{"- added shop", text(now) + " bookmark"}));
  const auto ready = deployment("shop", "Ready", 1);
  EXPECT_EQ(drain(*stream), Events{text(ready) + " modified shop"});
  deployment("shop", "Ready", 1);  // written, and the same is told of it
  EXPECT_EQ(drain(*stream), Events{});
  deployment("shopping", "Ready", 1);  // of another one, which is not there
  EXPECT_EQ(drain(*stream), Events{});
  const auto more = deployment("shop", "Ready", 2);
  const auto own = application("shop");
  deployment("shop", "Ready", 2);
  EXPECT_EQ(drain(*stream), Events{text(own) + " modified shop"}) << "told once, with its own change";
  EXPECT_LT(more, own);
}

TEST_F(WatchedApplications, AStreamThatResumesTellsWhatItMissed) {
  const auto from = application("shop");
  const auto ready = deployment("shop", "Ready", 1);
  EXPECT_EQ(drain(*follow(from)), Events{text(ready) + " modified shop"});
}

}  // namespace
}  // namespace qleet::hub::api
