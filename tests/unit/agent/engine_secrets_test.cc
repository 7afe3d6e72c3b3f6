// Secrets and the data that they open: they stay and go together, whatever becomes of who asked for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/engine/engine.h"
#include "common/model/reasons.h"
#include "tests/unit/agent/engine_fixture.h"

namespace qleet::agent {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Spec volume(const std::string& name = "data") {
  return {.name = name, .outputs = {{"name", "${self.name}"}}, .type = "volume"};
}

class EngineSecretsTest : public testing::Test, protected EngineFixture {
 protected:
  static Spec database(const std::string& name = "pg", const std::string& data = "data") {
    return {.name = name,
            .needs = {{"data", data}},
            .template_ = {{"password", "${generated.password}"}},
            .outputs = {{"password", "${generated.password}"}},
            .type = "postgres"};
  }
  static Spec gone(Spec spec) {
    ++spec.generation;
    spec.deleted = true;
    return spec;
  }
  static Spec again(Spec spec) {
    spec.generation = 3;
    return spec;
  }
  // What a thing was made with last.
  std::string password(const std::string& name = "pg") {
    return noop().applied.at(name).template_.fields().at("password").string_value();
  }
  std::vector<std::string> warnings() {
    std::vector<std::string> reasons;
    for (const auto& event : engine->reports().events(100))
      if (event.type() == "Warning") reasons.push_back(event.resource() + " " + event.reason());
    return reasons;
  }
  std::vector<std::string> reasons() {
    std::vector<std::string> all;
    for (const auto& event : engine->reports().events(100)) all.push_back(event.reason());
    return all;
  }
  void damage(const std::string& key) {
    crash();
    auto entries = journal.entries();
    entries.at(key) = "\xff\xff";
    journal.replace(std::move(entries));
    start();
    pass(Millis(1'000));
  }
  void lose_journal() {
    crash();
    const auto contents = journal.load().value();
    JournalChanges all{.meta = v1::Meta{}, .desired = {}, .runtime = {}, .events = {}};
    for (const auto& [name, ignored] : contents.desired) all.desired[name] = std::nullopt;
    for (const auto& [name, ignored] : contents.runtime) all.runtime[name] = std::nullopt;
    for (const auto& [sequence, ignored] : contents.events) all.events[sequence] = std::nullopt;
    if (!journal.commit(all)) throw std::runtime_error("the journal cannot be emptied");
    start();
  }
};

TEST_F(EngineSecretsTest, ASecretIsDurableWithItsDataBeforeAnythingIsMadeWithIt) {
  ASSERT_TRUE(state({volume(), database()}));
  while (noop().count("apply pg") == 0) {
    engine->step();
    const auto contents = journal.load().value();
    for (const auto& [name, runtime] : contents.runtime) {
      if (name != "pg") continue;
      const auto& kept = contents.runtime.at("data").secrets().kept();
      for (const auto& [secret, value] : runtime.secrets().generated()) {
        ASSERT_TRUE(kept.contains("postgres/pg/" + secret)) << "in one transaction";
        EXPECT_EQ(kept.at("postgres/pg/" + secret), value);
      }
    }
    executor.run_all();
  }
  EXPECT_EQ(journal.load()->runtime.at("data").secrets().kept().at("postgres/pg/password"), password());
  for (const auto& [key, bytes] : journal.entries())
    EXPECT_EQ(bytes.find(password()), std::string::npos) << "sealed: " << key;
}

TEST_F(EngineSecretsTest, ADatabaseThatComesBackToItsDataHasItsSecret) {
  ASSERT_TRUE(state({volume(), database()}));
  settle();
  const auto before = password();
  ASSERT_TRUE(state({gone(database())}));
  settle();
  ASSERT_FALSE(exists("pg"));
  ASSERT_TRUE(forget({"pg"}));
  restart();
  EXPECT_FALSE(journal.load()->runtime.contains("pg"));
  pass(std::chrono::hours(24 * 90));
  ASSERT_TRUE(state({again(database())}));
  settle();
  EXPECT_EQ(password(), before);
  EXPECT_EQ(state_of("pg"), "Ready");
}

// The record of what was kept held the only copy of its secret.
TEST_F(EngineSecretsTest, NoNewSecretIsMadeForDataWhoseRecordWasDamaged) {
  ASSERT_TRUE(state({volume(), database()}));
  settle();
  ASSERT_TRUE(state({gone(database())}));
  settle();
  ASSERT_TRUE(forget({"pg"}));
  damage("r/data");
  ASSERT_EQ(state_of("data"), "Ready");
  restart();
  noop().calls.clear();
  ASSERT_TRUE(state({again(database())}));
  pass(Millis(1'000));
  EXPECT_EQ(reason_of("pg"), "SecretsLost");
  EXPECT_EQ(noop().count("apply pg"), 0u);
  // To begin without that data, it is removed.
  ASSERT_TRUE(state({gone(volume()), gone(again(database()))}));
  settle();
  auto new_volume = volume(), new_database = database();
  new_volume.generation = new_database.generation = 9;
  ASSERT_TRUE(state({new_volume, new_database}));
  settle();
  EXPECT_EQ(state_of("pg"), "Ready");
}

TEST_F(EngineSecretsTest, ARecordThatWasDamagedGetsBackWhatItsUserHas) {
  ASSERT_TRUE(state({volume(), database()}));
  settle();
  const auto before = password();
  damage("r/data");
  ASSERT_EQ(state_of("data"), "Ready");
  ASSERT_TRUE(state({gone(database())}));
  settle();
  ASSERT_TRUE(forget({"pg"}));
  restart();
  ASSERT_TRUE(state({again(database())}));
  settle();
  EXPECT_EQ(state_of("pg"), "Ready");
  EXPECT_EQ(password(), before);
}

TEST_F(EngineSecretsTest, WithTheDataTheSecretGoesToo) {
  ASSERT_TRUE(state({volume(), database()}));
  settle();
  const auto before = password();
  ASSERT_TRUE(state({gone(volume()), gone(database())}));
  settle();
  EXPECT_TRUE(journal.load()->runtime.at("data").secrets().kept().empty());
  EXPECT_TRUE(journal.load()->runtime.at("pg").secrets().generated().empty());
  ASSERT_TRUE(state({again(volume()), again(database())}));
  settle();
  EXPECT_NE(password(), before);
}

TEST_F(EngineSecretsTest, ARenamedOneTakesOverAndGivesBack) {
  ASSERT_TRUE(state({volume(), database("web-db")}));
  settle();
  const auto before = password("web-db");
  ASSERT_TRUE(state({gone(database("web-db")), database("api-db")}));
  settle();
  EXPECT_EQ(password("api-db"), before);
  ASSERT_TRUE(state({gone(database("api-db")), again(database("web-db"))}));
  settle();
  EXPECT_EQ(password("web-db"), before) << "rolled back";
}

TEST_F(EngineSecretsTest, TheSecretFollowsTheData) {
  ASSERT_TRUE(state({volume("v1"), volume("v2"), database("pg", "v1")}));
  settle();
  const auto first = password();
  ASSERT_TRUE(state({gone(database("pg", "v1"))}));
  settle();
  ASSERT_TRUE(state({again(database("pg", "v2"))}));
  settle();
  const auto second = password();
  EXPECT_NE(first, second);
  auto back = database("pg", "v1");
  back.generation = 4;
  ASSERT_TRUE(state({back}));
  settle();
  EXPECT_EQ(password(), first);
  EXPECT_EQ(journal.load()->runtime.at("v2").secrets().kept().at("postgres/pg/password"), second);
}

TEST_F(EngineSecretsTest, AJournalOfBeforeKeepsItsSecretsFromTheFirstStartOn) {
  ASSERT_TRUE(state({volume(), database()}));
  settle();
  const auto before = password();
  crash();
  auto contents = journal.load().value();
  contents.runtime.at("data").mutable_secrets()->clear_kept();  // as older agents wrote it
  JournalChanges old;
  old.runtime["data"] = contents.runtime.at("data");
  ASSERT_TRUE(journal.commit(old));
  noop().calls.clear();
  start();
  EXPECT_EQ(journal.load()->runtime.at("data").secrets().kept().at("postgres/pg/password"), before);
  settle();
  EXPECT_EQ(noop().count("apply pg") + noop().count("apply data"), 0u) << "nothing is made anew";
}

TEST_F(EngineSecretsTest, DataThatVanishedIsNotMadeAgainAsIfItWereThere) {
  ASSERT_TRUE(state({volume(), database()}));
  pass(Millis(1000));
  ASSERT_TRUE(world->vanish("eu-1", "data"));
  pass(Millis(100));
  EXPECT_FALSE(exists("data"));
  EXPECT_EQ(state_of("data"), "Stalled");
  EXPECT_EQ(reason_of("data"), "DataLost");
  EXPECT_THAT(warnings(), Contains("data DataLost"));
  EXPECT_THAT(reasons(), Not(Contains("DriftRepaired")));
  restart();
  pass(std::chrono::hours(1));
  EXPECT_FALSE(exists("data")) << "whatever time passes";
  EXPECT_EQ(reason_of("data"), "DataLost");
  // Somebody deletes it, and it is asked for anew: that is to say that it may be empty.
  ASSERT_TRUE(state({gone(volume()), gone(database())}));
  settle();
  ASSERT_TRUE(state({again(volume()), again(database())}));
  settle();
  EXPECT_EQ(state_of("data"), "Ready");
  EXPECT_EQ(state_of("pg"), "Ready");
}

TEST_F(EngineSecretsTest, AServerWhoseDataIsInAVolumeIsMadeAgain) {
  auto pg = database();
  pg.keeps_data = true;
  ASSERT_TRUE(state({volume(), pg}));
  pass(Millis(1000));
  const auto before = password();
  ASSERT_TRUE(world->vanish("eu-1", "pg"));
  pass(Millis(1000));
  EXPECT_TRUE(exists("pg"));
  EXPECT_EQ(state_of("pg"), "Ready");
  EXPECT_EQ(password(), before);
}

TEST_F(EngineSecretsTest, DataThatIsPutBackIsTakenAsItIs) {
  ASSERT_TRUE(state({volume(), database()}));
  pass(Millis(1000));
  const auto thing = *world->find("eu-1", "data");
  ASSERT_TRUE(world->vanish("eu-1", "data"));
  pass(Millis(100));
  ASSERT_EQ(reason_of("data"), "DataLost");
  ASSERT_TRUE(world->put(thing));
  pass(Millis(100));
  EXPECT_EQ(state_of("data"), "Ready");
}

TEST_F(EngineSecretsTest, ALostJournalMakesNoSecretForDataThatIsThere) {
  ASSERT_TRUE(state({volume(), database()}));
  settle();
  const auto made = world->find("eu-1", "pg")->changes;
  lose_journal();
  ASSERT_TRUE(state({volume(), database()}));
  pass(Millis(1000));
  EXPECT_EQ(state_of("pg"), "Stalled");
  EXPECT_EQ(reason_of("pg"), "SecretsLost");
  EXPECT_THAT(message_of("pg"), HasSubstr("data"));
  EXPECT_THAT(message_of("pg"), HasSubstr("backup"));
  EXPECT_THAT(warnings(), Contains("pg SecretsLost"));
  EXPECT_EQ(world->find("eu-1", "pg")->changes, made) << "what runs is left alone";
  EXPECT_TRUE(journal.load()->runtime.at("pg").secrets().generated().empty());
  restart();
  pass(Millis(1000));
  EXPECT_EQ(reason_of("pg"), "SecretsLost") << "and after a restart";
  // The data is given up, and an empty place is made by whoever gave it up.
  const auto thing = *world->find("eu-1", "data");
  ASSERT_TRUE(world->vanish("eu-1", "data"));
  pass(Millis(100));
  ASSERT_TRUE(world->put(thing));
  pass(Millis(100));
  EXPECT_EQ(state_of("pg"), "Ready");
}

TEST_F(EngineSecretsTest, ALostJournalSaysSoBeforeItMakesNewSecretsForWhatRuns) {
  ASSERT_TRUE(state({db()}));
  settle();
  lose_journal();
  noop().calls.clear();
  ASSERT_TRUE(state({db()}));
  while (noop().count("apply db") == 0) {
    engine->step();
    if (executor.waiting() > 0 && noop().count("observe db") == 1) {
      const auto events = journal.load()->events;
      ASSERT_EQ(events.size(), 1u) << "told, and durable, before the step";
      EXPECT_EQ(events.begin()->second.reason(), "SecretsLost");
      EXPECT_EQ(events.begin()->second.type(), "Warning");
    }
    executor.run_all();
  }
  settle();
  EXPECT_EQ(state_of("db"), "Ready");
}

TEST_F(EngineSecretsTest, WhatALostJournalMadeIsRemovedWhenItIsDeleted) {
  ASSERT_TRUE(state({volume(), database()}));
  settle();
  lose_journal();
  ASSERT_TRUE(state({gone(volume()), gone(database())}));
  settle();
  EXPECT_FALSE(exists("pg"));
  EXPECT_FALSE(exists("data"));
}

TEST_F(EngineSecretsTest, WhatKeepsItsDataItselfIsNotGivenANewSecret) {
  auto rds = db();
  rds.keeps_data = true;
  ASSERT_TRUE(state({rds}));
  settle();
  const auto made = world->find("eu-1", "db")->changes;
  lose_journal();
  ASSERT_TRUE(state({rds}));
  pass(Millis(1000));
  EXPECT_EQ(reason_of("db"), "SecretsLost");
  EXPECT_EQ(world->find("eu-1", "db")->changes, made);
}

}  // namespace
}  // namespace qleet::agent
