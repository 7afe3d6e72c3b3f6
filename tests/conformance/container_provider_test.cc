// The container provider on a real engine, held to the contract.
#include <thread>

#include "google/protobuf/util/json_util.h"
#include "providers/container/names.h"
#include "providers/container/provider.h"
#include "tests/conformance/provider_conformance.h"
#include "tests/support/engine_host.h"

namespace qleet::test {
namespace {

ProviderResource resource(const std::string& type, const std::string& json) {
  ProviderResource out;
  out.owner = "agent-1";
  out.type = type;
  out.id = "one";
  out.application = "shop";
  out.environment = "dev";
  out.name = "local-1.dev.shop." + type + ".one";
  out.hash = "first-" + type;
  (void)google::protobuf::util::JsonStringToMessage(json, &out.template_);
  return out;
}

class ContainerSubject final : public ConformanceSubject {
 public:
  ContainerSubject() {
    bool skip = false;
    std::string why;
    engine_ = start_engine_host(why, skip);
    if (skip)
      cannot_run_ = why;
    else if (!engine_)
      ADD_FAILURE() << why;
  }

  std::string cannot_run() const override { return cannot_run_; }

  std::shared_ptr<Provider> make_provider() override {
    return container::make_provider({.socket = engine_->socket(), .state = engine_->state()}, board_, clock_);
  }

  std::vector<ProviderResource> samples() override {
    const std::string image = R"("image":")" + engine_->image() + R"(")";
    return {resource("volume", R"({"size":"1Gi"})"),
            resource("web", R"({"kind":"container",)" + image +
                                R"(,"ports":[8080],"secrets":{"a":"b"},"stopGrace":"1s"})"),
            resource("workload", R"({"replicas":2,"stopGrace":"1s","score":{"containers":{"web":{)" + image +
                                     R"(}},"service":{"ports":{"http":{"port":8080}}}}})")};
  }

  ProviderResource changed(const ProviderResource& sample) override {
    ProviderResource next = sample;
    next.hash += "-next";
    auto& fields = *next.template_.mutable_fields();
    if (sample.type == "volume") fields["size"].set_string_value("2Gi");
    if (sample.type == "web")
      (*fields["env"].mutable_struct_value()->mutable_fields())["VERSION"].set_string_value("2");
    if (sample.type == "workload") fields["replicas"].set_number_value(1);
    return next;
  }

  std::optional<ProviderResource> invalid(const ProviderResource& sample) override {
    ProviderResource wrong = sample;
    wrong.hash += "-wrong";
    (*wrong.template_.mutable_fields())["nonsense"].set_string_value("x");
    return wrong;
  }

  void prepare(Provider& provider, const ProviderResource&) override {
    const auto host = resource("container-host", "{}");
    const auto seen = provider.observe(host);
    if (seen && seen->state != Observation::State::kReady) (void)provider.apply(host, *seen);
  }

  bool drift(const ProviderResource& sample) override {
    if (sample.type == "volume")
      return engine_->client().remove_volume(container::base_name(sample)).has_value();
    const auto containers = engine_->client().list(container::selector(sample));
    return containers && !containers->empty() && engine_->client().remove(containers->front().id).has_value();
  }

  std::string identity(const ProviderResource& sample) override {
    std::string out;
    const auto containers = engine_->client().list(container::selector(sample));
    for (const auto& one : containers.value_or(std::vector<containers::Container>{})) {
      const auto details = engine_->client().inspect(one.id);
      if (details) out += details->id + details->started_at;
    }
    return out;
  }

  std::optional<std::vector<std::string>> leftovers(const std::string& owner) override {
    std::vector<std::string> out;
    const containers::Labels ours{{container::labels::kOwner, owner}};
    for (const auto& one : engine_->client().list(ours).value_or(std::vector<containers::Container>{})) {
      out.push_back("container " + one.name);
    }
    for (const auto& one : engine_->client().list_volumes(ours).value_or(std::vector<containers::Volume>{})) {
      out.push_back("volume " + one.name);
    }
    for (const auto& one :
         engine_->client().list_networks(ours).value_or(std::vector<containers::Network>{})) {
      out.push_back("network " + one.name);
    }
    std::error_code error;
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(engine_->state() / "mounts", error)) {
      out.push_back(file.path().string());
    }
    std::ranges::sort(out);
    return out;
  }

  void pass(Millis time) override { std::this_thread::sleep_for(time); }

 private:
  SystemClock clock_;
  EndpointBoard board_;
  std::string cannot_run_;
  std::unique_ptr<EngineHost> engine_;
};

INSTANTIATE_TEST_SUITE_P(Container, ProviderConformance,
                         testing::Values(ProviderUnderTest{
                             "container", [] { return std::make_unique<ContainerSubject>(); }}),
                         ProviderUnderTest::name_of);

}  // namespace
}  // namespace qleet::test
