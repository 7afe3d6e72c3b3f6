// A journal whose entries were damaged: the agent starts, deletes nothing, makes no secret anew over what may
// be there, and says so.
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/engine/damage.h"
#include "agent/journal/epoch_order.h"
#include "common/log/log.h"
#include "common/sync/accept.h"
#include "tests/unit/agent/engine_fixture.h"

namespace qleet::agent {
namespace {

class EngineDamageTest : public EngineFixture, public testing::Test {
 protected:
  void SetUp() override {
    log::set_level(static_cast<log::Level>(99));
    ASSERT_TRUE(state({db(), web()}));
    settle();
    pass(Millis(1'000));
    ASSERT_EQ(state_of("web"), "Ready");
    url_ = url();
    whole_ = journal.entries();
  }
  void TearDown() override { log::set_level(log::Level::kInfo); }
  std::string url() { return noop().applied["web"].template_.fields().at("url").string_value(); }
  // The agent ends, its disk does this, and it starts again.
  void start_over(std::map<std::string, std::string> entries) {
    crash();
    journal.replace(std::move(entries));
    for (auto& [name, provider] : providers) provider->calls.clear();
    start();
    pass(Millis(1'000));
  }
  void damage(const std::string& key) {
    auto entries = journal.entries();
    entries.at(key) = "\xff\xff";
    start_over(std::move(entries));
  }
  bool told(const std::string& resource) {
    for (const auto& event : engine->reports().events(100))
      if (event.reason() == "JournalDamaged" && event.resource() == resource) return true;
    return false;
  }
  const HeldResource* held(const std::string& name) {
    holding_ = engine->holding();
    for (const auto& resource : holding_.resources)
      if (resource.name == name) return &resource;
    return nullptr;
  }

  std::string url_;
  std::map<std::string, std::string> whole_;
  Holding holding_;
};

TEST_F(EngineDamageTest, WhatIsNoLongerKnownToBeWantedIsKeptUntilItIsStatedAgain) {
  damage("d/web");
  EXPECT_TRUE(told("web"));
  EXPECT_EQ(reason_of("web"), "JournalDamaged");
  ASSERT_TRUE(held("web"));
  EXPECT_EQ(held("web")->epoch, "") << "nothing that is said of it is comparable";
  EXPECT_FALSE(held("web")->deleted);
  EXPECT_EQ(noop().count("apply web") + noop().count("remove web"), 0u);
  // What it draws on outlives it.
  auto no_db = db();
  no_db.deleted = true;
  no_db.generation = 2;
  ASSERT_TRUE(state({no_db}));
  pass(Millis(1'000));
  EXPECT_TRUE(exists("db"));
  auto again = db();
  again.generation = 3;
  ASSERT_TRUE(state({again, web()}));
  pass(Millis(1'000));
  EXPECT_EQ(state_of("web"), "Ready");
  EXPECT_EQ(noop().count("remove web"), 0u);
  EXPECT_EQ(url(), url_);
  // It stands in the journal as it is now: the next start finds nothing wrong.
  restart();
  pass(Millis(1'000));
  EXPECT_EQ(state_of("web"), "Ready");
}

TEST_F(EngineDamageTest, ASecretThatWasLostIsNotMadeAnew) {
  damage("r/db");
  EXPECT_TRUE(told("db"));
  EXPECT_EQ(reason_of("db"), "RecordLost");
  EXPECT_TRUE(exists("db"));
  EXPECT_EQ(noop().count("apply db") + noop().count("remove db") + noop().count("apply web"), 0u);
  EXPECT_EQ(url(), url_);
  restart();
  pass(Millis(1'000));
  EXPECT_EQ(reason_of("db"), "RecordLost") << "also after another start";
  // Deleting it leaves nothing behind, and what is then made has a secret of its own.
  auto no_db = db(), no_web = web();
  no_db.deleted = no_web.deleted = true;
  no_db.generation = no_web.generation = 2;
  ASSERT_TRUE(state({no_db, no_web}));
  pass(Millis(1'000));
  EXPECT_FALSE(exists("db"));
  auto new_db = db(), new_web = web();
  new_db.generation = new_web.generation = 3;
  ASSERT_TRUE(state({new_db, new_web}));
  pass(Millis(1'000));
  EXPECT_EQ(state_of("web"), "Ready");
  EXPECT_NE(url(), url_);
}

TEST_F(EngineDamageTest, ARecordWithoutSecretsIsFoundOutAgain) {
  damage("r/web");
  EXPECT_TRUE(told("web"));
  EXPECT_EQ(state_of("web"), "Ready");
  EXPECT_EQ(noop().count("remove web"), 0u);
  EXPECT_EQ(url(), url_);
}

TEST_F(EngineDamageTest, ATombstoneWhoseRecordWasLostIsStillCarriedOut) {
  auto no_web = web();
  no_web.deleted = true;
  no_web.generation = 2;
  ASSERT_TRUE(state({no_web}));  // and the agent ends before it has begun
  damage("r/web");
  EXPECT_FALSE(exists("web")) << "gone was said of what exists";
}

TEST_F(EngineDamageTest, NoFlippedBitDeletesAnythingOrMakesASecretAnew) {
  for (const auto& [key, value] : whole_) {
    const std::size_t bits = (key.size() + value.size()) * 8;
    for (std::size_t bit = 0; bit < bits; bit += 3) {
      auto entries = whole_;
      const bool in_key = bit < key.size() * 8;
      std::string text = in_key ? key : value;
      const std::size_t at = in_key ? bit : bit - key.size() * 8;
      text[at / 8] = static_cast<char>(text[at / 8] ^ (1 << at % 8));
      if (in_key) {
        auto node = entries.extract(key);
        node.key() = text;
        if (!entries.insert(std::move(node)).inserted) continue;
      } else {
        entries[key] = text;
      }
      start_over(std::move(entries));
      ASSERT_EQ(noop().count("remove web") + noop().count("remove db"), 0u) << key << " bit " << bit;
      ASSERT_TRUE(exists("web") && exists("db")) << key << " bit " << bit;
      for (const auto& event : engine->reports().events(100))
        ASSERT_TRUE(std::ranges::all_of(event.resource() + event.message(),
                                        [](char c) { return c >= ' ' && c <= '~'; }))
            << key << " bit " << bit << ": " << event.message();
      for (const auto& name : engine->reports().unconfirmed())
        ASSERT_TRUE(sync::is_resource_name(name)) << key << " bit " << bit;
      // The hub states again what it is asked for.
      ASSERT_TRUE(state({db(), web()}));
      pass(Millis(1'000));
      ASSERT_EQ(noop().count("remove web") + noop().count("remove db"), 0u) << key << " bit " << bit;
      ASSERT_EQ(url(), url_) << key << " bit " << bit;
    }
  }
}

// Entries of before there were checks: a key that is damaged names nothing that could be told to a hub.
TEST_F(EngineDamageTest, AKeyThatNamesNothingIsDropped) {
  auto entries = whole_;
  entries["d/we\x82"] = "\xff\xff";
  entries["r/we\x82"] = "";
  entries["e/\x82"] = "\xff\xff";
  start_over(std::move(entries));
  EXPECT_EQ(engine->holding().resources.size(), 2u);
  for (const auto& event : engine->reports().events(100))
    EXPECT_TRUE(std::ranges::all_of(event.resource() + event.message(), [](char c) {
      return c >= ' ' && c <= '~';
    })) << event.message();
  EXPECT_FALSE(journal.entries().contains("d/we\x82"));
  EXPECT_EQ(state_of("web"), "Ready");
}

TEST_F(EngineDamageTest, AnOrderToFollowAnotherStoreDisownsEverything) {
  crash();
  EXPECT_EQ(order_epoch(journal, "e1").value(), false) << "it is there already";
  EXPECT_FALSE(order_epoch(journal, ""));
  EXPECT_EQ(order_epoch(journal, "another").value(), true);
  for (auto& [name, provider] : providers) provider->calls.clear();
  start();
  pass(Millis(1'000));
  const auto now = engine->holding();
  EXPECT_EQ(now.epoch, "another");
  EXPECT_EQ(now.position, 0u);
  EXPECT_EQ(now.lineage, std::vector<std::string>{"e1"});
  for (const auto& resource : now.resources) EXPECT_EQ(resource.epoch, "") << resource.name;
  EXPECT_EQ(noop().count("apply web") + noop().count("remove web"), 0u);
  EXPECT_EQ(engine->reports().unconfirmed().size(), 2u);
}

TEST_F(EngineDamageTest, OneThatIsHeldBackDoesNothingUntilItIsLetGo) {
  engine->hold(true);
  auto changed = web();
  changed.template_["more"] = "x";
  changed.generation = 2;
  ASSERT_TRUE(state({changed}));
  noop().calls.clear();
  pass(Millis(700'000));
  EXPECT_TRUE(noop().calls.empty());
  engine->hold(false);
  pass(Millis(1'000));
  EXPECT_EQ(noop().count("apply web"), 1u);
}

// Another process reported for it meanwhile, with versions of its own.
TEST_F(EngineDamageTest, OneThatIsLetGoReportsEverythingAnew) {
  const auto before = journal.load()->runtime.at("web").report().version();
  for (const auto& name : engine->reports().unconfirmed())
    ASSERT_TRUE(engine->reports().confirm({{.name = name, .version = before + 1'000}}));
  pass(Millis(1'000));
  ASSERT_TRUE(engine->reports().unconfirmed().empty());
  engine->hold(true);
  pass(Millis(90'000));
  EXPECT_TRUE(engine->reports().unconfirmed().empty());
  engine->hold(false);
  pass(Millis(1'000));
  EXPECT_FALSE(engine->reports().unconfirmed().empty());
  EXPECT_GE(journal.load()->runtime.at("web").report().version(), before + 90'000);
}

}  // namespace
}  // namespace qleet::agent
