// One side of the wire lies: an agent with a valid identity that floods, replays and claims what is not its
// own; a hub whose answers lead nowhere. The other side and everyone else stay as they are.
#include <gtest/gtest.h>

#include "common/model/model.h"
#include "common/sync/limits.h"
#include "common/sync/subjects.h"
#include "hub/store/objects.h"
#include "qleet/v1/access.pb.h"
#include "tests/support/link_world.h"

namespace qleet::testing {
namespace {

namespace subjects = sync::subjects;

class HostileAgent : public ::testing::Test {
 protected:
  void SetUp() override {
    world.enrol("eu", "UFIRSTKEY01234567");
    world.enrol("us");
    world.put_all({"eu.a", "eu.b", "us.a", "us.b"}, "one");
    world.start_agent("us");
    world.run(Millis(3'000));
    ASSERT_EQ(world.difference("us"), "");
    attacker = world.broker.connect("attacker");
  }

  wire::v1::StatusReport report_of(const std::string& resource, std::uint64_t version) const {
    wire::v1::StatusReport report;
    report.set_protocol(1);
    report.set_boot_id("evil");
    report.set_epoch(world.epoch());
    report.set_sequence(++sequence);
    auto& item = *report.add_resources();
    item.set_name(resource);
    item.set_generation(1);
    item.set_state("Evil");
    item.set_version(version);
    return report;
  }
  void send(std::string_view verb, const std::string& data) {
    (void)attacker->publish(subjects::of(verb, "eu"), data);
  }
  std::string us() const {
    std::string all;
    for (const auto& resource : world.resources("us")) all += model::to_json(resource);
    return all;
  }

  LinkWorld world;
  std::unique_ptr<MemoryBus> attacker;
  mutable std::uint64_t sequence = 0;
};

TEST_F(HostileAgent, ClaimsNothingOfAnotherRegion) {
  const auto before = us();
  for (const char* name : {"us.a", "us.b", "eu.a/../us.a", "us", ""})
    send(subjects::kStatus, report_of(name, UINT64_MAX).SerializeAsString());
  wire::v1::StatusReport gone = report_of("us.a", UINT64_MAX);
  gone.mutable_resources(0)->set_gone(true);
  auto& event = *gone.add_events();
  event.set_id("e");
  event.set_resource("us.a");
  send(subjects::kStatus, gone.SerializeAsString());
  world.run(Millis(100));
  EXPECT_EQ(us(), before);
  EXPECT_GE(world.hub().fleet.counters().garbage, 6U);
}

TEST_F(HostileAgent, AFloodOfReportsIsCutToItsAllowanceAndOthersAreConfirmedAtOnce) {
  const auto revision = world.revision();
  auto big = report_of("eu.a", 1);
  for (int i = 0; i < 2000; ++i) *big.add_resources() = big.resources(0);
  for (int second = 0; second < 10; ++second) {
    for (int i = 0; i < 100; ++i) {
      big.mutable_resources(0)->set_version(++sequence);
      send(subjects::kStatus, big.SerializeAsString());
      send(subjects::kHeartbeat, "garbage");
    }
    // The other one has something to say in the midst of it.
    world.machines.at("us")->touch("us.a");
    EXPECT_TRUE(world.run_until([&] { return world.machines.at("us")->reports_confirmed(); }, Millis(100)));
    world.run(Millis(1'000));
  }
  const auto counters = world.hub().fleet.counters();
  EXPECT_GT(counters.dropped, 500U) << "no more than a few wait";
  EXPECT_GT(counters.over, 50U) << "and of those only what its region needs is taken";
  // 2 MiB at once and 64 KiB a second, of some 50 KB each; and what the other one said.
  EXPECT_LT(world.revision() - revision, 200U);
}

TEST_F(HostileAgent, ManyEventsAreKeptInBounds) {
  for (int second = 0; second < 20; ++second) {
    wire::v1::StatusReport report;
    report.set_protocol(1);
    report.set_epoch(world.epoch());
    for (int i = 0; i < 200; ++i) {
      auto& event = *report.add_events();
      event.set_id("e" + std::to_string(++sequence));
      event.set_resource("eu.not-there-" + std::to_string(sequence));
      event.set_message(std::string(1000, 'x'));
    }
    send(subjects::kStatus, report.SerializeAsString());
    world.run(Millis(1'000));
  }
  const auto events = *hub::objects::list<v1::Event>(**world.store().snapshot());
  EXPECT_LE(events.size(), 100U);
}

TEST_F(HostileAgent, ChangingFactsAreStoredNowAndThen) {
  const auto revision = world.revision();
  for (int i = 0; i < 1'000; ++i) {
    wire::v1::Heartbeat beat;
    beat.set_protocol(1);
    beat.set_boot_id("b" + std::to_string(i));
    send(subjects::kHeartbeat, beat.SerializeAsString());
    world.run(Millis(10));
  }
  EXPECT_LT(world.revision() - revision, 15U) << "10 s, at most every 2 s, agent and region";
}

TEST_F(HostileAgent, AsksAgainAndAgainAndIsAnsweredWithinItsAllowance) {
  size_t answers = 0;
  wire::v1::SyncRequest request;
  request.set_protocol(1);
  request.set_epoch(world.epoch());
  std::vector<std::shared_ptr<void>> asked;
  for (int second = 0; second < 20; ++second) {
    for (int i = 0; i < 100; ++i) {
      asked.push_back(*attacker->request(subjects::of(subjects::kSync, "eu"), request.SerializeAsString(),
                                         [&](const Message&) { ++answers; }));
      world.run(Millis(10));
    }
  }
  EXPECT_GT(world.hub().dispatch.counters().syncs_over, 1'500U);
  // The in-process bus gives inboxes that the hub does not answer to; those that are refused count too.
  EXPECT_LT(world.hub().dispatch.counters().syncs + world.hub().dispatch.counters().syncs_invalid, 200U);
}

TEST_F(HostileAgent, ImpossibleRangesAreRefused) {
  wire::v1::SyncRequest request;
  request.set_protocol(1);
  request.set_epoch(world.epoch());
  request.set_manifest(true);
  request.set_range_after(std::string(200'000, 'x'));
  const hub::SyncContext context{"eu", world.store().identity(), {}, {}};
  const auto answer = hub::answer_sync(**world.store().snapshot(), context, request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kInvalid);
}

TEST_F(HostileAgent, AVersionThatNoneReachesIsForgottenWithTheEnrolment) {
  send(subjects::kStatus, report_of("eu.a", UINT64_MAX).SerializeAsString());
  world.run(Millis(100));
  ASSERT_EQ(world.resource("eu.a")->status().state(), "Evil");
  // Found out, revoked, and enrolled anew with another key.
  world.revoke("eu");
  world.enrol("eu", "UNEWKEY0123456789");
  world.start_agent("eu");
  EXPECT_TRUE(world.run_until([&] { return world.resource("eu.a")->status().state() != "Evil"; }));
  EXPECT_TRUE(world.run_until([&] { return world.difference("eu").empty(); }));
  // What the old one said comes again: it is older than what the new one has said since.
  EXPECT_NE(world.resource("eu.a")->status().report_version(), UINT64_MAX);
}

TEST_F(HostileAgent, ARevokedOneIsNotListenedTo) {
  world.revoke("eu");
  world.run(Millis(2'000));
  send(subjects::kStatus, report_of("eu.a", 5).SerializeAsString());
  world.run(Millis(100));
  EXPECT_NE(world.resource("eu.a")->status().state(), "Evil");
}

// --- a hub that lies -----------------------------------------------------------------------------------

class HostileHub : public ::testing::Test {
 protected:
  void SetUp() override {
    world.enrol("eu");
    world.put_all({"eu.a", "eu.b"}, "one");
    world.start_agent("eu");
    world.run(Millis(3'000));
    ASSERT_EQ(world.difference("eu"), "");
    world.stop_hub();
    liar = world.broker.connect("hub");
    subscription = *liar->subscribe("sync.eu", [this](const Message& message) {
      ++asked;
      if (answer.protocol() != 0) (void)liar->publish(message.reply, answer.SerializeAsString());
    });
    answer.set_protocol(1);
    answer.set_epoch(world.epoch());
    answer.set_last(true);
  }
  void poke() {
    wire::v1::Poke poke;
    (void)liar->publish("poke.eu", poke.SerializeAsString());
  }
  void heal() {
    subscription.reset();
    liar.reset();
    world.start_hub();
    EXPECT_TRUE(world.run_until([&] { return world.difference("eu").empty(); }, Millis(300'000)))
        << world.difference("eu");
  }

  LinkWorld world;
  std::unique_ptr<MemoryBus> liar;
  std::shared_ptr<void> subscription;
  wire::v1::SyncBatch answer;
  int asked = 0;
};

TEST_F(HostileHub, MoreThatLeadsNowhereIsNotAskedForWithoutEnd) {
  answer.set_more(true);
  answer.set_position(1);
  poke();
  world.run(Millis(60'000));
  EXPECT_LT(asked, 40);
  heal();
}

TEST_F(HostileHub, AManifestThatIsNeverCoveredIsNotAskedForWithoutEnd) {
  answer.set_more(true);
  answer.set_position(1'000'000);  // leads on, once: then the digest differs, and a manifest is asked for
  answer.set_covered_until("");
  poke();
  world.run(Millis(60'000));
  EXPECT_LT(asked, 60);
  heal();
}

TEST_F(HostileHub, AMalformedResourceHoldsUpNoOther) {
  answer.set_position(1'000'000);
  for (const std::string& name :
       {std::string(), std::string(600, 'n'), std::string("eu.a/b"), std::string("eu.new")}) {
    auto& resource = *answer.add_resources();
    resource.set_name(name);
    resource.set_generation(1);
    resource.set_uid("u");
  }
  auto& long_hash = *answer.add_resources();
  long_hash.set_name("eu.long");
  long_hash.set_hash(std::string(100'000, 'h'));
  poke();
  world.run(Millis(3'000));
  const auto& held = world.machines.at("eu")->held;
  EXPECT_TRUE(held.contains("eu.new"));
  EXPECT_EQ(held.size(), 3U);
}

TEST_F(HostileHub, AnEndlessRefusalFitsIntoAHeartbeat) {
  answer.set_refused(std::string(200'000, 'r'));
  answer.set_refused_code("unknown");
  size_t longest = 0;
  const auto beats = *liar->subscribe(
      "heartbeat.eu", [&](const Message& message) { longest = std::max(longest, message.data.size()); });
  poke();
  world.run(Millis(30'000));
  EXPECT_GT(longest, 0U);
  EXPECT_LT(longest, sync::kMaxMessageBytes / 16);
}

}  // namespace
}  // namespace qleet::testing
