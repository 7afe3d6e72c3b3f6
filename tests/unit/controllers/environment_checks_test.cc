// Environments that speak of many applications: what is checked while nobody else can write, and what before.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/store/memory_store.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// What transactions read, and what others do just before one begins.
class WatchedStore final : public Store {
 public:
  Result<std::unique_ptr<Reader>> snapshot() const override { return store_.snapshot(); }
  Result<Revision> transact(const TxnFunction& function) override {
    if (auto act = std::exchange(before, nullptr)) act();
    return store_.transact([&](Txn& txn) {
      ++transactions;
      WatchedTxn watched(txn, read);
      return function(watched);
    });
  }
  Result<std::vector<Change>> changes(Revision after, size_t limit) const override {
    return store_.changes(after, limit);
  }
  std::shared_ptr<void> subscribe(std::function<void(Revision)> wake) override {
    return store_.subscribe(std::move(wake));
  }
  StoreIdentity identity() const override { return store_.identity(); }

  std::function<void()> before;
  int transactions = 0;
  std::vector<std::string> read;  // keys and prefixes

 private:
  class WatchedTxn final : public Txn {
   public:
    WatchedTxn(Txn& txn, std::vector<std::string>& read) : txn_(txn), read_(read) {}
    Revision revision() const override { return txn_.revision(); }
    Result<std::optional<Entry>> get(std::string_view key) const override {
      read_.emplace_back(key);
      return txn_.get(key);
    }
    Result<std::vector<Entry>> scan(const Range& range) const override {
      read_.push_back(range.prefix);
      return txn_.scan(range);
    }
    void put(std::string_view key, std::string value) override { txn_.put(key, std::move(value)); }
    void erase(std::string_view key) override { txn_.erase(key); }

   private:
    Txn& txn_;
    std::vector<std::string>& read_;
  };

  MemoryStore store_;
};

std::string app(int number, const std::string& resources = "{db: {type: redis}}") {
  return fmt::format(
      "{{apiVersion: qleet.io/v1, kind: Application, metadata: {{name: shop-{}}}, spec: {{workloads: {{web: "
      "{{score: {{containers: {{main: {{image: 'reg/web:1'}}}}, resources: {}}}}}}}}}}}\n",
      number, resources);
}

// Of as many applications as there are.
std::string environment(int applications, const std::string& value = "${resources.db.host}") {
  std::string all;
  for (int i = 0; i < applications; ++i)
    all += fmt::format("{}shop-{}: {{workloads: {{web: {{variables: {{A: '{}'}}}}}}}}", i == 0 ? "" : ", ", i,
                       value);
  return fmt::format(
      "{{apiVersion: qleet.io/v1, kind: Environment, metadata: {{name: prod}}, spec: {{applications: "
      "{{{}}}}}}}\n",
      all);
}

std::string profile(const std::string& note) {
  return fmt::format(
      "{{apiVersion: qleet.io/v1, kind: Profile, metadata: {{name: queue}}, spec: {{satisfies: {{type: "
      "queue}}, provider: container, template: {{kind: volume, note: {}}}}}}}\n",
      note);
}

class EnvironmentChecks : public testing::Test {
 protected:
  static constexpr int kApplications = 7;
  EnvironmentChecks() {
    world.join("lab");
    for (int i = 0; i < kApplications; ++i) world.apply(app(i));
    world.settle();
    store.read.clear();
    store.transactions = 0;
  }
  std::string applied(const std::string& yaml) {
    const auto result = frontend::apply(world.context(), world.caller, *model::decode(yaml));
    return result ? std::string() : result.error().message;
  }
  bool is_there() { return world.get<v1::Environment>("prod").has_value(); }

  WatchedStore store;
  World world{store, QLEET_SOURCE_DIR "/profiles"};
};

TEST_F(EnvironmentChecks, NothingIsResolvedWhileNobodyElseCanWrite) {
  EXPECT_EQ(applied(environment(kApplications)), "");
  EXPECT_EQ(store.transactions, 1);
  EXPECT_THAT(store.read, testing::Not(Contains(StartsWith("x/profile-type/"))));
  EXPECT_THAT(store.read, testing::Not(Contains(StartsWith("o/profiles/"))));
  // Of each application only whether it is what it was.
  EXPECT_EQ(std::ranges::count(store.read, "o/applications/shop-3"), 1);
}

TEST_F(EnvironmentChecks, WhatIsWrongIsRefusedWithoutATransaction) {
  EXPECT_THAT(applied(environment(kApplications, "${resources.db.hots}")),
              HasSubstr("spec.applications.shop-0.workloads.web.variables.A"));
  EXPECT_EQ(store.transactions, 0);
  EXPECT_FALSE(is_there());
}

TEST_F(EnvironmentChecks, AnApplicationThatChangedMeanwhileIsLookedAtAgain) {
  store.before = [&] { EXPECT_EQ(applied(app(3, "{}")), ""); };
  EXPECT_THAT(applied(environment(kApplications)),
              HasSubstr("spec.applications.shop-3.workloads.web.variables.A"));
  EXPECT_FALSE(is_there());
  EXPECT_THAT(store.read, Contains(StartsWith("o/applications/shop-3")));
}

TEST_F(EnvironmentChecks, OneThatGoesOrComesMeanwhileIsSeen) {
  const auto yaml = environment(kApplications + 1);
  store.before = [&] { EXPECT_EQ(applied(app(kApplications, "{}")), ""); };
  EXPECT_THAT(applied(yaml), HasSubstr("spec.applications.shop-7.workloads.web.variables.A"));
}

TEST_F(EnvironmentChecks, ProfilesThatChangeMeanwhileHaveItLookedAtAgain) {
  store.before = [&] { EXPECT_EQ(applied(profile("one")), ""); };
  EXPECT_EQ(applied(environment(kApplications)), "");
  EXPECT_TRUE(is_there());
  // For ever: an error that says so, and no transaction that takes long.
  int writes = 0;
  std::function<void()> again = [&] {
    EXPECT_EQ(applied(profile(fmt::format("n{}", ++writes))), "");
    store.before = again;
  };
  store.before = again;
  EXPECT_THAT(applied(environment(kApplications, "b")), HasSubstr("profiles were changed again and again"));
  store.before = nullptr;
  EXPECT_EQ(writes, 4);
}

TEST_F(EnvironmentChecks, ApplicationsAndProfilesOfTheSameRequestCount) {
  const auto yaml = profile("new") + "---\n" + environment(1) + "---\n" + app(0, "{}");
  EXPECT_THAT(applied(yaml), HasSubstr("spec.applications.shop-0.workloads.web.variables.A"));
  EXPECT_EQ(applied(profile("new") + "---\n" + environment(kApplications + 1) + "---\n" + app(kApplications)),
            "");
}

}  // namespace
}  // namespace qleet::hub::tests
