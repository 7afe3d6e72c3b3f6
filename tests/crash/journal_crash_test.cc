// The agent's journal under a real engine, opened after a cut at each write to the disk, and on a disk that
// fails or is full at one operation. QLEET_CRASH_SEEDS=n runs n seeds, QLEET_CRASH_SEED=n that one alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>

#include "agent/journal/lmdb_journal.h"
#include "common/log/log.h"
#include "tests/crash/images.h"
#include "tests/crash/seeds.h"
#include "tests/unit/agent/engine_fixture.h"

namespace qleet::agent {
namespace {

using test::CrashPoint;
using test::DiskFault;
using test::DiskOp;

// All that a journal holds, as one text: equal texts are equal journals.
std::string text_of(const JournalContents& contents) {
  std::string all = contents.meta.ShortDebugString() + "\n";
  for (const auto& [name, desired] : contents.desired)
    all += name + " wanted " + desired.ShortDebugString() + "\n";
  for (const auto& [name, runtime] : contents.runtime)
    all += name + " is " + runtime.ShortDebugString() + "\n";
  for (const auto& [sequence, event] : contents.events)
    all += fmt::format("{} {}\n", sequence, event.ShortDebugString());
  return all;
}

// Passes everything on, and knows what the journal held after each commit that was acknowledged or may have
// happened.
class RecordingJournal final : public Journal {
 public:
  struct Commit {
    std::size_t begin = 0, end = 0;  // operations
    bool acknowledged = false;
    std::string after;
  };

  RecordingJournal(Journal& journal, const test::DiskTape& tape) : journal_(journal), tape_(tape) {}
  Result<JournalContents> load() override {
    auto loaded = journal_.load();
    if (loaded) now_ = *loaded;
    return loaded;
  }
  Result<> commit(const JournalChanges& changes) override {
    JournalContents after = now_;
    if (changes.meta) after.meta = *changes.meta;
    const auto merge = [](auto& into, const auto& from) {
      for (const auto& [key, value] : from) {
        if (value) {
          into[key] = *value;
        } else {
          into.erase(key);
        }
      }
    };
    merge(after.desired, changes.desired);
    merge(after.runtime, changes.runtime);
    merge(after.events, changes.events);
    Commit commit{.begin = tape_.size(), .end = 0, .acknowledged = false, .after = text_of(after)};
    auto done = journal_.commit(changes);
    commit.end = tape_.size();
    commit.acknowledged = done.has_value();
    commits.push_back(std::move(commit));
    if (done) now_ = std::move(after);
    return done;
  }
  std::vector<Commit> commits;

 private:
  Journal& journal_;
  const test::DiskTape& tape_;
  JournalContents now_;
};

struct Act {
  std::size_t position = 0;
  std::string name;
  bool removal = false;
};

// A world without failures that notes when it is touched.
class NotingProvider final : public Provider {
 public:
  NotingProvider(const Clock& clock, std::shared_ptr<noop::World> world, const test::DiskTape& tape)
      : inner_(clock, std::move(world), "noop"), tape_(tape) {}
  std::string name() const override { return "noop"; }
  Result<Observation> observe(const ProviderResource& r) override { return inner_.observe(r); }
  Result<StepResult> apply(const ProviderResource& r, const Observation& seen) override {
    acts.push_back({tape_.size(), r.name, false});
    return inner_.apply(r, seen);
  }
  Result<StepResult> remove(const ProviderResource& r, const Observation& seen) override {
    acts.push_back({tape_.size(), r.name, true});
    return inner_.remove(r, seen);
  }
  std::shared_ptr<void> watch(std::function<void(std::string)> changed) override {
    return inner_.watch(std::move(changed));
  }
  std::vector<Act> acts;

 private:
  noop::NoopProvider inner_;
  const test::DiskTape& tape_;
};

// What a reader of reports was told, and when.
struct Told {
  std::size_t position = 0;
  std::string name;
  std::uint64_t version = 0;
};

// One agent's life over one folder.
class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed), secrets_(seed + 1) {
    std::filesystem::create_directory(disk_ / "d");
    tape_.emplace(disk_ / "d");
    provider_ = std::make_shared<NotingProvider>(clock_, std::make_shared<noop::World>(), *tape_);
    lmdb_ =
        LmdbJournal::open({.folder = (disk_ / "d" / "j").string(), .max_bytes = 16 << 20}, sealer_).value();
    opened_ = tape_->size();
    journal_ = std::make_unique<RecordingJournal>(*lmdb_, *tape_);
    engine_ = Engine::open({.agent = "eu-1"}, {.journal = *journal_,
                                               .clock = clock_,
                                               .random = secrets_,
                                               .executor = executor_,
                                               .wake = wake_,
                                               .providers = {{"noop", provider_}}})
                  .value();
  }

  void live(int steps) {
    for (int i = 0; i < steps; ++i) {
      const std::string name = fmt::format("n{}", random_() % 6);
      Spec spec{.name = name,
                .template_ = {{"pw", "${generated.password}"}, {"v", std::to_string(random_() % 3)}},
                .outputs = {{"password", "${generated.password}"}},
                .generation = ++generation_,
                .deleted = random_() % 4 == 0};
      if (random_() % 3 == 0) spec.template_["long"] = std::string(random_() % 9000, 'x');
      DesiredChange change{
          .epoch = "e1", .position = ++position_, .put = {resource(spec)}, .disown = {}, .forget = {}};
      // Refused: the session states it again.
      for (int tries = 0; tries < 50 && !engine_->apply_desired(change); ++tries) pass(Millis(500));
      pass(Millis(random_() % 200));
      listen();
    }
  }
  // Until everything is durable and done.
  void rest() {
    for (int i = 0; i < 40; ++i) pass(Millis(5'000));
    listen();
  }
  void end() {
    engine_.reset();
    lmdb_.reset();
    ops_ = tape_->ops();
    tape_.reset();
  }

  test::DiskTape& tape() { return *tape_; }
  std::size_t opened() const { return opened_; }
  const std::vector<DiskOp>& ops() const { return ops_; }
  const RecordingJournal& journal() const { return *journal_; }

  // What is wrong with what is left after a crash.
  std::string check(const CrashPoint& point, const std::filesystem::path& folder) {
    test::DiskModel::write(*point.image, folder);
    auto left = LmdbJournal::open({.folder = (folder / "j").string(), .max_bytes = 16 << 20}, sealer_);
    if (!left) return "cannot be opened: " + left.error().message;
    const auto contents = (*left)->load();
    if (!contents) return "cannot be read: " + contents.error().message;
    if (auto wrong = check_state(text_of(*contents), point.position); !wrong.empty()) return wrong;
    if (auto wrong = check_acts(*contents, point.position); !wrong.empty()) return wrong;
    if (auto wrong = check_reports(*contents, point.position); !wrong.empty()) return wrong;
    JournalChanges next;
    next.events[7777].emplace().set_id("after the crash");
    if (const auto done = (*left)->commit(next); !done) return "cannot be written: " + done.error().message;
    return {};
  }

 private:
  // Lets time pass, as much as is due at once.
  void pass(Millis time) {
    const MonoTime end = clock_.mono() + time;
    for (int i = 0; i < 200; ++i) {
      const MonoTime due = engine_->step();
      const bool working = executor_.waiting() > 0;
      executor_.run_all();
      if (working || due <= clock_.mono()) continue;
      if (due > end) break;
      clock_.advance(due - clock_.mono());
    }
    clock_.advance(std::max(end - clock_.mono(), Millis(0)));
  }
  // As the session: reads what is to be told, and sometimes has it confirmed.
  void listen() {
    auto& reports = engine_->reports();
    std::vector<ReportVersion> confirmed;
    for (const auto& name : reports.unconfirmed()) {
      const auto report = reports.report(name);
      if (!report) continue;
      told_.push_back({tape_->size(), name, report->version()});
      if (random_() % 2) confirmed.push_back({name, report->version()});
    }
    (void)reports.confirm(confirmed);
  }

  std::string check_state(const std::string& found, std::size_t position) const {
    static const std::string kEmpty = text_of({});
    std::vector<const std::string*> possible{&kEmpty};
    for (const auto& commit : journal_->commits) {
      if (commit.begin > position) break;
      if (commit.acknowledged && commit.end <= position) {
        possible = {&commit.after};
      } else {
        possible.push_back(&commit.after);
      }
    }
    if (std::ranges::any_of(possible, [&](const auto* one) { return *one == found; })) return {};
    return fmt::format("holds what no commit made, or lacks what was acknowledged ({} were possible)",
                       possible.size());
  }
  // What was begun in the world is known.
  std::string check_acts(const JournalContents& contents, std::size_t position) const {
    std::map<std::string, const Act*> last;
    for (const auto& act : provider_->acts)
      if (act.position <= position) last[act.name] = &act;
    for (const auto& [name, act] : last) {
      const auto runtime = contents.runtime.find(name);
      if (runtime == contents.runtime.end()) return name + " was touched, and is not known";
      const auto& r = runtime->second;
      if (act->removal && !r.removing() && !r.gone() && r.intent_hash().empty())
        return name + " was being removed, and the journal does not know";
      if (!act->removal && r.intent_hash().empty() && r.applied_hash().empty() && !r.removing() && !r.gone())
        return name + " was being applied, and the journal does not know";
      if (!act->removal && !r.gone() && r.secrets().generated().count("password") == 0)
        return name + " was applied with a password that is lost";
    }
    return {};
  }
  std::string check_reports(const JournalContents& contents, std::size_t position) const {
    for (const auto& told : told_) {
      if (told.position > position) continue;
      const auto runtime = contents.runtime.find(told.name);
      if (runtime == contents.runtime.end() || runtime->second.report().version() < told.version)
        return fmt::format("version {} of {}'s report was told, and is lost", told.version, told.name);
    }
    return {};
  }

  test::TempDir disk_{test::fast_folder()};
  std::mt19937_64 random_;
  crypto::SeededRandom secrets_;
  crypto::Sealer sealer_ = crypto::Sealer::open_or_create(disk_ / "key", secrets_).value();
  ManualClock clock_;
  Wake wake_;
  QueueExecutor executor_;
  std::optional<test::DiskTape> tape_;
  std::shared_ptr<NotingProvider> provider_;
  std::unique_ptr<LmdbJournal> lmdb_;
  std::unique_ptr<RecordingJournal> journal_;
  std::unique_ptr<Engine> engine_;
  std::size_t opened_ = 0;
  unsigned generation_ = 0;
  std::uint64_t position_ = 0;
  std::vector<Told> told_;
  std::vector<DiskOp> ops_;
};

class JournalCrash : public testing::Test {
 protected:
  void SetUp() override { log::set_level(static_cast<log::Level>(4)); }
  test::TempDir images_{test::fast_folder()};
};

TEST_F(JournalCrash, AfterACutAtAnyWriteItKnowsWhatWasBegunAndTold) {
  std::size_t images = 0;
  std::size_t operations = 0;
  std::size_t commits = 0;
  for (const auto seed : test::crash_seeds(2)) {
    Life life(seed);
    life.live(20);
    life.rest();
    life.end();
    operations += life.ops().size();
    commits += life.journal().commits.size();
    ASSERT_EQ(test::visit_crashes(
                  life.ops(), {.seed = seed},
                  [&](const CrashPoint& point) { return life.check(point, images_.path()); }, &images),
              "");
  }
  std::cout << images << " images of " << operations << " operations in " << commits << " commits\n";
}

TEST_F(JournalCrash, AFailureAnywhereLosesNothingAndPassesByItself) {
  struct Kind {
    const char* name;
    DiskFault fault;
    std::size_t lasts;  // operations
  };
  std::size_t images = 0;
  std::size_t runs = 0;
  std::size_t refused = 0;
  for (const auto seed : test::crash_seeds(1)) {
    for (const Kind& kind :
         {Kind{"no space", {ENOSPC, 0}, 1}, Kind{"no space for a while", {ENOSPC, 0}, 6},
          Kind{"an error, but done", {EIO, SIZE_MAX}, 1}, Kind{"an error for a while", {EIO, 0}, 6}}) {
      for (std::size_t at = 0; at < 40; at += at < 8 ? 1 : 7) {
        Life life(seed);
        std::size_t count = 0;
        life.tape().sabotage([&](const DiskOp&) -> std::optional<DiskFault> {
          const std::size_t number = count++;
          if (number < at || number >= at + kind.lasts) return std::nullopt;
          return kind.fault;
        });
        life.live(8);
        life.rest();
        const auto& commits = life.journal().commits;
        ASSERT_TRUE(commits.back().acknowledged) << kind.name << " at " << at << ": does not heal";
        life.end();
        refused += static_cast<std::size_t>(
            std::ranges::count_if(commits, [](const auto& commit) { return !commit.acknowledged; }));
        const auto first = std::ranges::find_if(life.ops(), [](const DiskOp& op) { return op.error != 0; });
        ++runs;
        ASSERT_EQ(test::visit_crashes(
                      life.ops(),
                      {.seed = seed + at,
                       .from = static_cast<std::size_t>(first - life.ops().begin()),
                       .random_images = 1},
                      [&](const CrashPoint& point) { return life.check(point, images_.path()); }, &images),
                  "")
            << kind.name << " at operation " << at;
      }
    }
  }
  std::cout << runs << " runs, " << images << " images; " << refused << " commits refused\n";
  EXPECT_GT(refused, 0U);
}

TEST_F(JournalCrash, ADiskThatDoesNotSyncIsFound) {
  Life life(1);
  life.live(15);
  life.rest();
  life.end();
  auto ops = life.ops();
  for (std::size_t i = life.opened(); i < ops.size(); ++i) {
    if (ops[i].kind == DiskOp::Kind::kSync) ops[i].error = EIO;
  }
  EXPECT_TRUE(test::finds_something_wrong([&] {
    return test::visit_crashes(ops, {.seed = 1},
                               [&](const CrashPoint& point) { return life.check(point, images_.path()); });
  }));
}

}  // namespace
}  // namespace qleet::agent
