// Names of resources: no two askers have one, unless both ask by id; what stands keeps its name.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "hub/controllers/identity.h"
#include "hub/controllers/resolver.h"
#include "tests/unit/controllers/protos.h"

namespace qleet::hub::controllers {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

const Home kHome{"r", "dev", "shop"};

Asker workload(const std::string& name) { return {kHome, name, "", {}}; }
Asker resource(const std::string& type, const std::string& id) { return {kHome, id, type, {}}; }
std::string own(const Asker& asker, const std::string& alias, const std::string& scope = "application") {
  return identity_of_own(scope, asker, alias).identity.name("volume");
}

TEST(Names, NoTwoAskersHaveOne) {
  // Whatever reads the same once it is joined.
  const std::vector<std::string> words{"a",
                                       "b",
                                       "a-b",
                                       "b-a",
                                       "a-a",
                                       "a-b-a",
                                       "ab",
                                       "web",
                                       "web-a",
                                       std::string(63, 'x'),
                                       std::string(62, 'x') + "y"};
  std::map<std::string, std::string> asked_by;
  size_t count = 0;
  const auto add = [&](const Asker& asker, const std::string& alias) {
    const auto who = fmt::format("{}/{}/{}", asker.type, asker.id, alias);
    const auto name = own(asker, alias);
    const auto [known, fresh] = asked_by.emplace(name, who);
    EXPECT_TRUE(fresh) << known->second << " and " << who << " are both " << name;
    EXPECT_LE(name.substr(std::string("r.dev.shop.volume.").size()).size(), 63U);
    ++count;
  };
  for (const auto& name : words) {
    for (const auto& alias : words) {
      add(workload(name), alias);
      for (const auto& type : words) {
        add(resource(type, name), alias);
        for (const auto& below : words)
          add(resource(type, identity_of_own("application", workload(name), below).identity.id), alias);
      }
    }
  }
  EXPECT_EQ(asked_by.size(), count);
}

TEST(Names, TheDerivedIdGivenExplicitlyChangesNothing) {
  const auto derived = identity_of_own("application", workload("web"), "db").identity;
  const auto given = identity_by_id("application", kHome, derived.id);
  EXPECT_EQ(derived, given);
  EXPECT_EQ(own(resource("postgres", derived.id), "data"), "r.dev.shop.volume.postgres.web.db.data");
}

TEST(Names, WhatAWorkloadAsksForWithoutAnIdIsItsOwn) {
  for (const auto* scope : {"workload", "application", "environment", "region"}) {
    EXPECT_EQ(own(workload("web"), "cache", scope), "r.dev.shop.volume.web.cache") << scope;
    EXPECT_FALSE(identity_of_own(scope, workload("web"), "cache").shared);
  }
  EXPECT_EQ(own(resource("route", "x"), "router", "region"), "r.-.-.volume.default");
  EXPECT_EQ(own(resource("postgres", "x"), "server", "environment"), "r.dev.-.volume.default");
  EXPECT_EQ(identity_by_id("environment", kHome, "sessions").name("redis"), "r.dev.-.redis.sessions");
}

TEST(Names, UniqueNamesAreShortReadableAndTellApart) {
  const auto name = [](const std::string& application, const std::string& id) {
    return unique_name({{"r", "dev", application}, id}, "postgres");
  };
  EXPECT_THAT(name("pay", "web.db"), MatchesRegex("pay-web-db-[0-9a-f]{16}"));
  EXPECT_NE(name("pay", "ments-db"), name("pay-ments", "db"));
  EXPECT_NE(name("pay", "a.b"), name("pay", "a-b"));
  const std::string long_a = std::string(60, 'x') + "a";
  const std::string long_b = std::string(60, 'x') + "b";
  EXPECT_NE(name(long_a, "db"), name(long_b, "db"));
  EXPECT_EQ(name(long_a, "db").size(), 63U);
  EXPECT_THAT(unique_name({{"r", "", ""}, "Main.x"}, "Postgres"),
              MatchesRegex("postgres-main-x-[0-9a-f]{16}"));
}

// What stands, as data.
class Standing final : public Holdings {
 public:
  void stands(const std::string& resource, const Stands& how = {}) { there_[resource] = how; }
  void let_hold(const std::string& user, const std::string& alias, const std::string& resource) {
    edges_.insert({user, alias, resource});
    there_[resource].used = true;
  }
  void took(const std::string& user, const std::string& type, const std::string& alias,
            const std::string& resource) {
    taken_[{user, type, alias}] = resource;
  }
  Result<bool> holds(std::string_view user, std::string_view alias, std::string_view resource) override {
    return edges_.contains({std::string(user), std::string(alias), std::string(resource)});
  }
  Result<std::optional<std::string>> taken(std::string_view user, std::string_view type,
                                           std::string_view alias) override {
    const auto found = taken_.find({std::string(user), std::string(type), std::string(alias)});
    if (found == taken_.end()) return std::nullopt;
    return found->second;
  }
  Result<std::optional<Stands>> look(std::string_view resource) override {
    const auto found = there_.find(std::string(resource));
    if (found == there_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::set<std::tuple<std::string, std::string, std::string>> edges_;
  std::map<std::tuple<std::string, std::string, std::string>, std::string> taken_;
  std::map<std::string, Stands> there_;
};

ProfilePtr profile(const std::string& name, const std::string& spec) {
  return std::make_shared<const v1::Profile>(tests::from_json<v1::Profile>(
      fmt::format(R"({{"metadata":{{"name":"{}","generation":1}},"spec":{}}})", name, spec)));
}

class Resolving : public testing::Test {
 protected:
  Graph resolve(const std::string& workloads) {
    const auto app = tests::from_json<v1::ApplicationSpec>(R"({"workloads":)" + workloads + "}");
    const auto environment = tests::from_json<v1::Environment>(R"({"metadata":{"name":"dev"}})");
    const auto region = tests::from_json<v1::Region>(R"({"metadata":{"name":"r"}})");
    ProfileList profiles(
        {profile("workload", R"({"satisfies":{"type":"workload"},"default":true,"provider":"p"})"),
         profile("volume",
                 R"({"satisfies":{"type":"volume"},"scope":"application","default":true,"provider":"p"})"),
         profile("redis",
                 R"({"satisfies":{"type":"redis"},"scope":"environment","default":true,"provider":"p",
                              "requires":{"data":{"type":"volume"}}})"),
         profile("postgres",
                 R"({"satisfies":{"type":"postgres"},"scope":"application","default":true,"provider":"p",
                                 "requires":{"data":{"type":"volume"}}})")});
    auto graph = controllers::resolve({"shop", &app, &environment, &region, {}, &profiles, &held_});
    if (!graph) throw std::runtime_error(graph.error().message);
    return *std::move(graph);
  }
  static std::vector<std::string> names(const Graph& graph) {
    std::vector<std::string> all;
    if (graph.refusal) return {graph.refusal->message};
    for (const auto& node : graph.nodes)
      if (node.spec.type() != "workload") all.push_back(node.name);
    std::ranges::sort(all);
    return all;
  }
  static std::string one(const std::string& name, const std::string& resources,
                         const std::string& more = "") {
    return fmt::format(R"("{}":{{"score":{{"resources":{}}}{}}})", name, resources, more);
  }
  std::vector<std::string> resolved(const std::string& workloads) {
    return names(resolve("{" + workloads + "}"));
  }

  Standing held_;
};

TEST_F(Resolving, WhatWasJoinedAlikeIsTwo) {
  EXPECT_THAT(resolved(one("web", R"({"api-db":{"type":"volume"}})") + "," +
                       one("web-api", R"({"db":{"type":"volume"}})")),
              ElementsAre("r.dev.shop.volume.web-api.db", "r.dev.shop.volume.web.api-db"));
  EXPECT_THAT(resolved(one("web", R"({"db":{"type":"postgres"},"db-data":{"type":"volume"}})")),
              ElementsAre("r.dev.shop.postgres.web.db", "r.dev.shop.volume.postgres.web.db.data",
                          "r.dev.shop.volume.web.db-data"));
}

TEST_F(Resolving, AnIdThatIsAnothersWithoutOneIsRefused) {
  EXPECT_THAT(
      resolved(one("api", R"({"x":{"type":"volume","id":"web.db"}})") + "," +
               one("web", R"({"db":{"type":"volume"}})")),
      ElementsAre(R"(volume "web.db" is what workload web as "db" gets without an id, and workload api as )"
                  R"("x" would have the same: to share it, both ask for it by id; else use another id)"));
  // Both by id, and the one whose id it is anyway: that is one.
  EXPECT_THAT(resolved(one("api", R"({"x":{"type":"volume","id":"web.db"}})") + "," +
                       one("web", R"({"db":{"type":"volume","id":"web.db"}})")),
              ElementsAre("r.dev.shop.volume.web.db"));
}

TEST_F(Resolving, WhatIsHeldUnderTheOldNameKeepsIt) {
  held_.let_hold("r.dev.shop.workload.web", "db", "r.dev.shop.postgres.web-db");
  held_.let_hold("r.dev.shop.postgres.web-db", "data", "r.dev.shop.volume.web-db-data");
  held_.let_hold("r.dev.shop.workload.web", "cache", "r.dev.-.redis.default");
  const std::string web = one("web", R"({"db":{"type":"postgres"},"cache":{"type":"redis"}})");
  EXPECT_THAT(resolved(web), ElementsAre("r.dev.-.redis.default", "r.dev.-.volume.redis.default.data",
                                         "r.dev.shop.postgres.web-db", "r.dev.shop.volume.web-db-data"));
  // The very id that it has changes nothing below it.
  EXPECT_THAT(resolved(one("web", R"({"db":{"type":"postgres","id":"web-db"}})")),
              ElementsAre("r.dev.shop.postgres.web-db", "r.dev.shop.volume.web-db-data"));
  // Who comes new gets his own.
  EXPECT_THAT(
      resolved(web + "," + one("web-db", R"({"data":{"type":"volume"},"cache":{"type":"redis"}})")),
      ElementsAre("r.dev.-.redis.default", "r.dev.-.volume.redis.default.data", "r.dev.shop.postgres.web-db",
                  "r.dev.shop.redis.web-db.cache", "r.dev.shop.volume.redis.web-db.cache.data",
                  "r.dev.shop.volume.web-db-data", "r.dev.shop.volume.web-db.data"));
}

TEST_F(Resolving, TwoWhoMeetAlreadyKeepWhatTheyHaveAndAreTold) {
  held_.let_hold("r.dev.shop.workload.web", "api-db", "r.dev.shop.volume.web-api-db");
  held_.let_hold("r.dev.shop.workload.web-api", "db", "r.dev.shop.volume.web-api-db");
  const auto graph = resolve("{" + one("web", R"({"api-db":{"type":"volume"}})") + "," +
                             one("web-api", R"({"db":{"type":"volume"}})") + "}");
  EXPECT_THAT(names(graph), ElementsAre("r.dev.shop.volume.web-api-db"));
  ASSERT_EQ(graph.warnings.size(), 1U);
  EXPECT_THAT(graph.warnings[0],
              HasSubstr(R"(is held by workload web as "api-db" and by workload web-api as "db")"));
}

TEST_F(Resolving, WhatAnEarlierVersionLeftBehindIsTakenUpByTheOnlyOneWhoseItCanBe) {
  held_.stands("r.dev.shop.volume.web-db-data");
  const std::string web = one("web", R"({"db":{"type":"postgres"}})");
  EXPECT_THAT(resolved(web), ElementsAre("r.dev.shop.postgres.web.db", "r.dev.shop.volume.web-db-data"));
  EXPECT_THAT(resolved(one("web", R"({"db":{"type":"postgres"},"db-data":{"type":"volume"}})")),
              ElementsAre(HasSubstr(R"("web-db-data" is what)")));
  held_.stands("r.dev.shop.volume.web-db-data", {.by_id = true});
  EXPECT_THAT(resolved(web), Contains("r.dev.shop.volume.postgres.web.db.data"));
  held_.stands("r.dev.shop.volume.web-db-data", {.deleted = true});
  EXPECT_THAT(resolved(web), Contains("r.dev.shop.volume.postgres.web.db.data"));
  held_.stands("r.dev.shop.volume.web-db-data", {.used = true});
  EXPECT_THAT(resolved(web), Contains("r.dev.shop.volume.postgres.web.db.data"));
}

TEST_F(Resolving, WhatSomebodyLeftWhoAskedByIdIsNotTakenUpWithoutOne) {
  held_.stands("r.dev.shop.volume.web.db", {.by_id = true});
  EXPECT_THAT(resolved(one("web", R"({"db":{"type":"volume"}})")),
              ElementsAre(HasSubstr("was made for one who asked for it by this id")));
  EXPECT_THAT(resolved(one("web", R"({"db":{"type":"volume","id":"web.db"}})")),
              ElementsAre("r.dev.shop.volume.web.db"));
}

const std::string kRenamed = R"(,"renamedFrom":"web")";

TEST_F(Resolving, ARenamedWorkloadTakesItsDataAlong) {
  const std::string api = one("api", R"({"db":{"type":"postgres"},"files":{"type":"volume"}})", kRenamed);
  EXPECT_THAT(resolved(api), ElementsAre("r.dev.shop.postgres.api.db", "r.dev.shop.volume.api.files",
                                         "r.dev.shop.volume.postgres.api.db.data"));
  held_.let_hold("r.dev.shop.workload.web", "db", "r.dev.shop.postgres.web.db");
  held_.let_hold("r.dev.shop.postgres.web.db", "data", "r.dev.shop.volume.postgres.web.db.data");
  held_.let_hold("r.dev.shop.workload.web", "files", "r.dev.shop.volume.web-files");  // of an earlier version
  const auto graph = resolve("{" + api + "}");
  EXPECT_THAT(names(graph),
              ElementsAre("r.dev.shop.postgres.web.db", "r.dev.shop.volume.postgres.web.db.data",
                          "r.dev.shop.volume.web-files"));
  ASSERT_EQ(graph.taken.size(), 2U);
  EXPECT_EQ(graph.taken[0].user, "r.dev.shop.workload.api");
  EXPECT_EQ(graph.taken[0].resource, "r.dev.shop.postgres.web.db");
}

TEST_F(Resolving, ARenamedWorkloadTakesUpWhatTheOldOneLeft) {
  // Its database is gone, its volume is kept.
  const std::string api = one("api", R"({"db":{"type":"postgres"}})", kRenamed);
  held_.stands("r.dev.shop.volume.postgres.web.db.data");
  EXPECT_THAT(resolved(api),
              ElementsAre("r.dev.shop.postgres.api.db", "r.dev.shop.volume.postgres.web.db.data"));
  held_ = {};
  held_.stands("r.dev.shop.volume.web-db-data");
  EXPECT_THAT(resolved(api), ElementsAre("r.dev.shop.postgres.api.db", "r.dev.shop.volume.web-db-data"));
  // Another's is nobody's to take.
  held_.stands("r.dev.shop.volume.web-db-data", {.used = true});
  EXPECT_THAT(resolved(api),
              ElementsAre("r.dev.shop.postgres.api.db", "r.dev.shop.volume.postgres.api.db.data"));
}

TEST_F(Resolving, WhatWasTakenOverStaysSo) {
  held_.let_hold("r.dev.shop.workload.api", "files", "r.dev.shop.volume.web.files");
  held_.took("r.dev.shop.workload.api", "volume", "files", "r.dev.shop.volume.web.files");
  const std::string files = R"({"files":{"type":"volume"}})";
  EXPECT_THAT(resolved(one("api", files)), ElementsAre("r.dev.shop.volume.web.files"));
  EXPECT_THAT(resolved(one("v2", files, R"(,"renamedFrom":"api")")),
              ElementsAre("r.dev.shop.volume.web.files"));
  // Back under its own name.
  EXPECT_THAT(resolved(one("web", files)), ElementsAre("r.dev.shop.volume.web.files"));
  for (const auto* other : {"api", "zeta"}) {
    held_.took(fmt::format("r.dev.shop.workload.{}", other), "volume", "files",
               "r.dev.shop.volume.web.files");
    EXPECT_THAT(
        resolved(one("web", files) + "," + one(other, files)),
        ElementsAre(fmt::format(
            R"(volume "web.files" belongs to workload {} as "files", which took it over from a workload of )"
            R"(another name (renamedFrom); workload web as "files" would get it too: give that one an id of its own)",
            other)));
  }
}

}  // namespace
}  // namespace qleet::hub::controllers
