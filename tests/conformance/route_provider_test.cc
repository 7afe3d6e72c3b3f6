// The route provider on a real haproxy, held to the contract.
#include <signal.h>

#include <thread>

#include "common/engine/ownership.h"
#include "google/protobuf/util/json_util.h"
#include "providers/route/provider.h"
#include "tests/conformance/provider_conformance.h"
#include "tests/support/engine_host.h"
#include "tests/support/free_port.h"

namespace qleet::test {
namespace {

constexpr const char* kOwner = "agent-1";

ProviderResource resource(const std::string& type, const std::string& json) {
  ProviderResource out;
  out.owner = kOwner;
  out.type = type;
  out.id = "one";
  out.name = "local-1.dev.shop." + type + ".one";
  out.hash = "first-" + type;
  (void)google::protobuf::util::JsonStringToMessage(json, &out.template_);
  return out;
}

class RouteSubject final : public ConformanceSubject {
 public:
  RouteSubject() {
    bool skip = false;
    std::string why;
    engine_ = start_engine_host(why, skip);
    if (skip) cannot_run_ = why;
    if (!engine_ && !skip) ADD_FAILURE() << why;
    if (!engine_) return;
    const auto imported = engine_->import_program("localhost/haproxy:1", "/usr/sbin/haproxy");
    if (!imported) ADD_FAILURE() << imported.error().message;
  }

  std::string cannot_run() const override { return cannot_run_; }

  std::shared_ptr<Provider> make_provider() override {
    return route::make_provider({.socket = engine_->socket(), .state = engine_->state()}, board_);
  }

  std::vector<ProviderResource> samples() override {
    const std::string router = containers::base_name(kOwner, router_.name);
    return {router_,
            resource("route", R"({"host":"shop.example","workload":"w","router":")" + router + R"("})")};
  }

  ProviderResource changed(const ProviderResource& sample) override {
    ProviderResource next = sample;
    next.hash += "-next";
    auto& fields = *next.template_.mutable_fields();
    if (sample.type == "route") fields["path"].set_string_value("/api");
    return next;
  }

  std::optional<ProviderResource> invalid(const ProviderResource& sample) override {
    ProviderResource wrong = sample;
    wrong.hash += "-wrong";
    (*wrong.template_.mutable_fields())["nonsense"].set_string_value("x");
    return wrong;
  }

  void prepare(Provider& provider, const ProviderResource& sample) override {
    if (sample.type != "route") return;
    for (int i = 0; i < 200; ++i) {
      const auto seen = provider.observe(router_);
      if (seen && seen->state == Observation::State::kReady) return;
      if (seen) (void)provider.apply(router_, *seen);
      std::this_thread::sleep_for(Millis(50));
    }
    ADD_FAILURE() << "the router does not become ready";
  }

  bool drift(const ProviderResource& sample) override {
    if (sample.type != "router") return false;
    return engine_->client().remove(containers::base_name(kOwner, sample.name)).has_value();
  }

  std::string identity(const ProviderResource&) override {
    const auto details = engine_->client().inspect(containers::base_name(kOwner, router_.name));
    return details ? details->id + details->started_at : "";
  }

  std::optional<std::vector<std::string>> leftovers(const std::string& owner) override {
    std::vector<std::string> out;
    const auto containers = engine_->client().list({{containers::labels::kOwner, owner}});
    for (const auto& one : containers.value_or(std::vector<containers::Container>{})) {
      out.push_back("container " + one.name);
    }
    std::error_code error;
    const auto folder = engine_->state() / "routers" / containers::base_name(owner, router_.name) / "routes";
    for (const auto& file : std::filesystem::directory_iterator(folder, error))
      out.push_back(file.path().string());
    std::ranges::sort(out);
    return out;
  }

  void pass(Millis time) override { std::this_thread::sleep_for(time); }

 private:
  EndpointBoard board_;
  std::string cannot_run_;
  std::unique_ptr<EngineHost> engine_;
  ProviderResource router_ =
      resource("router", R"({"image":"localhost/haproxy:1","port":)" + std::to_string(free_port()) + "}");
};

INSTANTIATE_TEST_SUITE_P(Route, ProviderConformance,
                         testing::Values(ProviderUnderTest{"route",
                                                           [] { return std::make_unique<RouteSubject>(); }}),
                         ProviderUnderTest::name_of);

}  // namespace
}  // namespace qleet::test
