#include "providers/noop/noop_provider.h"
#include "tests/conformance/provider_conformance.h"

namespace qleet::test {
namespace {

class NoopSubject final : public ConformanceSubject {
 public:
  std::shared_ptr<Provider> make_provider() override {
    return std::make_shared<noop::NoopProvider>(clock_, world_);
  }
  std::vector<ProviderResource> samples() override {
    ProviderResource plain = resource("plain");
    ProviderResource slow = resource("slow");
    auto& fields = *slow.template_.mutable_fields();
    fields["delayMs"].set_number_value(1'200'000);
    fields["removeDelayMs"].set_number_value(60'000);
    fields["steps"].set_number_value(3);
    return {plain, slow};
  }
  ProviderResource changed(const ProviderResource& sample) override {
    ProviderResource next = sample;
    next.hash += "-next";
    (*next.template_.mutable_fields())["outputs"].mutable_struct_value();
    return next;
  }
  std::optional<ProviderResource> invalid(const ProviderResource& sample) override {
    ProviderResource wrong = changed(sample);
    (*wrong.template_.mutable_fields())["invalid"].set_string_value("image: must not be empty");
    return wrong;
  }
  bool drift(const ProviderResource& sample) override {
    return world_->meddle(sample.owner, sample.name, [](noop::Thing& t) { t.self["name"] = "evil"; })
        .has_value();
  }
  std::string identity(const ProviderResource& sample) override {
    const auto thing = world_->find(sample.owner, sample.name);
    return thing ? std::to_string(thing->changes) : "";
  }
  std::optional<std::vector<std::string>> leftovers(const std::string& owner) override {
    std::vector<std::string> names;
    for (const auto& thing : world_->things())
      if (thing.owner == owner) names.push_back(thing.name);
    return names;
  }
  void pass(Millis time) override { clock_.advance(time); }
  Millis patience() const override { return std::chrono::hours(1); }

 private:
  static ProviderResource resource(const std::string& name) {
    ProviderResource r;
    r.name = name;
    r.owner = "eu-1";
    r.type = "thing";
    r.hash = "h-" + name;
    return r;
  }

  ManualClock clock_;
  std::shared_ptr<noop::World> world_ = std::make_shared<noop::World>();
};

INSTANTIATE_TEST_SUITE_P(Noop, ProviderConformance,
                         testing::Values(ProviderUnderTest{"noop",
                                                           [] { return std::make_unique<NoopSubject>(); }}),
                         ProviderUnderTest::name_of);

}  // namespace
}  // namespace qleet::test
