// What CI sees of its builds, and a token that is for one application alone: the real binaries.
#include <gmock/gmock.h>

#include "tests/e2e/noop_fleet.h"

namespace qleet::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class DeliveryTest : public NoopFleet {
 protected:
  void SetUp() override { fleet.add_agent({.name = "local-1"}); }

  Environment token(const std::string& account, const std::vector<std::string>& options) const {
    std::vector<std::string> command{"token", "create", account};
    command.insert(command.end(), options.begin(), options.end());
    const auto made = fleet.qleet(command);
    EXPECT_EQ(made.exit, 0) << made.err;
    return {{"QLEET_TOKEN", made.out.substr(0, made.out.find('\n'))}};
  }
  Ran notify(const std::string& tag, char filler, std::vector<std::string> options,
             const Environment& who) const {
    std::vector<std::string> command{"build", "notify", "--image", build(tag, filler)};
    command.insert(command.end(), options.begin(), options.end());
    return fleet.qleet(command, "", who);
  }
};

TEST_F(DeliveryTest, CiFollowsItsBuildWithNoOtherRight) {
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  const auto ci = token("shop-ci", {"--role", "ci", "--application", "shop"});
  const auto ready = notify("main-2", '2', {"--number", "2", "--wait", "--timeout", "1m"}, ci);
  EXPECT_EQ(ready.exit, 0) << ready.out << ready.err;
  EXPECT_THAT(ready.out, StartsWith("shop  default  release 2 rolls out\n"));
  EXPECT_THAT(ready.out, HasSubstr("shop  default  release 2  Ready\n"));
  EXPECT_TRUE(fleet.runs("shop", 2));
  const auto late = notify("main-1", '1', {"--number", "1", "--wait"}, ci);
  EXPECT_EQ(late.exit, 0) << late.err;
  EXPECT_THAT(late.out, HasSubstr("main-1 (number 1) is older than main-2 (number 2), which release 2 has"));
  EXPECT_TRUE(fleet.runs("shop", 2));
  EXPECT_EQ(fleet.qleet({"get", "builds"}, "", ci).exit, 5);

  // One that does not start: 1, and why.
  fleet.apply(R"(
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: workload-noop}
spec:
  satisfies: {type: workload}
  scope: application
  requires: {runtime: {type: container-host}}
  provider: noop
  template: {score: "${params.score}", replicas: "${params.replicas}", fail: "it does not start", failReason: Exited}
  outputs: {address: "${self.name}"}
  whenUnused: {after: 0s, do: delete}
  default: true
)");
  const auto failed = notify("main-3", '3', {"--number", "3", "--wait", "--timeout", "1m"}, ci);
  EXPECT_EQ(failed.exit, 1) << failed.out << failed.err;
  EXPECT_THAT(failed.out, HasSubstr("it does not start"));
}

TEST_F(DeliveryTest, ABuildThatNothingFollowsHasAnExitCodeOfItsOwn) {
  fleet.apply(shop());
  const auto typo =
      fleet.qleet({"build", "notify", "--image", "registry.test/shop/wbe:main-2@" + digest('2'), "--wait"});
  EXPECT_EQ(typo.exit, 9) << typo.out;
  EXPECT_EQ(typo.err,
            "qleet: nothing follows registry.test/shop/wbe:main-2; the nearest image that is followed is "
            "registry.test/shop/web\n");
  const auto allowed =
      fleet.qleet({"build", "notify", "--image", "registry.test/shop/wbe:main-2@" + digest('2'),
                   "--allow-unfollowed", "-o", "json"});
  EXPECT_EQ(allowed.exit, 0);
  EXPECT_EQ(Json::parse(allowed.out)["state"].str(), "NotFollowed");
}

TEST_F(DeliveryTest, AKeyIsForOneBuild) {
  fleet.apply(shop());
  EXPECT_EQ(notify("main-2", '2', {"--idempotency-key", "k"}, {}).exit, 0);
  EXPECT_EQ(notify("main-2", '2', {"--idempotency-key", "k"}, {}).exit, 0);
  const auto other = notify("main-3", '3', {"--idempotency-key", "k"}, {});
  EXPECT_EQ(other.exit, 8);
  EXPECT_THAT(other.err, HasSubstr("was used for another build"));
  EXPECT_EQ(notify("main-3", '3', {"--idempotency-key", "k3"}, {}).exit, 0);
  EXPECT_TRUE(until([&] { return fleet.runs("shop", 3); }));
}

TEST_F(DeliveryTest, ATokenIsForItsApplicationAlone) {
  fleet.apply(shop());
  fleet.apply(cart());
  ASSERT_TRUE(settled());
  const auto developer = token("shop-dev", {"--role", "developer", "--application", "shop"});
  const auto apps = fleet.qleet({"get", "apps", "-o", "name"}, "", developer);
  EXPECT_THAT(apps.out, HasSubstr("shop"));
  EXPECT_THAT(apps.out, Not(HasSubstr("cart")));
  EXPECT_THAT(fleet.qleet({"get", "resources"}, "", developer).out, Not(HasSubstr("cart")));
  EXPECT_EQ(fleet.qleet({"apply", "-"}, shop("x"), developer).exit, 0);
  const auto refused = fleet.qleet({"apply", "-"}, cart(), developer);
  EXPECT_EQ(refused.exit, 5);
  EXPECT_EQ(refused.err,
            "qleet: serviceaccount:shop-dev is for application shop alone: not for application cart\n");
  for (const auto& command : std::vector<std::vector<std::string>>{{"plan", "--delete", "app", "cart"},
                                                                   {"history", "cart"},
                                                                   {"logs", "cart"},
                                                                   {"tree", "cart"},
                                                                   {"describe", "app", "cart"},
                                                                   {"rollback", "cart"},
                                                                   {"delete", "app", "cart"},
                                                                   {"token", "list"}})
    EXPECT_EQ(fleet.qleet(command, "", developer).exit, 5) << command.front();
}

TEST_F(DeliveryTest, TokensAreListedAndRevoked) {
  const auto ci = token("shop-ci", {"--role", "ci", "--application", "shop", "--valid-for", "90d"});
  const auto listed = fleet.qleet({"token", "list", "shop-ci"});
  EXPECT_EQ(listed.exit, 0) << listed.err;
  EXPECT_THAT(listed.out, StartsWith("SERVICEACCOUNT"));
  EXPECT_THAT(listed.out, HasSubstr("shop-ci"));
  EXPECT_THAT(listed.out, HasSubstr("shop "));
  EXPECT_THAT(fleet.qleet({"token", "list", "-o", "yaml"}).out, Not(HasSubstr("sha256")));
  const auto name = fleet.qleet({"token", "list", "shop-ci", "-o", "name"}).out;
  const auto id = name.substr(name.rfind('/') + 1, name.find('\n') - name.rfind('/') - 1);
  const auto revoked = fleet.qleet({"token", "revoke", "shop-ci", id});
  EXPECT_EQ(revoked.exit, 0) << revoked.err;
  EXPECT_EQ(notify("main-2", '2', {}, ci).exit, 5);
  EXPECT_EQ(fleet.qleet({"token", "revoke", "shop-ci", id}).exit, 3);
}

TEST_F(DeliveryTest, WhatWasRolledBackIsHeldUntilItIsApproved) {
  fleet.apply(shop());
  ASSERT_TRUE(settled());
  ASSERT_EQ(notify("main-2", '2', {}, {}).exit, 0);
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 2); }));
  const auto back = fleet.qleet({"rollback", "shop"});
  EXPECT_THAT(back.out, HasSubstr("builds wait until somebody applies, or: qleet approve shop default"));
  const auto held = notify("main-3", '3', {"--wait"}, {});
  EXPECT_EQ(held.exit, 0) << held.err;
  EXPECT_THAT(held.out,
              HasSubstr("held back: rolled back by hand: release 4 waits until somebody applies, or: qleet "
                        "approve shop default --release 4"));
  ASSERT_TRUE(until([&] { return fleet.runs("shop", 3); }));
  EXPECT_THAT(fleet.qleet({"history", "shop"}).out, HasSubstr("default (RolledBack)"));
  EXPECT_THAT(fleet.qleet({"get", "app", "shop", "-o", "yaml"}).out, HasSubstr("HeldBack"));
  EXPECT_EQ(fleet.qleet({"approve", "shop", "default"}).exit, 0);
  EXPECT_TRUE(until([&] { return fleet.runs("shop", 4); }));
}

}  // namespace
}  // namespace qleet::test
