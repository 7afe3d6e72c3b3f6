// An engine over simulated seams: time stands still until it is moved, steps run when they are told to.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/engine/engine.h"
#include "agent/journal/memory_journal.h"
#include "providers/noop/noop_provider.h"
#include "tests/support/temp_dir.h"

namespace qleet::agent {

// Keeps work until the test runs it, in any order.
class QueueExecutor final : public Executor {
 public:
  void run(std::function<void()> work) override { works_.push_back(std::move(work)); }
  size_t waiting() const { return works_.size(); }
  void run_at(size_t index) {
    auto work = std::move(works_[index]);
    works_.erase(works_.begin() + static_cast<std::ptrdiff_t>(index));
    work();
  }
  void run_all() {
    while (!works_.empty()) run_at(0);
  }
  void drop_all() { works_.clear(); }

 private:
  std::vector<std::function<void()>> works_;
};

// Passes everything on, and notes it: "apply web".
class RecordingProvider final : public Provider {
 public:
  RecordingProvider(std::shared_ptr<Provider> inner, bool watched = true)
      : inner_(std::move(inner)), watched_(watched) {}
  std::string name() const override { return inner_->name(); }
  Result<Observation> observe(const ProviderResource& r) override {
    calls.push_back("observe " + r.name);
    if (on_observe) TRY(on_observe(r));
    if (r.resolve_images != ResolveImages::kAsNamed) {
      Observation seen{.state = Observation::State::kProgressing};
      seen.images["web"] = r.resolve_images == ResolveImages::kAgain ? "reg/x:v1@again" : "reg/x:v1@once";
      return seen;
    }
    auto seen = inner_->observe(r);
    if (seen && on_look) on_look(*seen);
    return seen;
  }
  Result<StepResult> apply(const ProviderResource& r, const Observation& seen) override {
    calls.push_back("apply " + r.name);
    applied[r.name] = r;
    return inner_->apply(r, seen);
  }
  Result<StepResult> remove(const ProviderResource& r, const Observation& seen) override {
    calls.push_back("remove " + r.name);
    return inner_->remove(r, seen);
  }
  std::shared_ptr<void> watch(std::function<void(std::string)> changed) override {
    return watched_ ? inner_->watch(std::move(changed)) : nullptr;
  }
  size_t count(const std::string& call) const {
    return static_cast<size_t>(std::count(calls.begin(), calls.end(), call));
  }
  // Position of a call's first occurrence; calls.size() when there is none.
  size_t at(const std::string& call) const {
    return static_cast<size_t>(std::find(calls.begin(), calls.end(), call) - calls.begin());
  }

  std::vector<std::string> calls;
  std::map<std::string, ProviderResource> applied;
  std::function<Result<>(const ProviderResource&)> on_observe;
  std::function<void(Observation&)> on_look;  // changes what was seen

 private:
  std::shared_ptr<Provider> inner_;
  bool watched_;
};

struct Spec {
  std::string name;
  std::map<std::string, std::string> needs = {};      // alias -> resource
  std::map<std::string, std::string> template_ = {};  // text fields
  std::map<std::string, std::string> outputs = {};
  std::map<std::string, double> numbers = {};  // of the template
  std::string provider = "noop";
  unsigned generation = 1;
  bool deleted = false;
  std::string type = "thing";
  bool keeps_data = false;
  std::string resolve_images = {};
};

inline wire::v1::DesiredResource resource(const Spec& spec) {
  wire::v1::DesiredResource r;
  r.set_name(spec.name);
  r.set_id(spec.name + "-id");
  r.set_type(spec.type);
  if (spec.keeps_data) r.set_keeps_data(true);
  r.set_generation(spec.generation);
  r.set_provider(spec.provider);
  r.set_deleted(spec.deleted);
  r.set_resolve_images(spec.resolve_images);
  std::string hash = spec.provider;
  for (const auto& [name, value] : spec.template_) {
    (*r.mutable_template_()->mutable_fields())[name].set_string_value(value);
    hash += "|" + name + "=" + value;
  }
  for (const auto& [name, value] : spec.numbers) {
    (*r.mutable_template_()->mutable_fields())[name].set_number_value(value);
    hash += "|" + name + "=" + std::to_string(value);
  }
  for (const auto& [name, value] : spec.outputs) {
    (*r.mutable_outputs()->mutable_fields())[name].set_string_value(value);
    hash += "|" + name + ">" + value;
  }
  for (const auto& [alias, name] : spec.needs) {
    (*r.mutable_dependencies())[alias] = name;
    hash += "|" + alias + ":" + name;
  }
  r.set_hash(hash);
  return r;
}

// A database, and a workload that draws on it.
inline Spec db() {
  return {.name = "db", .outputs = {{"host", "${self.name}"}, {"password", "${generated.password}"}}};
}
inline Spec web() {
  return {.name = "web",
          .needs = {{"db", "db"}},
          .template_ = {{"url", "postgres://:${requires.db.password}@${requires.db.host}"}},
          .outputs = {{"address", "${self.name}"}, {"dsn", "${requires.db.password}"}}};
}

// Journal, world and clock outlive the engine that a test drops.
class EngineFixture {
 public:
  explicit EngineFixture(std::uint64_t seed = 1) : random(seed) {
    for (const auto* name : {"noop", "other"})
      providers[name] =
          std::make_shared<RecordingProvider>(std::make_shared<noop::NoopProvider>(clock, world, name));
    start();
  }

  RecordingProvider& noop() { return *providers.at("noop"); }

  void start() {
    std::map<std::string, std::shared_ptr<Provider>> all(providers.begin(), providers.end());
    auto opened = Engine::open(options, {.journal = journal,
                                         .clock = clock,
                                         .random = random,
                                         .executor = executor,
                                         .wake = wake,
                                         .providers = std::move(all)});
    if (!opened) throw std::runtime_error(opened.error().message);
    engine = std::move(*opened);
  }
  // Work that was handed over but has not run is lost with it, as in a crash.
  void crash() {
    journal.fill_disk(1);  // nothing is written on the way out
    engine.reset();
    journal.fill_disk(0);
    executor.drop_all();
  }
  void restart() {
    crash();
    for (auto& [name, provider] : providers) provider->calls.clear();
    start();
  }

  Result<> state(std::vector<Spec> specs, const std::string& epoch = "e1") {
    DesiredChange change{.epoch = epoch, .position = ++position, .put = {}, .disown = {}, .forget = {}};
    for (const auto& spec : specs) change.put.push_back(resource(spec));
    return engine->apply_desired(change);
  }
  Result<> forget(std::vector<std::string> names) {
    return engine->apply_desired(
        {.epoch = "e1", .position = ++position, .put = {}, .disown = {}, .forget = std::move(names)});
  }

  // Until nothing is left to do now. Returns when something is due.
  MonoTime settle() {
    for (int i = 0; i < 10'000; ++i) {
      const MonoTime due = engine->step();
      if (executor.waiting() == 0 && due > clock.mono()) return due;
      executor.run_all();
    }
    throw std::runtime_error("the engine does not come to rest");
  }
  // Lets time pass, stopping at everything that is due.
  void pass(Millis time) {
    const MonoTime end = clock.mono() + time;
    while (true) {
      const MonoTime due = settle();
      if (due > end) break;
      clock.advance(std::max(due - clock.mono(), Millis(0)));
    }
    clock.advance(end - clock.mono());
    settle();
  }

  wire::v1::ResourceReport report(const std::string& name) {
    pass(Millis(20));
    return engine->reports().report(name).value_or(wire::v1::ResourceReport{});
  }
  std::string state_of(const std::string& name) { return report(name).state(); }
  std::string reason_of(const std::string& name) {
    const auto r = report(name);
    return r.conditions_size() ? r.conditions(0).reason() : "";
  }
  std::string message_of(const std::string& name) {
    const auto r = report(name);
    return r.conditions_size() ? r.conditions(0).message() : "";
  }
  bool exists(const std::string& name) { return world->find(options.agent, name).has_value(); }

  test::TempDir folder;
  crypto::SeededRandom random;
  crypto::Sealer sealer = crypto::Sealer::open_or_create(folder / "key", random).value();
  MemoryJournal journal{sealer};
  ManualClock clock;
  Wake wake;
  QueueExecutor executor;
  std::shared_ptr<noop::World> world = std::make_shared<noop::World>();
  std::map<std::string, std::shared_ptr<RecordingProvider>> providers;
  EngineOptions options{.agent = "eu-1"};
  std::uint64_t position = 0;
  std::unique_ptr<Engine> engine;
};

}  // namespace qleet::agent
