// Which resources a secret is kept with, and which value it takes: by tables.
#include "agent/engine/kept_secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class KeptSecrets : public ::testing::Test {
 protected:
  Node& add(const std::string& name, const std::string& type,
            const std::map<std::string, std::string>& needs = {}) {
    Node& node = graph.add(name);
    auto& resource = *node.desired.mutable_resource();
    resource.set_name(name);
    resource.set_type(type);
    for (const auto& [alias, needed] : needs) (*resource.mutable_dependencies())[alias] = needed;
    return node;
  }
  void has(Node& node, const std::string& secret, const std::string& value) {
    (*node.runtime.mutable_secrets()->mutable_generated())[secret] = value;
  }
  void keeps(Node& keeper, const std::string& key, const std::string& value) {
    (*keeper.runtime.mutable_secrets()->mutable_kept())[key] = value;
  }
  std::string value(const Node& node, const std::string& secret = "password") {
    const auto choice = choose_secret(graph, node, keepers_of(graph, node), secret);
    if (!choice.unknown_to.empty()) return "unknown to " + choice.unknown_to;
    return choice.value.value_or("new");
  }

  Graph graph;
};

TEST_F(KeptSecrets, AreKeptWithTheDataNearestToThem) {
  add("host", "container-host");
  Node& volume = add("v", "volume", {{"runtime", "host"}});
  Node& server = add("server", "postgres-server", {{"data", "v"}, {"runtime", "host"}});
  has(server, "password", "s");
  Node& database = add("database", "postgres", {{"server", "server"}});
  has(database, "password", "d");
  Node& claim = add("claim", "claim", {{"data", "v"}});
  Node& through = add("through", "postgres", {{"claim", "claim"}});
  Node& rds = add("rds", "postgres");
  rds.desired.mutable_resource()->set_keeps_data(true);
  Node& web = add("web", "workload", {{"b", "v"}, {"a", "rds"}, {"db", "database"}, {"no", "such"}});
  EXPECT_THAT(keepers_of(graph, volume), IsEmpty());
  EXPECT_THAT(keepers_of(graph, server), ElementsAre("v"));
  EXPECT_THAT(keepers_of(graph, database), IsEmpty()) << "the server's own secret opens what lies behind it";
  EXPECT_THAT(keepers_of(graph, claim), ElementsAre("v"));
  EXPECT_THAT(keepers_of(graph, through), ElementsAre("v")) << "through what has no secret of its own";
  EXPECT_THAT(keepers_of(graph, rds), IsEmpty()) << "it keeps its data itself";
  EXPECT_THAT(keepers_of(graph, web), ElementsAre("rds", "v")) << "in the order of aliases";
}

TEST_F(KeptSecrets, ADatabaseThatIsToBeKeptHoldsItsDataInItsVolume) {
  Node& volume = add("v", "volume");
  Node& db = add("db", "postgres", {{"data", "v"}});
  db.desired.mutable_resource()->set_keeps_data(true);
  EXPECT_THAT(keepers_of(graph, db), ElementsAre("v"));
  EXPECT_FALSE(holds_data(graph, db));
  EXPECT_TRUE(holds_data(graph, volume));
}

TEST_F(KeptSecrets, WhatDependsInACircleEnds) {
  Node& a = add("a", "x", {{"b", "b"}});
  add("b", "x", {{"a", "a"}, {"v", "v"}});
  add("v", "volume");
  EXPECT_THAT(keepers_of(graph, a), ElementsAre("v"));
}

TEST_F(KeptSecrets, WhatIsKeptComesFirst) {
  Node& volume = add("v", "volume");
  Node& db = add("db", "postgres", {{"data", "v"}});
  EXPECT_EQ(value(db), "new");
  has(db, "password", "had");
  EXPECT_EQ(value(db), "had");
  keeps(volume, kept_key(db, "password"), "kept");
  EXPECT_EQ(value(db), "kept") << "it was pointed to other data";
  EXPECT_EQ(value(db, "root"), "new");
}

TEST_F(KeptSecrets, TwoDependentsOfOneVolumeDoNotMeet) {
  Node& volume = add("v", "volume");
  Node& one = add("one", "postgres", {{"data", "v"}});
  Node& two = add("two", "postgres", {{"data", "v"}});
  Node& cache = add("cache", "redis", {{"data", "v"}});
  keeps(volume, kept_key(one, "password"), "of one");
  EXPECT_EQ(value(one), "of one");
  EXPECT_EQ(value(two), "new");
  EXPECT_EQ(value(cache), "new");
}

TEST_F(KeptSecrets, WhoHasAnotherNameTakesOverWhatNobodyUsesAnyMore) {
  Node& volume = add("v", "volume");
  Node& renamed = add("api-db", "postgres", {{"data", "v"}});
  Node& cache = add("cache", "redis", {{"data", "v"}});
  keeps(volume, "postgres/web-db/password", "left");
  EXPECT_EQ(value(renamed), "left");
  EXPECT_EQ(value(renamed, "root"), "new");
  EXPECT_EQ(value(cache), "new") << "of another type";
  Node& before = add("web-db", "postgres", {{"data", "v"}});
  EXPECT_EQ(value(renamed), "new") << "it is in use";
  before.desired.mutable_resource()->set_deleted(true);
  EXPECT_EQ(value(renamed), "left") << "it is on its way out";
  before.desired.mutable_resource()->set_deleted(false);
  before.desired.mutable_resource()->clear_dependencies();
  EXPECT_EQ(value(renamed), "left") << "it keeps its data elsewhere";
  keeps(volume, "postgres/older-db/password", "left");
  EXPECT_EQ(value(renamed), "left") << "the same, left twice";
  keeps(volume, "postgres/oldest-db/password", "other");
  EXPECT_EQ(value(renamed), "new") << "nobody knows which";
}

TEST_F(KeptSecrets, NoneIsMadeForDataThatWasThereBefore) {
  Node& volume = add("v", "volume");
  volume.runtime.set_found(true);
  Node& db = add("db", "postgres", {{"data", "v"}});
  EXPECT_EQ(value(db), "unknown to v");
  keeps(volume, kept_key(db, "password"), "kept");
  EXPECT_EQ(value(db), "kept");
  Node& rds = add("rds", "postgres");
  rds.desired.mutable_resource()->set_keeps_data(true);
  EXPECT_EQ(value(rds), "new");
  rds.runtime.set_found(true);
  EXPECT_EQ(value(rds), "unknown to rds");
}

}  // namespace
}  // namespace qleet::agent
