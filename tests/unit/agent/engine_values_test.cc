// Resources that hand out the values of a Secret: what comes sealed to this agent goes to who draws on it,
// and nowhere else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/sealed_box.h"
#include "common/model/reasons.h"
#include "common/sync/values.h"
#include "tests/unit/agent/engine_fixture.h"

namespace qleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kValue = "correct-horse-battery-staple";

class EngineValuesTest : public testing::Test, protected EngineFixture {
 protected:
  EngineValuesTest() {
    keys_ = crypto::make_box_keys(random);
    options.box_key = keys_.private_key;
    restart();
  }
  // As the hub sends it; `key` empty: without a box.
  wire::v1::DesiredResource stripe(unsigned version, const std::map<std::string, std::string>& data,
                                   const std::string& key) {
    auto made = resource({.name = "stripe",
                          .template_ = {{"uid", "u" + std::to_string(version)}},
                          .provider = "secret",
                          .generation = version,
                          .type = "secret"});
    made.mutable_secret()->set_name("stripe");
    made.mutable_secret()->set_version(version);
    wire::v1::SecretValues values;
    for (const auto& [name, value] : data) (*values.mutable_data())[name] = value;
    if (!key.empty())
      made.mutable_secret()->set_box(
          crypto::seal_box(values.SerializeAsString(), key, sync::box_place("stripe", version), random)
              .value());
    return made;
  }
  void put(const std::vector<wire::v1::DesiredResource>& resources, const std::string& epoch = "e1") {
    ASSERT_TRUE(engine->apply_desired(
        {.epoch = epoch, .position = ++position, .put = resources, .disown = {}, .forget = {}}));
    pass(Millis(200));
  }
  static wire::v1::DesiredResource shop() {
    return resource({.name = "shop",
                     .needs = {{"stripe", "stripe"}},
                     .template_ = {{"key", "Bearer ${resources.stripe.api_key}"}}});
  }
  std::string key_of_shop() { return noop().applied.at("shop").template_.fields().at("key").string_value(); }
  std::string told() {
    std::string all;
    for (const auto* name : {"stripe", "shop"}) all += report(name).DebugString();
    for (const auto& event : engine->reports().events(100)) all += event.DebugString();
    return all;
  }

  crypto::BoxKeyPair keys_;
};

TEST_F(EngineValuesTest, GoToWhoDrawsOnThemAndNowhereElse) {
  put({stripe(1, {{"api_key", kValue}, {"tls.crt", "c"}}, keys_.public_key), shop()});
  EXPECT_EQ(state_of("stripe"), states::kReady);
  EXPECT_EQ(message_of("stripe"), "version 1 of secret stripe");
  EXPECT_EQ(key_of_shop(), "Bearer " + kValue);
  EXPECT_THAT(report("stripe").secret_outputs(), ElementsAre("api_key", "tls.crt"));
  EXPECT_TRUE(report("stripe").outputs().empty());
  EXPECT_THAT(told(), Not(HasSubstr(kValue)));
  for (const auto& [key, entry] : journal.entries()) EXPECT_THAT(entry, Not(HasSubstr(kValue))) << key;
  // Whoever fails with it does not print it.
  noop().on_observe = [](const ProviderResource& r) -> Result<> {
    if (r.name == "shop") return fail(Code::kInternal, "no: Bearer " + kValue);
    return {};
  };
  auto changed = shop();
  changed.set_generation(2);
  put({changed});
  EXPECT_THAT(message_of("shop"), HasSubstr("no: Bearer ***"));
  EXPECT_THAT(told(), Not(HasSubstr(kValue)));
}

TEST_F(EngineValuesTest, ANewVersionIsAChangeOfItsUsersWhereAValueDiffers) {
  put({stripe(1, {{"api_key", "one"}}, keys_.public_key), shop(), resource({.name = "bystander"})});
  noop().calls.clear();
  put({stripe(2, {{"api_key", "two"}}, keys_.public_key)});
  EXPECT_EQ(key_of_shop(), "Bearer two");
  EXPECT_EQ(noop().count("apply shop"), 1U);
  EXPECT_EQ(noop().count("apply bystander"), 0U);
  put({stripe(3, {{"api_key", "two"}}, keys_.public_key)});
  EXPECT_EQ(noop().count("apply shop"), 1U);
  EXPECT_EQ(message_of("stripe"), "version 3 of secret stripe");
}

TEST_F(EngineValuesTest, WithoutABoxThatOpensItWaitsAndWhatRunsGoesOn) {
  const auto other = crypto::make_box_keys(random);
  put({stripe(1, {{"api_key", "one"}}, ""), shop()});
  EXPECT_EQ(state_of("stripe"), states::kPending);
  EXPECT_EQ(reason_of("stripe"), reasons::kWaitingForValues);
  EXPECT_THAT(message_of("stripe"), HasSubstr("which the hub has not sealed for this agent yet"));
  EXPECT_FALSE(exists("shop"));
  put({stripe(2, {{"api_key", "one"}}, other.public_key)});
  EXPECT_THAT(message_of("stripe"), HasSubstr("were not sealed to this agent's key"));
  put({stripe(3, {{"api_key", "three"}}, keys_.public_key)});
  EXPECT_EQ(key_of_shop(), "Bearer three");
  put({stripe(4, {{"api_key", "four"}}, "")});
  EXPECT_EQ(state_of("stripe"), states::kProgressing);
  EXPECT_EQ(key_of_shop(), "Bearer three");
  EXPECT_EQ(state_of("shop"), states::kReady);
}

// The hub has gone on to another version, and says again what it stated.
TEST_F(EngineValuesTest, ABoxOfThatVersionIsKeptWhereNoneComesAlong) {
  put({stripe(1, {{"api_key", "one"}}, keys_.public_key), shop()});
  auto again = stripe(1, {}, "");
  again.set_generation(2);
  put({again});
  EXPECT_EQ(state_of("stripe"), states::kReady);
  restart();
  pass(Millis(200));
  EXPECT_EQ(state_of("stripe"), states::kReady);
  EXPECT_EQ(noop().count("apply shop"), 0U);
}

TEST_F(EngineValuesTest, ALostKeyStopsNothing) {
  put({stripe(1, {{"api_key", "one"}}, keys_.public_key), shop()});
  const auto fresh = crypto::make_box_keys(random);
  options.box_key = fresh.private_key;
  restart();
  pass(Millis(200));
  EXPECT_EQ(state_of("stripe"), states::kReady);
  EXPECT_EQ(state_of("shop"), states::kReady);
  put({stripe(2, {{"api_key", "one"}}, fresh.public_key)});
  EXPECT_EQ(state_of("stripe"), states::kReady);
  EXPECT_EQ(noop().count("apply shop"), 0U);
}

// A store that was restored, and counts on from an older version: the same number, another value.
TEST_F(EngineValuesTest, AnotherBoxOfTheSameVersionCounts) {
  put({stripe(1, {{"api_key", "one"}}, keys_.public_key), shop()});
  put({stripe(1, {{"api_key", "of another life"}}, keys_.public_key)}, "e2");
  EXPECT_EQ(key_of_shop(), "Bearer of another life");
}

TEST_F(EngineValuesTest, GoesWhenNobodyDrawsOnItAnyMore) {
  put({stripe(1, {{"api_key", "one"}}, keys_.public_key), shop()});
  auto gone = stripe(1, {}, "");
  gone.set_generation(2);
  gone.set_deleted(true);
  put({gone});
  EXPECT_EQ(reason_of("stripe"), reasons::kWaitingForDependents);
  auto shop_gone = shop();
  shop_gone.set_generation(2);
  shop_gone.set_deleted(true);
  put({shop_gone});
  EXPECT_TRUE(report("stripe").gone());
  EXPECT_TRUE(report("shop").gone());
}

// From a profile's provider to the hub's own values, and back.
TEST_F(EngineValuesTest, TakesOverFromAProviderAndHandsBack) {
  auto made = resource({.name = "stripe", .outputs = {{"api_key", "of the provider"}}, .type = "secret"});
  put({made, shop()});
  EXPECT_EQ(key_of_shop(), "Bearer of the provider");
  put({stripe(2, {{"api_key", "sealed"}}, keys_.public_key)});
  EXPECT_EQ(key_of_shop(), "Bearer sealed");
  EXPECT_FALSE(exists("stripe"));
  made.set_generation(3);
  put({made});
  EXPECT_EQ(key_of_shop(), "Bearer of the provider");
  EXPECT_TRUE(exists("stripe"));
}

}  // namespace
}  // namespace qleet::agent
