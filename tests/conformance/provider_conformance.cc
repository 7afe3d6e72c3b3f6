#include "tests/conformance/provider_conformance.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include "common/template/shape.h"
#include "tests/support/patience.h"

namespace qleet::test {
namespace {

using State = Observation::State;

const char* name_of(State state) {
  switch (state) {
    case State::kAbsent:
      return "absent";
    case State::kProgressing:
      return "progressing";
    case State::kReady:
      return "ready";
    case State::kOutOfDate:
      return "out of date";
    case State::kDegraded:
      return "degraded";
  }
  return "?";
}

std::string describe(const Observation& seen) {
  return std::string(name_of(seen.state)) + " (" + seen.reason + ") " + seen.message;
}

// What a step took, in real time.
template <class Function>
auto timed(Millis longest, const char* what, Function&& function) {
  const auto start = std::chrono::steady_clock::now();
  auto result = function();
  const auto took = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - start);
  EXPECT_LE(took, test::patient(longest)) << what << " must return within seconds";
  return result;
}

// Failures of a place that come and go: the engine would try again.
bool worth_another_try(const Error& error) {
  return error.code != Code::kInvalid && error.code != Code::kUnsupported;
}

constexpr Millis kPause{50};

}  // namespace

void ProviderConformance::each(const std::function<void(const ProviderResource&)>& check) {
  for (const auto& sample : subject_->samples()) {
    SCOPED_TRACE("sample " + sample.name + " of type " + sample.type);
    auto provider = fresh();
    subject_->prepare(*provider, sample);
    ASSERT_NO_FATAL_FAILURE(check(sample));
    ASSERT_NO_FATAL_FAILURE(remove(*provider, sample));
  }
}

Observation ProviderConformance::look(Provider& provider, const ProviderResource& resource) {
  const auto seen = timed(subject_->longest_step(), "observe", [&] { return provider.observe(resource); });
  EXPECT_TRUE(seen) << "observe: " << (seen ? "" : seen.error().message);
  return seen.value_or(Observation{});
}

Result<StepResult> ProviderConformance::apply_step(Provider& provider, const ProviderResource& resource,
                                                   const Observation& seen) {
  return timed(subject_->longest_step(), "apply", [&] { return provider.apply(resource, seen); });
}

Result<StepResult> ProviderConformance::remove_step(Provider& provider, const ProviderResource& resource,
                                                    const Observation& seen) {
  return timed(subject_->longest_step(), "remove", [&] { return provider.remove(resource, seen); });
}

Observation ProviderConformance::make(Provider& provider, const ProviderResource& resource) {
  Millis spent{0};
  bool carried_out = false;
  std::string last_error;
  Observation seen;
  while (spent <= subject_->patience()) {
    seen = look(provider, resource);
    if (seen.state == State::kReady || testing::Test::HasFailure()) return seen;
    const bool missing = seen.state == State::kAbsent || seen.state == State::kOutOfDate;
    Millis pause = seen.recheck_after.value_or(kPause);
    if (missing || !carried_out) {
      const auto step = apply_step(provider, resource, seen);
      if (!step) {
        last_error = step.error().message;
        if (!worth_another_try(step.error())) break;
      } else {
        carried_out = step->done;
        pause = step->recheck_after.value_or(step->done ? kPause : Millis(1));
      }
    }
    pause = std::clamp(pause, Millis(1), Millis(1'000));
    subject_->pass(pause);
    spent += pause;
  }
  ADD_FAILURE() << resource.name << " did not become ready: " << describe(seen)
                << "; last error: " << last_error;
  return seen;
}

void ProviderConformance::remove(Provider& provider, const ProviderResource& resource) {
  Millis spent{0};
  Observation seen;
  std::string last_error;
  bool carried_out = false;
  while (spent <= subject_->patience()) {
    const auto looked = provider.observe(resource);
    if (looked) {
      seen = *looked;
    } else {
      seen = Observation{.state = carried_out ? State::kAbsent : State::kOutOfDate};
      ASSERT_FALSE(worth_another_try(looked.error())) << looked.error().message;
    }
    if (seen.state == State::kAbsent) return;
    Millis pause = seen.recheck_after.value_or(kPause);
    if (!(carried_out && seen.state == State::kProgressing)) {
      const auto step = remove_step(provider, resource, seen);
      if (step) {
        carried_out = step->done;
        pause = step->recheck_after.value_or(step->done ? kPause : Millis(1));
      } else {
        last_error = step.error().message;
      }
    }
    pause = std::clamp(pause, Millis(1), Millis(1'000));
    subject_->pass(pause);
    spent += pause;
  }
  FAIL() << resource.name << " was not removed: " << describe(seen) << "; last error: " << last_error;
}

TEST_P(ProviderConformance, NameIsConstant) {
  EXPECT_FALSE(fresh()->name().empty());
  EXPECT_EQ(fresh()->name(), fresh()->name());
}

TEST_P(ProviderConformance, NothingIsAbsent) {
  each([&](const ProviderResource& r) { EXPECT_EQ(look(*fresh(), r).state, State::kAbsent); });
}

TEST_P(ProviderConformance, ObserveChangesNothing) {
  each([&](const ProviderResource& r) {
    auto provider = fresh();
    const auto before = subject_->leftovers(r.owner);
    for (int i = 0; i < 3; ++i) look(*provider, r);
    EXPECT_EQ(subject_->leftovers(r.owner), before);
    make(*provider, r);
    const auto identity = subject_->identity(r);
    const auto made = subject_->leftovers(r.owner);
    for (int i = 0; i < 3; ++i) look(*provider, r);
    look(*provider, subject_->changed(r));
    EXPECT_EQ(look(*provider, r).state, State::kReady);
    EXPECT_EQ(subject_->identity(r), identity);
    EXPECT_EQ(subject_->leftovers(r.owner), made);
  });
}

TEST_P(ProviderConformance, AppliedBecomesReady) {
  each([&](const ProviderResource& r) { EXPECT_EQ(make(*fresh(), r).state, State::kReady); });
}

TEST_P(ProviderConformance, ApplyingAgainChangesNothing) {
  each([&](const ProviderResource& r) {
    auto provider = fresh();
    const auto seen = make(*provider, r);
    const auto identity = subject_->identity(r);
    for (int i = 0; i < 2; ++i) {
      const auto step = apply_step(*provider, r, seen);
      ASSERT_TRUE(step) << step.error().message;
    }
    EXPECT_EQ(look(*provider, r).state, State::kReady);
    EXPECT_EQ(subject_->identity(r), identity);
  });
}

TEST_P(ProviderConformance, AnotherProviderObjectSeesTheSame) {
  each([&](const ProviderResource& r) {
    const auto seen = make(*fresh(), r);
    const auto identity = subject_->identity(r);
    auto next = fresh();
    // A fresh one may have to probe first; it must not have to act.
    Observation again = look(*next, r);
    for (Millis spent{0}; again.state == State::kProgressing && spent < subject_->patience();
         spent += kPause) {
      subject_->pass(kPause);
      again = look(*next, r);
    }
    EXPECT_EQ(again.state, State::kReady) << describe(again);
    EXPECT_EQ(again.self, seen.self);
    EXPECT_EQ(subject_->identity(r), identity);
  });
}

TEST_P(ProviderConformance, SelfIsStable) {
  each([&](const ProviderResource& r) {
    auto provider = fresh();
    const auto first = make(*provider, r);
    subject_->pass(Millis(200));
    EXPECT_EQ(look(*provider, r).self, first.self);
  });
}

TEST_P(ProviderConformance, SelfIsAsTheSchemaTells) {
  const auto schema = fresh()->schema();
  ASSERT_TRUE(schema.template_.fields().contains("properties"));
  each([&](const ProviderResource& r) {
    for (const auto& [name, value] : make(*fresh(), r).self)
      EXPECT_TRUE(templates::tells(schema.outputs, name)) << name;
  });
}

TEST_P(ProviderConformance, ChangeIsSeenAndMade) {
  each([&](const ProviderResource& r) {
    auto provider = fresh();
    make(*provider, r);
    const auto next = subject_->changed(r);
    ASSERT_NE(next.hash, r.hash) << "the subject's changed() must give another hash";
    const auto seen = look(*provider, next);
    EXPECT_EQ(seen.state, State::kOutOfDate) << describe(seen);
    EXPECT_EQ(make(*provider, next).state, State::kReady);
    EXPECT_EQ(look(*provider, r).state, State::kOutOfDate) << "the old hash is no longer what exists";
  });
}

TEST_P(ProviderConformance, DriftIsSeenAndRepaired) {
  each([&](const ProviderResource& r) {
    auto provider = fresh();
    make(*provider, r);
    if (!subject_->drift(r)) return;
    Observation seen = look(*provider, r);
    for (Millis spent{0}; seen.state == State::kReady && spent < subject_->patience(); spent += kPause) {
      subject_->pass(kPause);
      seen = look(*provider, r);
    }
    EXPECT_NE(seen.state, State::kReady) << "drift was not seen";
    EXPECT_EQ(make(*provider, r).state, State::kReady);
  });
}

TEST_P(ProviderConformance, WhatACrashLeftIsAdopted) {
  each([&](const ProviderResource& r) {
    {
      // Intent is written, one step is made, and nobody hears of its outcome.
      auto crashed = fresh();
      const auto step = apply_step(*crashed, r, look(*crashed, r));
      ASSERT_TRUE(step) << step.error().message;
    }
    EXPECT_EQ(make(*fresh(), r).state, State::kReady);
    const auto after = subject_->leftovers(r.owner);
    auto provider = fresh();
    remove(*provider, r);
    make(*provider, r);
    EXPECT_EQ(subject_->leftovers(r.owner), after) << "a crash left more than a clean run makes";
  });
}

TEST_P(ProviderConformance, ACrashInAChangeIsFinished) {
  each([&](const ProviderResource& r) {
    make(*fresh(), r);
    const auto next = subject_->changed(r);
    {
      auto crashed = fresh();
      const auto step = apply_step(*crashed, next, look(*crashed, next));
      ASSERT_TRUE(step) << step.error().message;
    }
    EXPECT_EQ(make(*fresh(), next).state, State::kReady);
  });
}

TEST_P(ProviderConformance, RemoveLeavesNothing) {
  each([&](const ProviderResource& r) {
    auto provider = fresh();
    const auto before = subject_->leftovers(r.owner);
    make(*provider, r);
    make(*provider, subject_->changed(r));
    remove(*provider, r);
    EXPECT_EQ(look(*fresh(), r).state, State::kAbsent);
    EXPECT_EQ(subject_->leftovers(r.owner), before);
  });
}

TEST_P(ProviderConformance, RemoveOfAbsentIsDone) {
  each([&](const ProviderResource& r) {
    const auto step = remove_step(*fresh(), r, Observation{});
    ASSERT_TRUE(step) << step.error().message;
    EXPECT_TRUE(step->done);
  });
}

TEST_P(ProviderConformance, RemoveOfHalfMade) {
  each([&](const ProviderResource& r) {
    const auto before = subject_->leftovers(r.owner);
    {
      auto crashed = fresh();
      (void)apply_step(*crashed, r, look(*crashed, r));
    }
    remove(*fresh(), r);
    EXPECT_EQ(subject_->leftovers(r.owner), before);
  });
}

TEST_P(ProviderConformance, RemoveNeedsNoValidTemplate) {
  each([&](const ProviderResource& r) {
    const auto before = subject_->leftovers(r.owner);
    make(*fresh(), r);
    const auto invalid = subject_->invalid(r);
    if (!invalid) return;
    remove(*fresh(), *invalid);
    EXPECT_EQ(subject_->leftovers(r.owner), before);
  });
}

TEST_P(ProviderConformance, OthersStayUntouched) {
  each([&](const ProviderResource& r) {
    auto provider = fresh();
    make(*provider, r);
    const auto identity = subject_->identity(r);
    const auto made = subject_->leftovers(r.owner);
    ProviderResource other = r;
    other.owner = r.owner + "-other";
    // Made if the place has room for both, refused if not; the first one's stays as it is either way.
    (void)apply_step(*provider, other, look(*provider, other));
    remove(*provider, other);
    EXPECT_EQ(look(*provider, r).state, State::kReady);
    EXPECT_EQ(subject_->identity(r), identity);
    EXPECT_EQ(subject_->leftovers(r.owner), made);
  });
}

TEST_P(ProviderConformance, AWrongTemplateIsRefused) {
  each([&](const ProviderResource& r) {
    const auto invalid = subject_->invalid(r);
    if (!invalid) return;
    const auto step = apply_step(*fresh(), *invalid, Observation{});
    ASSERT_FALSE(step) << "was taken";
    EXPECT_EQ(step.error().code, Code::kInvalid) << step.error().message;
    EXPECT_FALSE(step.error().message.empty());
  });
}

TEST_P(ProviderConformance, StepsAreShort) {
  each([&](const ProviderResource& r) {
    auto provider = fresh();
    make(*provider, r);  // each step is measured
    make(*provider, subject_->changed(r));
    remove(*provider, r);
  });
}

TEST_P(ProviderConformance, ResourcesInParallel) {
  auto provider = fresh();
  const auto samples = subject_->samples();
  for (const auto& r : samples) subject_->prepare(*provider, r);
  std::vector<std::thread> threads;
  for (const auto& r : samples)
    threads.emplace_back([&, r] {
      for (int i = 0; i < 3; ++i) {
        const auto seen = provider->observe(r);
        if (seen) (void)provider->apply(r, *seen);
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto& r : samples) EXPECT_EQ(make(*provider, r).state, State::kReady);
  for (auto r = samples.rbegin(); r != samples.rend(); ++r) ASSERT_NO_FATAL_FAILURE(remove(*provider, *r));
}

TEST_P(ProviderConformance, WatchTellsOfAChange) {
  each([&](const ProviderResource& r) {
    auto provider = fresh();
    std::mutex mutex;
    std::set<std::string> told;
    const auto handle = provider->watch([&](std::string name) {
      std::lock_guard lock(mutex);
      told.insert(std::move(name));
    });
    if (!handle) return;
    make(*provider, r);
    subject_->pass(Millis(200));
    {
      std::lock_guard lock(mutex);
      told.clear();
    }
    if (!subject_->drift(r)) return;
    bool heard = false;
    for (Millis spent{0}; !heard && spent < Millis(5'000); spent += kPause) {
      subject_->pass(kPause);
      std::lock_guard lock(mutex);
      heard = told.contains(r.name);
    }
    EXPECT_TRUE(heard) << "nobody was told that " << r.name << " changed";
  });
}

TEST_P(ProviderConformance, WatchEndsWithItsHandle) {
  each([&](const ProviderResource& r) {
    auto provider = fresh();
    std::atomic<bool> ended{false}, called_after{false};
    auto handle = provider->watch([&](std::string) {
      if (ended) called_after = true;
    });
    make(*provider, r);
    handle.reset();
    ended = true;
    (void)subject_->drift(r);
    subject_->pass(Millis(300));
    EXPECT_FALSE(called_after);
    provider.reset();
    make(*fresh(), r);
  });
}

}  // namespace qleet::test
