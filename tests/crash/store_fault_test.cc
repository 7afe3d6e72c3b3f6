// The hub's store on a disk that fails or is full at one operation: what it says is true, what it
// acknowledged is there whatever comes next, and it goes on by itself. QLEET_CRASH_SEEDS=n runs n seeds.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "common/log/log.h"
#include "hub/store/lmdb_store.h"
#include "tests/crash/images.h"
#include "tests/crash/seeds.h"
#include "tests/support/temp_dir.h"

namespace qleet::hub::tests {
namespace {

using test::CrashPoint;
using test::DiskFault;
using test::DiskOp;

using State = std::map<std::string, std::string>;

LmdbOptions options() {
  LmdbOptions options;
  options.map_bytes = options.max_map_bytes = 64 << 20;
  options.max_readers = 16;
  return options;
}

State state_of(const Store& store) {
  State state;
  const auto reader = store.snapshot().value();
  const auto entries = reader->scan({}).value();
  for (const auto& entry : entries) state[entry.key] = entry.value;
  return state;
}

// One transaction, as its caller saw it.
struct Attempt {
  std::size_t begin = 0, end = 0;  // operations
  bool acknowledged = false;
  bool refused = false;  // told that nothing was written; neither: told that it is not known
  State before, after;
  std::string error;
};

bool says_unknown(const std::string& error) { return error.find("is not known") != std::string::npos; }

// One writer, and what it was told.
class Teller {
 public:
  Teller(Store& store, test::DiskTape& tape) : store_(store), tape_(tape) {}

  Attempt& write(std::mt19937_64& random) {
    State wanted;
    for (int i = 0; i < 3; ++i)
      wanted[fmt::format("o/widgets/{}", random() % 12)] =
          std::string(random() % 3000, static_cast<char>('a' + random() % 26));
    Attempt attempt{.begin = tape_.size()};
    const auto done = store_.transact([&](Txn& txn) -> Result<> {
      attempt.before.clear();
      for (const auto& entry : TRY(txn.scan({}))) attempt.before[entry.key] = entry.value;
      attempt.after = attempt.before;
      for (const auto& [key, value] : wanted) {
        attempt.after[key] = value;
        txn.put(key, value);
      }
      return {};
    });
    attempt.end = tape_.size();
    attempt.acknowledged = done.has_value();
    if (!done) attempt.error = done.error().message;
    attempt.refused = !done && !says_unknown(attempt.error);
    attempts.push_back(std::move(attempt));
    return attempts.back();
  }

  // What a store may hold that was cut off after so many operations.
  std::vector<const State*> possible(std::size_t position) const {
    static const State kNothing;
    std::vector<const State*> states{&kNothing};
    for (const auto& attempt : attempts) {
      if (attempt.begin > position) break;
      if (attempt.acknowledged && attempt.end <= position) {
        states = {&attempt.after};
      } else if (attempt.refused && attempt.end <= position) {
        if (!attempt.after.empty()) states = {&attempt.before};
      } else {
        states.push_back(&attempt.after);
      }
    }
    return states;
  }

  std::vector<Attempt> attempts;

 private:
  Store& store_;
  test::DiskTape& tape_;
};

struct Kind {
  const char* name;
  DiskFault fault;
  bool lasts;  // until the disk is repaired, rather than once
  bool syncs_only = false;
};

const Kind kKinds[] = {
    {"no space", {ENOSPC, 0}, false},
    {"no space for a while", {ENOSPC, 0}, true},
    {"half a write", {0, 0}, false},
    {"an error and nothing done", {EIO, 0}, false},
    {"an error, but done", {EIO, SIZE_MAX}, false},
    {"an error for a while", {EIO, 0}, true},
    {"an error for a while, but done", {EIO, SIZE_MAX}, true},
    {"read-only from now on", {EROFS, 0}, true},
    {"a sync that fails", {EIO, 0}, false, true},
};

class StoreFault : public testing::Test {
 protected:
  void SetUp() override { log::set_level(static_cast<log::Level>(4)); }
  test::TempDir images_{test::fast_folder()};
};

struct RunTotal {
  std::size_t operations = 0;
  std::size_t images = 0;
  std::size_t refused = 0;
  std::size_t unknown = 0;
};

// Fails operation `at`, then looks at the store that lived on, and at every crash from there on.
std::string fail_at(std::size_t at, const Kind& kind, std::uint64_t seed, const std::filesystem::path& images,
                    RunTotal& run) {
  test::TempDir disk(test::fast_folder());
  std::vector<DiskOp> ops;
  std::vector<Attempt> attempts;
  test::DiskTape tape(disk.path());
  auto store = LmdbStore::open(disk / "s", options()).value();
  const std::size_t opened = tape.size();
  Teller teller(*store, tape);
  std::mt19937_64 random(seed);
  bool failing = false;
  std::size_t count = 0;
  tape.sabotage([&](const DiskOp& op) -> std::optional<DiskFault> {
    if (kind.syncs_only && op.kind != DiskOp::Kind::kSync) return std::nullopt;
    if (count++ == at) failing = true;
    if (!failing) return std::nullopt;
    if (!kind.lasts) failing = false;
    DiskFault fault = kind.fault;
    if (fault.error == 0) fault.effect = op.bytes.size() / 2;
    // Half of what is no write is an error.
    if (op.kind != DiskOp::Kind::kWrite && fault.error == 0) fault.error = EIO;
    return fault;
  });
  for (int i = 0; i < 6; ++i) {
    const auto& attempt = teller.write(random);
    run.refused += attempt.refused;
    run.unknown += !attempt.acknowledged && !attempt.refused;
    // Reading goes on, and shows what was acknowledged.
    const auto state = state_of(*store);
    const auto possible = teller.possible(tape.size());
    if (std::ranges::none_of(possible, [&](const State* one) { return *one == state; }))
      return fmt::format("after attempt {} ({}) the store shows what was not acknowledged", i, attempt.error);
  }
  // The disk works again: so does the store, without being opened anew.
  tape.sabotage({});
  if (const auto& last = teller.write(random); !last.acknowledged) return "does not heal: " + last.error;
  if (const auto& last = teller.write(random); !last.acknowledged) return "does not heal: " + last.error;
  store.reset();
  run.operations = tape.size() - opened;
  const auto all = tape.ops();
  const auto first_error = std::ranges::find_if(all, [](const DiskOp& op) { return op.error != 0; });
  if (first_error == all.end()) return {};
  const auto from = static_cast<std::size_t>(first_error - all.begin());
  return test::visit_crashes(
      all, {.seed = seed + at, .from = from, .random_images = 2},
      [&](const CrashPoint& point) -> std::string {
        test::DiskModel::write(*point.image, images);
        auto left = LmdbStore::open(images / "s", options());
        if (!left) return "cannot be opened: " + left.error().message;
        const auto state = state_of(**left);
        const auto possible = teller.possible(point.position);
        if (std::ranges::none_of(possible, [&](const State* one) { return *one == state; }))
          return "holds what was refused, or lacks what was acknowledged";
        return {};
      },
      &run.images);
}

TEST_F(StoreFault, OneFailureAnywhereLosesNothingThatWasAcknowledged) {
  RunTotal total;
  std::size_t runs = 0;
  for (const auto seed : test::crash_seeds(1)) {
    for (const Kind& kind : kKinds) {
      // Each operation of the first transactions, and some of the later ones.
      std::size_t operations = 1000;
      for (std::size_t at = 0; at < operations; at += at < 8 ? 1 : 6) {
        RunTotal run;
        ASSERT_EQ(fail_at(at, kind, seed, images_.path(), run), "") << kind.name << " at operation " << at;
        operations = kind.syncs_only ? 8 : std::min(run.operations, std::size_t{40});
        total.images += run.images;
        total.refused += run.refused;
        total.unknown += run.unknown;
        ++runs;
      }
    }
  }
  std::cout << runs << " runs, " << total.images << " images; " << total.refused << " writes refused, "
            << total.unknown << " of unknown outcome\n";
  EXPECT_GT(total.refused, 0U);
  EXPECT_GT(total.unknown, 0U);
}

}  // namespace
}  // namespace qleet::hub::tests
