#include <gtest/gtest.h>

#include <optional>

#include "common/sync/accept.h"
#include "common/sync/backoff.h"
#include "common/sync/batch.h"
#include "common/sync/digest.h"
#include "common/sync/manifest.h"
#include "common/sync/subjects.h"

namespace qleet::sync {
namespace {

TEST(Digest, IsIndependentOfOrderAndUndoesRemovals) {
  const Digest a = entry_digest("eu.-.-.volume.a", "u", 1, "h1");
  const Digest b = entry_digest("eu.-.-.volume.b", "u", 2, "h2");
  Digest one;
  one.add(a);
  one.add(b);
  Digest other;
  other.add(b);
  other.add(a);
  EXPECT_EQ(one, other);
  EXPECT_EQ(one.bytes().size(), 16U);
  one.remove(a);
  one.remove(b);
  EXPECT_EQ(one, Digest{});
  EXPECT_EQ(one.bytes(), std::string(16, '\0'));
}

TEST(Digest, SeesEveryPartOfAnEntry) {
  const Digest base = entry_digest("a", "u", 1, "h");
  EXPECT_NE(base, entry_digest("b", "u", 1, "h"));
  EXPECT_NE(base, entry_digest("a", "u", 2, "h"));
  EXPECT_NE(base, entry_digest("a", "u", 1, "i"));
  EXPECT_NE(base, entry_digest("a", "v", 1, "h"));
  EXPECT_NE(entry_digest("a", "u", 11, "1"), entry_digest("a", "u", 1, "11"));
}

TEST(Digest, SeesTwoObjectsThatSwappedTheirGenerations) {
  Digest one;
  one.add(entry_digest("a", "u", 1, "h"));
  one.add(entry_digest("b", "u", 2, "h"));
  Digest other;
  other.add(entry_digest("a", "u", 2, "h"));
  other.add(entry_digest("b", "u", 1, "h"));
  EXPECT_NE(one, other);
}

TEST(Digest, BytesArePermanent) {
  // Hub and agent of different versions compare these.
  Digest digest;
  digest.add(entry_digest("eu-1.dev.shop.postgres.db", "u", 3, "abc"));
  std::string hex;
  for (const unsigned char c : digest.bytes()) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[c >> 4];
    hex += kDigits[c & 15];
  }
  EXPECT_EQ(hex, "5560718266bd1e730fe8b8c04c005db8");
}

struct EpochCase {
  const char* what;
  KnownEpochs known;
  const char* epoch;
  std::vector<std::string> lineage;
  EpochVerdict want;
};

TEST(AcceptEpoch, Table) {
  const EpochCase cases[] = {
      {"the same", {"e1", {}}, "e1", {}, EpochVerdict::kSame},
      {"restored", {"e1", {}}, "e2", {"e1"}, EpochVerdict::kDescends},
      {"restored twice, one after the other", {"e1", {}}, "e3", {"e2", "e1"}, EpochVerdict::kDescends},
      {"the same backup restored again", {"e2", {"e1"}}, "e3", {"e1"}, EpochVerdict::kDescends},
      {"an older backup restored again", {"e3", {"e2", "e1"}}, "e4", {"e1"}, EpochVerdict::kDescends},
      {"an ancestor came back", {"e2", {"e1"}}, "e1", {}, EpochVerdict::kAncestor},
      {"with ancestors of its own", {"e3", {"e2", "e1"}}, "e2", {"e1"}, EpochVerdict::kAncestor},
      {"the sibling that was left", {"e3", {"e2", "e1"}}, "e2", {"e1"}, EpochVerdict::kAncestor},
      {"an empty, new hub", {"e1", {}}, "e9", {}, EpochVerdict::kStranger},
      {"of another family", {"e2", {"e1"}}, "e9", {"e8"}, EpochVerdict::kStranger},
      {"a sibling, before its agents told of lineages", {"e2", {}}, "e3", {"e1"}, EpochVerdict::kStranger},
      {"knows none", {"", {}}, "e1", {}, EpochVerdict::kStranger},
      {"knows none, nor does the hub", {"", {}}, "e1", {""}, EpochVerdict::kStranger},
      {"the hub has none", {"e1", {}}, "", {"e1"}, EpochVerdict::kStranger},
  };
  for (const auto& c : cases) EXPECT_EQ(accept_epoch(c.known, c.epoch, c.lineage), c.want) << c.what;
}

TEST(KnownEpochs, HoldWhatWasLeftAndWhatTheHubDescendsFrom) {
  using Known = KnownEpochs;
  EXPECT_EQ(known_after({"e1", {}}, "e2", {"e1"}), (Known{"e2", {"e1"}}));
  EXPECT_EQ(known_after({"e1", {}}, "e3", {"e2", "e1"}), (Known{"e3", {"e1", "e2"}}))
      << "also what it was never in";
  EXPECT_EQ(known_after({"e2", {"e1"}}, "e3", {"e1"}), (Known{"e3", {"e2", "e1"}}));
  EXPECT_EQ(known_after({"e2", {}}, "e2", {"e1"}), (Known{"e2", {"e1"}}))
      << "told by a hub that was followed before";
  EXPECT_EQ(known_after({"e3", {"e2", "e1"}}, "e3", {"e1"}), (Known{"e3", {"e2", "e1"}})) << "nothing new";
  EXPECT_EQ(known_after({"e2", {"e1"}}, "e2", {std::string(kMaxWord + 1, 'x'), ""}), (Known{"e2", {"e1"}}));
  // Ordered back: the one that was left may not come back by itself.
  EXPECT_EQ(known_after_order({"e2", {"e1"}}, "e1"), (Known{"e1", {"e2"}}));
  std::vector<std::string> many;
  for (int i = 0; i < 200; ++i) many.push_back("a" + std::to_string(i));
  const auto bounded = known_after({"e1", many}, "e2", many);
  EXPECT_EQ(bounded.lineage.size(), kMaxLineage);
  EXPECT_EQ(bounded.lineage.front(), "e1");
}

TEST(EpochRefusal, SaysWhatHelps) {
  EXPECT_NE(epoch_refusal("e2", "e1", EpochVerdict::kAncestor).find("qleet-hub restore"), std::string::npos);
  EXPECT_NE(epoch_refusal("e2", "e9", EpochVerdict::kStranger).find("qleet-agent accept-epoch e9"),
            std::string::npos);
}

struct DeltaCase {
  std::uint64_t own;
  std::uint64_t prev;
  std::uint64_t position;
  const char* epoch;
  DeltaVerdict want;
};

TEST(AcceptDelta, Table) {
  const DeltaCase cases[] = {
      {10, 10, 12, "e1", DeltaVerdict::kApply},
      {10, 8, 12, "e1", DeltaVerdict::kApply},  // covers what is known, too
      {10, 8, 10, "e1", DeltaVerdict::kStale},
      {10, 3, 4, "e1", DeltaVerdict::kStale},
      {10, 11, 12, "e1", DeltaVerdict::kGap},
      {0, 0, 5, "e1", DeltaVerdict::kApply},
      {0, 1, 5, "e1", DeltaVerdict::kGap},
      {10, 10, 12, "e2", DeltaVerdict::kNewEpoch},
      {10, 10, 12, "e0", DeltaVerdict::kRefused},
  };
  for (const auto& c : cases) {
    DeltaStatement delta{c.epoch, {}, c.prev, c.position};
    if (delta.epoch == "e2") delta.lineage = {"e1"};
    EXPECT_EQ(accept_delta({{"e1", {}}, c.own}, delta), c.want)
        << c.own << " <- " << c.prev << ".." << c.position;
  }
}

constexpr auto kOrdered = Authority::kOrdered;
constexpr auto kManifest = Authority::kManifest;

struct EntryCase {
  const char* what;
  std::optional<Entry> held;
  Entry stated;
  Authority authority;
  EntryVerdict want;
};

TEST(AcceptEntry, Table) {
  const Entry live{3, "h3", "e2", false};
  const Entry dying{3, "h3", "e2", true};
  const Entry old_live{3, "h3", "e1", false};
  const Entry old_dying{3, "h3", "e1", true};
  const Entry disowned{3, "h3", "", false};
  const EntryCase cases[] = {
      {"new", {}, {1, "h", "e2", false}, kOrdered, EntryVerdict::kPut},
      {"new tombstone", {}, {1, "h", "e2", true}, kOrdered, EntryVerdict::kPut},
      {"newer", live, {4, "h4", "e2", false}, kOrdered, EntryVerdict::kPut},
      {"same", live, {3, "h3", "e2", false}, kOrdered, EntryVerdict::kIgnore},
      {"older, late", live, {2, "h2", "e2", false}, kOrdered, EntryVerdict::kIgnore},
      {"older, hub insists", live, {2, "h2", "e2", false}, kManifest, EntryVerdict::kPut},
      {"same generation, other content", live, {3, "hx", "e2", false}, kManifest, EntryVerdict::kPut},
      {"tombstone, newer", live, {4, "h3", "e2", true}, kOrdered, EntryVerdict::kPut},
      {"tombstone, late", live, {2, "h3", "e2", true}, kOrdered, EntryVerdict::kIgnore},
      {"tombstone, same generation", live, {3, "h3", "e2", true}, kOrdered, EntryVerdict::kIgnore},
      {"tombstone, older, hub insists", live, {2, "h3", "e2", true}, kManifest, EntryVerdict::kPutLive},
      {"tombstone, kept before", live, {3, "h3", "e2", true}, kManifest, EntryVerdict::kIgnore},
      {"revived", dying, {4, "h3", "e2", false}, kOrdered, EntryVerdict::kPut},
      {"late live before its tombstone", dying, {2, "h3", "e2", false}, kOrdered, EntryVerdict::kIgnore},
      {"restated by a restored hub", old_live, {1, "h1", "e2", false}, kOrdered, EntryVerdict::kPut},
      {"tombstone of a restored hub", old_live, {9, "h3", "e2", true}, kOrdered, EntryVerdict::kPutLive},
      {"being deleted, restored hub agrees", old_dying, {2, "h3", "e2", true}, kOrdered, EntryVerdict::kPut},
      {"being deleted, restored hub wants it",
       old_dying,
       {2, "h3", "e2", false},
       kOrdered,
       EntryVerdict::kPut},
      {"another of the name, after its removal",
       dying,
       {1, "h1", "e2", false, "other"},
       kOrdered,
       EntryVerdict::kPut},
      {"another of the name, equal but for that",
       dying,
       {3, "h3", "e2", false, "other"},
       kOrdered,
       EntryVerdict::kPut},
      {"tombstone of another of the name",
       live,
       {9, "h3", "e2", true, "other"},
       kOrdered,
       EntryVerdict::kPutLive},
      {"claimed again", disowned, {1, "h3", "e2", false}, kOrdered, EntryVerdict::kPut},
      {"tombstone of a disowned one", disowned, {9, "h3", "e2", true}, kManifest, EntryVerdict::kPutLive},
  };
  for (const auto& c : cases)
    EXPECT_EQ(accept_entry(c.held ? &*c.held : nullptr, c.stated, c.authority), c.want) << c.what;
}

TEST(AcceptEntry, ALiveEntryIsOnlyEverDeletedByANewerTombstoneOfItsOwnEpoch) {
  for (const char* held_epoch : {"", "e1", "e2"})
    for (const char* stated_epoch : {"e1", "e2"})
      for (std::uint32_t held = 0; held < 3; ++held)
        for (std::uint32_t stated = 0; stated < 3; ++stated)
          for (const char* hash : {"h", "i"})
            for (auto authority : {kOrdered, kManifest}) {
              const Entry mine{held, "h", held_epoch, false};
              const Entry tombstone{stated, hash, stated_epoch, true};
              const bool deletes = accept_entry(&mine, tombstone, authority) == EntryVerdict::kPut;
              EXPECT_EQ(deletes, mine.epoch == tombstone.epoch && stated > held);
            }
}

TEST(Negotiate, Table) {
  EXPECT_EQ(negotiate(1, 1), 1U);
  EXPECT_EQ(negotiate(0, 1), 1U);
  EXPECT_EQ(negotiate(1, 7), kProtocolMax);
  EXPECT_EQ(negotiate(kProtocolMax + 1, kProtocolMax + 2), 0U);
  EXPECT_EQ(negotiate(0, 0), 0U);
  EXPECT_EQ(protocol_refusal(2, 3), "agent speaks protocol 2 to 3, this hub 1 to 1: upgrade the hub");
  EXPECT_EQ(protocol_refusal(0, 0), "agent speaks protocol 0 to 0, this hub 1 to 1: upgrade the agent");
}

TEST(Manifest, EntriesAreTheSameInEveryWord) {
  const Entry wanted{1, "h", "e", false, "u"};
  EXPECT_TRUE(same_entry(wanted, wanted));
  EXPECT_FALSE(same_entry({2, "h", "e", false, "u"}, wanted));
  EXPECT_FALSE(same_entry({1, "x", "e", false, "u"}, wanted));
  EXPECT_FALSE(same_entry({1, "h", "", false, "u"}, wanted)) << "disowned";
  EXPECT_FALSE(same_entry({1, "h", "e", false, "v"}, wanted));
  EXPECT_TRUE(same_entry({1, "h", "e", true, "u"}, wanted)) << "what it does about it is its own affair";
}

TEST(Names, OfResources) {
  for (const char* good : {"a", "eu.dev.shop.redis.cache", "a-1"})
    EXPECT_TRUE(is_resource_name(good)) << good;
  for (const std::string bad : {"", "A", "a/b", "a b", "a\n", "\xc3\xa9"})
    EXPECT_FALSE(is_resource_name(bad)) << bad;
  EXPECT_TRUE(is_resource_name(std::string(253, 'a')));
  EXPECT_FALSE(is_resource_name(std::string(254, 'a')));
}

TEST(Manifest, CutCoversAllNamesWithoutOverlap) {
  Manifest held;
  for (int i = 0; i < 100; ++i) held["n" + std::to_string(1000 + i)] = {};
  const auto ranges = cut(held, 35, [](const std::string&, const Entry&) { return size_t{10}; });
  EXPECT_EQ(ranges.size(), 34U);
  EXPECT_EQ(ranges.front().after, "");
  EXPECT_EQ(ranges.back().until, "");
  for (const auto& [name, entry] : held) {
    int hits = 0;
    for (const auto& range : ranges) hits += range.contains(name) ? 1 : 0;
    EXPECT_EQ(hits, 1) << name;
  }
  EXPECT_EQ(cut({}, 35, [](const std::string&, const Entry&) { return size_t{10}; }).size(), 1U);
}

TEST(Pack, KeepsOrderAndBounds) {
  EXPECT_TRUE(pack({}, 10).empty());
  EXPECT_EQ(pack({4, 4, 4}, 10), (std::vector<Slice>{{0, 2}, {2, 3}}));
  EXPECT_EQ(pack({40, 1, 1}, 10), (std::vector<Slice>{{0, 1}, {1, 3}}));
}

TEST(Backoff, DoublesWithJitterUpToTheLimit) {
  SeededRandom random(7);
  Backoff backoff({Millis(1000), Millis(8000)}, random);
  for (const int base : {1000, 2000, 4000, 8000, 8000, 8000}) {
    const auto wait = backoff.next().count();
    EXPECT_GE(wait, base / 2);
    EXPECT_LE(wait, base + base / 2);
  }
  backoff.reset();
  EXPECT_LE(backoff.next().count(), 1500);
}

TEST(Subjects, AgentOf) {
  EXPECT_EQ(subjects::of("sync", "eu-1"), "sync.eu-1");
  EXPECT_EQ(subjects::agent_of("sync.eu-1"), "eu-1");
  EXPECT_EQ(subjects::agent_of("logs.eu-1.abc"), "eu-1");
  EXPECT_EQ(subjects::agent_of("sync"), "");
}

}  // namespace
}  // namespace qleet::sync
