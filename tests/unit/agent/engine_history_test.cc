// Random histories: a hub that changes its mind, a world that drifts, steps that fail, a disk that is full,
// and crashes at any point. Whatever happens in between, the end is what was wanted, and on the way nothing
// was removed that was wanted or still used, nothing applied that was as wanted, and no secret made twice.
//
// A failure names its seed; QLEET_SEED=<n> runs that one alone, QLEET_SEEDS=<n> runs that many.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "common/log/log.h"
#include "tests/unit/agent/engine_fixture.h"

namespace qleet::agent {
namespace {

constexpr int kNames = 10;
constexpr const char* kProviders[] = {"noop", "other"};

std::string name_of(int index) { return "n" + std::to_string(index); }

// What must hold at every step of every provider.
struct Watchman {
  std::map<std::string, Spec> wanted;                 // as last stated to the engine
  std::map<std::string, std::set<std::string>> uses;  // what exists -> what it was made with
  std::map<std::string, std::string> passwords;
  // Provider by generation, of those that were live then.
  std::map<std::string, std::map<unsigned, std::string>> live_provider;
  std::set<std::string> lately_unwanted;  // stated so since all handed over steps had ended
  std::function<bool(const std::string&)> exists;
  std::vector<std::string> complaints;

  void complain(std::string what) { complaints.push_back(std::move(what)); }

  void before_apply(const ProviderResource& r, const Observation& seen, bool already_ready) {
    if (already_ready && seen.state != Observation::State::kProgressing)
      complain("apply of " + r.name + " that was as wanted");
    const std::string password = r.template_.fields().at("pw").string_value();
    const auto known = passwords.emplace(r.name, password).first;
    if (known->second != password) complain("a second secret for " + r.name);
    auto& used = uses[r.name];
    used.clear();
    for (const auto& [alias, outputs] : r.dependencies) used.insert(alias);
  }

  void before_remove(const ProviderResource& r, const std::string& provider) {
    const auto spec = wanted.find(r.name);
    const bool unwanted = spec == wanted.end() || spec->second.deleted || spec->second.provider != provider;
    if (!unwanted && !lately_unwanted.contains(r.name)) complain("remove of " + r.name + ", which is wanted");
    // Another provider shall make it: its users have to bear that.
    const auto when_begun = live_provider.find(r.name);
    const bool moving = when_begun != live_provider.end() && when_begun->second.contains(r.generation) &&
                        when_begun->second.at(r.generation) != provider;
    for (const auto& [user, used] : uses)
      if (!moving && user != r.name && used.contains(r.name) && exists(user))
        complain("remove of " + r.name + " while " + user + " uses it");
    passwords.erase(r.name);
  }
};

// Passes on to the no-op provider, failing now and then.
class FlakyProvider final : public Provider {
 public:
  FlakyProvider(const Clock& clock, std::shared_ptr<noop::World> world, std::string name, Watchman& watchman,
                crypto::Random& random, unsigned& failures_percent)
      : inner_(clock, std::move(world), std::move(name)),
        watchman_(watchman),
        random_(random),
        failures_percent_(failures_percent) {}
  std::string name() const override { return inner_.name(); }
  Result<Observation> observe(const ProviderResource& r) override {
    if (fails()) return fail(Code::kUnavailable, "cannot look now");
    return inner_.observe(r);
  }
  Result<StepResult> apply(const ProviderResource& r, const Observation& seen) override {
    const auto now = inner_.observe(r);
    watchman_.before_apply(r, seen, now && now->state == Observation::State::kReady);
    ++acts;
    if (fails()) return fail(Code::kUnavailable, "cannot apply now");
    auto done = inner_.apply(r, seen);
    if (fails()) return fail(Code::kDeadline, "nobody knows whether it was applied");
    return done;
  }
  Result<StepResult> remove(const ProviderResource& r, const Observation& seen) override {
    watchman_.before_remove(r, name());
    ++acts;
    if (fails()) return fail(Code::kUnavailable, "cannot remove now");
    return inner_.remove(r, seen);
  }
  std::shared_ptr<void> watch(std::function<void(std::string)> changed) override {
    return inner_.watch(std::move(changed));
  }

  unsigned acts = 0;

 private:
  bool fails() { return random_.below(100) < failures_percent_; }

  noop::NoopProvider inner_;
  Watchman& watchman_;
  crypto::Random& random_;
  unsigned& failures_percent_;
};

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed), engine_random_(seed + 1'000'000) {
    for (const auto* name : kProviders) {
      worlds_[name] = std::make_shared<noop::World>();
      providers_[name] =
          std::make_shared<FlakyProvider>(clock_, worlds_[name], name, watchman_, random_, failures_percent_);
    }
    watchman_.exists = [this](const std::string& name) {
      return std::ranges::any_of(worlds_,
                                 [&](const auto& w) { return w.second->find("eu-1", name).has_value(); });
    };
    start();
  }

  void run(int steps) {
    for (int i = 0; i < steps && watchman_.complaints.empty(); ++i) step();
    calm_down();
  }

  std::vector<std::string> complaints() {
    auto all = watchman_.complaints;
    if (!all.empty()) return all;
    for (const auto& [name, spec] : watchman_.wanted) {
      const auto report = engine_->reports().report(name).value_or(wire::v1::ResourceReport{});
      const bool exists = worlds_[spec.provider]->find("eu-1", name).has_value();
      if (spec.deleted) {
        if (!report.gone()) all.push_back(name + " is not gone: " + report.ShortDebugString());
        continue;
      }
      if (!exists) all.push_back(name + " does not exist");
      if (report.state() != "Ready") all.push_back(name + " is not ready: " + report.ShortDebugString());
      if (report.generation() != spec.generation) all.push_back(name + " shows an old generation");
    }
    for (const auto& [provider, world] : worlds_)
      for (const auto& thing : world->things()) {
        const auto spec = watchman_.wanted.find(thing.name);
        if (spec == watchman_.wanted.end() || spec->second.deleted || spec->second.provider != provider)
          all.push_back("left behind: " + thing.name + " of " + provider);
      }
    // And then it rests, also over a restart.
    const unsigned acts = providers_["noop"]->acts + providers_["other"]->acts;
    crash();
    pass(std::chrono::hours(1));
    if (providers_["noop"]->acts + providers_["other"]->acts != acts)
      all.push_back("a restart acted on what was right");
    return all;
  }

 private:
  bool chance(unsigned percent) { return random_.below(100) < percent; }
  int pick(int bound) { return static_cast<int>(random_.below(static_cast<std::uint64_t>(bound))); }

  void start() {
    std::map<std::string, std::shared_ptr<Provider>> all(providers_.begin(), providers_.end());
    for (int tries = 0; tries < 10 && !engine_; ++tries) {
      auto opened = Engine::open({.agent = "eu-1"}, {.journal = journal_,
                                                     .clock = clock_,
                                                     .random = engine_random_,
                                                     .executor = executor_,
                                                     .wake = wake_,
                                                     .providers = all});
      if (opened) engine_ = std::move(*opened);
    }
    ASSERT_TRUE(engine_);
  }

  void crash() {
    journal_.fill_disk(1);
    engine_.reset();
    journal_.fill_disk(0);
    // Some of what was handed over still happens, unheard.
    while (executor_.waiting() > 0 && chance(50))
      executor_.run_at(static_cast<size_t>(pick(static_cast<int>(executor_.waiting()))));
    executor_.drop_all();
    watchman_.lately_unwanted.clear();
    start();
  }

  bool state(std::vector<Spec> specs) {
    DesiredChange change{.epoch = "e1", .position = ++position_, .put = {}, .disown = {}, .forget = {}};
    for (const auto& spec : specs) change.put.push_back(resource(spec));
    if (!engine_->apply_desired(change)) return false;
    for (auto& spec : specs) {
      const auto old = watchman_.wanted.find(spec.name);
      if (old != watchman_.wanted.end() && (old->second.deleted || old->second.provider != spec.provider))
        watchman_.lately_unwanted.insert(spec.name);
      // What was a tombstone may be gone by now, with its secrets.
      if (old == watchman_.wanted.end() || old->second.deleted) watchman_.passwords.erase(spec.name);
      if (!spec.deleted) watchman_.live_provider[spec.name][spec.generation] = spec.provider;
      watchman_.wanted[spec.name] = std::move(spec);
    }
    return true;
  }

  unsigned next_generation(const std::string& name) {
    const auto known = watchman_.wanted.find(name);
    return known == watchman_.wanted.end() ? 1 : known->second.generation + 1;
  }

  Spec random_spec(int index) {
    Spec spec{
        .name = name_of(index),
        .template_ = {{"pw", "${generated.pw}"}, {"v", std::to_string(pick(4))}},
        .outputs = {{"o", std::to_string(pick(3))}, {"secret", "${generated.pw}"}, {"n", "${self.name}"}},
        .provider = kProviders[chance(90) ? 0 : 1],
        .generation = next_generation(name_of(index))};
    for (int lower = 0; lower < index; ++lower) {
      const auto known = watchman_.wanted.find(name_of(lower));
      if (known == watchman_.wanted.end() || known->second.deleted || !chance(35)) continue;
      spec.needs[name_of(lower)] = name_of(lower);
      if (chance(50)) spec.template_["from-" + name_of(lower)] = "${requires." + name_of(lower) + ".o}";
    }
    if (chance(25)) spec.numbers["delayMs"] = pick(20'000);
    if (chance(15)) spec.numbers["removeDelayMs"] = pick(20'000);
    if (chance(15)) spec.numbers["steps"] = 1 + pick(4);
    return spec;
  }

  bool needed(const std::string& name) const {
    return std::ranges::any_of(
        watchman_.wanted, [&](const auto& w) { return !w.second.deleted && w.second.needs.contains(name); });
  }

  void change_desired() {
    const int index = pick(kNames);
    const std::string name = name_of(index);
    const auto known = watchman_.wanted.find(name);
    if (known != watchman_.wanted.end() && !known->second.deleted && chance(35)) {
      // Now and then a tombstone comes before its users are told.
      if (needed(name) && !chance(10)) return;
      Spec gone = known->second;
      gone.deleted = true;
      ++gone.generation;
      state({gone});
      return;
    }
    state({random_spec(index)});
  }

  void meddle() {
    auto& world = worlds_[kProviders[pick(2)]];
    const auto things = world->things();
    if (things.empty()) return;
    const auto& thing = things[static_cast<size_t>(pick(static_cast<int>(things.size())))];
    if (chance(50))
      (void)world->vanish(thing.owner, thing.name);
    else
      (void)world->meddle(thing.owner, thing.name, [](noop::Thing& t) { t.self["name"] = "evil"; });
  }

  // The session: reads, confirms, and forgets what is gone.
  void talk_to_hub() {
    for (const auto& name : engine_->reports().unconfirmed()) {
      const auto report = engine_->reports().report(name);
      if (!report) continue;
      const auto before = seen_.find(name);
      if (before != seen_.end() && report->version() < before->second)
        watchman_.complain("version of " + name + " fell");
      seen_[name] = report->version();
      if (!chance(70)) continue;
      (void)engine_->reports().confirm({{.name = name, .version = report->version()}});
      const auto spec = watchman_.wanted.find(name);
      if (!report->gone() || spec == watchman_.wanted.end() ||
          spec->second.generation != report->generation())
        continue;
      if (engine_->apply_desired(
              {.epoch = "e1", .position = ++position_, .put = {}, .disown = {}, .forget = {name}})) {
        watchman_.live_provider.erase(name);
        watchman_.wanted.erase(spec);
        watchman_.lately_unwanted.insert(name);
        seen_.erase(name);
      }
    }
    for (const auto& event : engine_->reports().events(5))
      (void)engine_->reports().confirm_events({event.id()});
  }

  void step() {
    switch (pick(12)) {
      case 0:
      case 1:
        change_desired();
        break;
      case 2:
        if (chance(30)) meddle();
        break;
      case 3:
        if (chance(20)) failures_percent_ = chance(50) ? 0 : static_cast<unsigned>(pick(60));
        break;
      case 4:
        if (chance(15)) crash();
        break;
      case 5:
        if (chance(10)) journal_.fill_disk(static_cast<unsigned>(1 + pick(4)));
        break;
      case 6:
        talk_to_hub();
        break;
      case 7:
        clock_.advance(Millis(pick(chance(10) ? 400'000 : 3'000)));
        break;
      case 8:
        engine_->wake(name_of(pick(kNames)));
        break;
      default:
        if (executor_.waiting() > 0)
          executor_.run_at(static_cast<size_t>(pick(static_cast<int>(executor_.waiting()))));
        break;
    }
    engine_->step();
    if (executor_.waiting() == 0) watchman_.lately_unwanted.clear();
  }

  void pass(Millis time) {
    const MonoTime end = clock_.mono() + time;
    for (int i = 0; i < 200'000; ++i) {
      const MonoTime due = engine_->step();
      if (executor_.waiting() > 0) {
        while (executor_.waiting() > 0) executor_.run_at(0);
        continue;
      }
      watchman_.lately_unwanted.clear();
      if (due > end) break;
      clock_.advance(std::max(due - clock_.mono(), Millis(0)));
    }
    clock_.advance(std::max(end - clock_.mono(), Millis(0)));
    engine_->step();
  }

  // No more trouble; what live resources need is wanted.
  void calm_down() {
    failures_percent_ = 0;
    journal_.fill_disk(0);
    for (int index = kNames - 1; index >= 0; --index) {
      const auto known = watchman_.wanted.find(name_of(index));
      const bool live = known != watchman_.wanted.end() && !known->second.deleted;
      if (live || !needed(name_of(index))) continue;
      Spec spec = known == watchman_.wanted.end() ? random_spec(index) : known->second;
      spec.needs.clear();
      std::erase_if(spec.template_, [](const auto& field) { return field.first.starts_with("from-"); });
      spec.deleted = false;
      spec.generation = next_generation(spec.name);
      state({spec});
    }
    pass(std::chrono::hours(2));
  }

  crypto::SeededRandom random_;
  crypto::SeededRandom engine_random_;
  test::TempDir folder_;
  crypto::Sealer sealer_ = crypto::Sealer::open_or_create(folder_ / "key", engine_random_).value();
  MemoryJournal journal_{sealer_};
  ManualClock clock_;
  Wake wake_;
  QueueExecutor executor_;
  std::map<std::string, std::shared_ptr<noop::World>> worlds_;
  Watchman watchman_;
  unsigned failures_percent_ = 0;
  std::map<std::string, std::shared_ptr<FlakyProvider>> providers_;
  std::unique_ptr<Engine> engine_;
  std::uint64_t position_ = 0;
  std::map<std::string, std::uint64_t> seen_;
};

TEST(EngineHistoryTest, EndsAsWantedWhateverHappened) {
  log::set_level(log::Level::kError);
  const char* one = std::getenv("QLEET_SEED");
  const char* many = std::getenv("QLEET_SEEDS");
  const std::uint64_t first = one ? std::strtoull(one, nullptr, 10) : 1;
  const std::uint64_t count = one ? 1 : many ? std::strtoull(many, nullptr, 10) : 12;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    History history(seed);
    history.run(4'000);
    const auto complaints = history.complaints();
    for (const auto& complaint : complaints) ADD_FAILURE() << "QLEET_SEED=" << seed << ": " << complaint;
    if (!complaints.empty()) break;
  }
}

}  // namespace
}  // namespace qleet::agent
