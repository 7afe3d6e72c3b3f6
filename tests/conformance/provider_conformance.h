// Holds a provider to providers/api/CONTRACT.md. A test file gives a subject and instantiates:
//
//   INSTANTIATE_TEST_SUITE_P(Noop, ProviderConformance,
//                            testing::Values(ProviderUnderTest{"noop", [] { return std::make_unique<...>();
//                            }}), ProviderUnderTest::name_of);
//
// and is compiled together with provider_conformance.cc.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "providers/api/provider.h"

namespace qleet::test {

// One place in which a provider makes things. Made anew for each test; its destructor leaves nothing behind.
class ConformanceSubject {
 public:
  virtual ~ConformanceSubject() = default;
  // Why the test is to be skipped: this machine cannot run such a place at all. Empty: it can.
  virtual std::string cannot_run() const { return {}; }
  // A provider object that knows nothing of those before it, over the same place.
  virtual std::shared_ptr<Provider> make_provider() = 0;
  // What to make; each kind of resource once. All fields are filled in, also the hash. Names must be fresh.
  virtual std::vector<ProviderResource> samples() = 0;
  // The same resource, wanted differently: another hash.
  virtual ProviderResource changed(const ProviderResource& sample) = 0;
  // The same resource with a template that can never work; nullopt: there is none.
  virtual std::optional<ProviderResource> invalid(const ProviderResource&) { return std::nullopt; }
  // Makes what a sample stands on, without which it cannot be tested (a network, an image).
  virtual void prepare(Provider&, const ProviderResource&) {}
  // Changes or destroys what exists, behind the provider's back. False: cannot be done here.
  virtual bool drift(const ProviderResource& sample) = 0;
  // Changes when the thing was made anew or restarted (an id and a start time); empty: cannot be told.
  virtual std::string identity(const ProviderResource&) { return {}; }
  // Everything that exists of this owner, down to files; nullopt: cannot be told.
  virtual std::optional<std::vector<std::string>> leftovers(const std::string&) { return std::nullopt; }
  // Lets time pass: really, or on the clock that the provider has.
  virtual void pass(Millis time) = 0;
  // How long anything may take in all, by the same time.
  virtual Millis patience() const { return Millis(60'000); }
  // The longest that one step may take, in real time.
  virtual Millis longest_step() const { return Millis(10'000); }
};

struct ProviderUnderTest {
  std::string name;
  std::function<std::unique_ptr<ConformanceSubject>()> make;

  static std::string name_of(const testing::TestParamInfo<ProviderUnderTest>& info) {
    return info.param.name;
  }
};

class ProviderConformance : public testing::TestWithParam<ProviderUnderTest> {
 protected:
  void SetUp() override {
    subject_ = GetParam().make();
    if (const auto why = subject_->cannot_run(); !why.empty()) GTEST_SKIP() << why;
  }

  // Runs `check` over each sample, prepared, and removes it afterwards.
  void each(const std::function<void(const ProviderResource&)>& check);
  std::shared_ptr<Provider> fresh() { return subject_->make_provider(); }

  // As the engine does: steps and looks until it is as asked for. A failure ends the test.
  Observation make(Provider& provider, const ProviderResource& resource);
  void remove(Provider& provider, const ProviderResource& resource);
  Observation look(Provider& provider, const ProviderResource& resource);
  // Measured against longest_step.
  Result<StepResult> apply_step(Provider& provider, const ProviderResource& resource,
                                const Observation& seen);
  Result<StepResult> remove_step(Provider& provider, const ProviderResource& resource,
                                 const Observation& seen);

  std::unique_ptr<ConformanceSubject> subject_;
};

}  // namespace qleet::test
