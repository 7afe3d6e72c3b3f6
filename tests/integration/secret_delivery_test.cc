// Values of Secrets from the hub's store to what runs, over a real nats-server: sealed to one agent on the
// way, and read by nobody else who listens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "agent/assembly/agent.h"
#include "agent/journal/memory_journal.h"
#include "common/bus/light_nats_bus.h"
#include "common/crypto/encoding.h"
#include "common/loop/io_loop.h"
#include "common/model/model.h"
#include "common/sync/values.h"
#include "hub/assembly/adapters.h"
#include "hub/controllers/manager.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/secret_uses.h"
#include "hub/dispatch/dispatch.h"
#include "hub/fleet/fleet.h"
#include "hub/frontend/frontend.h"
#include "hub/secrets/sealing_store.h"
#include "hub/store/memory_store.h"
#include "hub/store/objects.h"
#include "hub/store/random.h"
#include "providers/noop/noop_provider.h"
#include "tests/support/nats_process.h"
#include "tests/support/temp_dir.h"

namespace qleet::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Millis kBeat{500};

std::unique_ptr<LightNatsBus> connect(const NatsProcess& server, IoLoop& io, const std::string& name) {
  NatsOptions options = small_nats_options();
  options.urls = {server.url()};
  options.name = name;
  auto bus = LightNatsBus::start(options, io);
  if (!bus) throw std::runtime_error(bus.error().message);
  return *std::move(bus);
}

const std::string kObjects = R"(
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: default}
spec: {}
---
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: workload-noop}
spec:
  satisfies: {type: workload}
  provider: noop
  template: {score: "${params.score}"}
  default: true
)";

std::string application(const std::string& name) {
  return "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: " + name + R"(}
spec:
  workloads:
    web:
      score:
        containers: {main: {image: "reg.example/web:1", variables: {KEY: "key=${resources.stripe.api_key}"}}}
        resources: {stripe: {type: secret, id: stripe}}
)";
}

// The noop provider, and what it was told last of each resource.
class Told final : public Provider {
 public:
  explicit Told(const Clock& clock) : inner_(clock, std::make_shared<noop::World>()) {}
  std::string name() const override { return inner_.name(); }
  Result<Observation> observe(const ProviderResource& r) override { return inner_.observe(r); }
  Result<StepResult> apply(const ProviderResource& r, const Observation& seen) override {
    {
      const std::lock_guard lock(mutex_);
      told_[r.name] = r.template_.ShortDebugString();
    }
    return inner_.apply(r, seen);
  }
  Result<StepResult> remove(const ProviderResource& r, const Observation& seen) override {
    return inner_.remove(r, seen);
  }
  std::shared_ptr<void> watch(std::function<void(std::string)> changed) override {
    return inner_.watch(std::move(changed));
  }
  std::string of(const std::string& resource) {
    const std::lock_guard lock(mutex_);
    return told_[resource];
  }

 private:
  noop::NoopProvider inner_;
  std::mutex mutex_;
  std::map<std::string, std::string> told_;
};

// An agent with its journal and world, which outlive a restart of it.
class LiveAgent {
 public:
  LiveAgent(std::string name, const NatsProcess& server, const Clock& clock)
      : provider(std::make_shared<Told>(clock)),
        name_(std::move(name)),
        server_(server),
        clock_(clock),
        random_(std::hash<std::string>{}(name_)) {}
  ~LiveAgent() { stop(); }

  void start(const crypto::BoxKeyPair& box) {
    io_ = std::make_unique<IoThread>(clock_);
    bus_ = connect(server_, io_->loop(), name_);
    executor_ = std::make_unique<agent::ThreadExecutor>(4);
    agent::AgentOptions options{.name = name_,
                                .owner = name_,
                                .enrolled_epoch = epoch,
                                .heartbeat = kBeat,
                                .provider_names = {"noop"},
                                .box = box};
    auto opened = agent::Agent::open(std::move(options), {.journal = journal,
                                                          .bus = *bus_,
                                                          .clock = clock_,
                                                          .secrets = random_,
                                                          .jitter = jitter_,
                                                          .executor = *executor_,
                                                          .providers = {{"noop", provider}}});
    if (!opened) throw std::runtime_error(opened.error().message);
    agent_ = *std::move(opened);
    loop_ = std::make_unique<LoopThread>(*agent_, agent_->wake(), clock_);
  }
  void stop() {
    loop_.reset();
    agent_.reset();
    executor_.reset();
    bus_.reset();
    io_.reset();
  }
  crypto::BoxKeyPair fresh_keys() { return crypto::make_box_keys(random_); }

  std::shared_ptr<Told> provider;
  std::string epoch;
  crypto::SeededRandom sealing_{3};
  test::TempDir folder_;
  crypto::Sealer sealer = crypto::Sealer::open_or_create(folder_ / "key", sealing_).value();
  agent::MemoryJournal journal{sealer};

 private:
  const std::string name_;
  const NatsProcess& server_;
  const Clock& clock_;
  crypto::SeededRandom random_;
  SystemRandom jitter_;
  std::unique_ptr<IoThread> io_;
  std::unique_ptr<LightNatsBus> bus_;
  std::unique_ptr<agent::ThreadExecutor> executor_;
  std::unique_ptr<agent::Agent> agent_;
  std::unique_ptr<LoopThread> loop_;
};

class SecretDelivery : public ::testing::Test {
 protected:
  SecretDelivery() {
    listener_ = connect(server_, io_.loop(), "listener");
    listening_ = listener_
                     ->subscribe(">",
                                 [this](Message message) {
                                   const std::lock_guard lock(heard_mutex_);
                                   heard_.push_back(std::move(message.data));
                                 })
                     .value();
    hub_bus_ = connect(server_, io_.loop(), "hub");
    hub::DispatchOptions dispatch;
    dispatch.boxes = &boxes_;
    dispatch.box_key_changed = [this](const std::string& agent, const std::string& key) {
      fleet_->box_key_changed(agent, key);
    };
    dispatch.inbox_prefix = "";
    dispatch_ = std::make_unique<hub::Dispatch>(store_, *hub_bus_, clock_, dispatch);
    hub::FleetOptions fleet;
    fleet.heartbeat = kBeat;
    hub::FleetHooks hooks;
    hooks.erase_resource = [this](hub::Txn& txn, const v1::Resource& resource) -> Result<> {
      hub::controllers::Work work{txn, {.now = clock_.wall(), .random = ids_}};
      return hub::controllers::erase_resource(work, resource.metadata().name());
    };
    hooks.take_box_key = [this](hub::Txn& txn, const std::string& agent, const std::string& key) -> Result<> {
      hub::controllers::Work work{txn, {.now = clock_.wall(), .random = ids_}};
      TRY(hub::controllers::put_box_key(work, agent, key));
      return {};
    };
    fleet_ = std::make_unique<hub::Fleet>(store_, *hub_bus_, clock_, dispatch_->agents(), dispatch_->index(),
                                          hooks, fleet);
    EXPECT_TRUE(dispatch_->start());
    EXPECT_TRUE(fleet_->start());
    EXPECT_TRUE(manager_.start());
    loops_.push_back(std::make_unique<LoopThread>(*dispatch_, dispatch_->wake(), clock_));
    loops_.push_back(std::make_unique<LoopThread>(*fleet_, fleet_->wake(), clock_));
    apply(kObjects);
  }
  ~SecretDelivery() override {
    agents_.clear();
    manager_.stop();
    loops_.clear();
  }

  void apply(const std::string& yaml) {
    const auto result = hub::frontend::apply(context_, caller_, model::decode(yaml).value());
    ASSERT_TRUE(result) << result.error().message;
  }
  void set(const std::string& name, const std::string& key, const std::string& value) {
    v1::SecretPatch patch;
    (*patch.mutable_data())[key] = value;
    const auto result = hub::frontend::patch_secret(context_, caller_, name, patch);
    ASSERT_TRUE(result) << result.error().message;
  }
  // Enrolled by a version from before there were box keys.
  LiveAgent& join(const std::string& region) {
    v1::JoinTokenRequest ask;
    ask.set_region(region);
    v1::EnrolRequest request;
    request.set_token(hub::frontend::create_join_token(context_, caller_, ask).value().token());
    request.set_agent(region);
    request.set_public_key("U" + region);
    EXPECT_TRUE(hub::frontend::redeem_join_token(context_, request));
    auto& made = agents_[region];
    made = std::make_unique<LiveAgent>(region, server_, clock_);
    made->epoch = store_.identity().epoch;
    return *made;
  }
  bool comes_to_run(LiveAgent& agent, const std::string& region, const std::string& with) {
    return eventually(
        [&] { return agent.provider->of(region + ".default.shop.workload.web").contains(with); });
  }
  std::string everything_heard() {
    const std::lock_guard lock(heard_mutex_);
    std::string all;
    for (const auto& data : heard_) all += data + "\n";
    return all;
  }

  NatsProcess server_;
  SystemClock clock_;
  IoThread io_{clock_};
  std::mutex heard_mutex_;
  std::vector<std::string> heard_;
  crypto::SystemRandom random_;
  hub::Random ids_ = hub::system_random();
  test::TempDir folder_;
  crypto::Sealer sealer_ = crypto::Sealer::open_or_create(folder_ / "key", random_).value();
  hub::MemoryStore memory_;
  hub::secrets::SealingStore store_{memory_, sealer_};
  hub::AgentSecrets boxes_{store_, sealer_, random_};
  hub::frontend::Context context_{store_, clock_};
  const hub::frontend::Caller caller_{"serviceaccount:test"};
  hub::controllers::Manager manager_{store_, clock_, ids_, {.workers = 2}};
  std::unique_ptr<LightNatsBus> listener_;
  std::unique_ptr<LightNatsBus> hub_bus_;
  std::unique_ptr<hub::Dispatch> dispatch_;
  std::unique_ptr<hub::Fleet> fleet_;
  std::vector<std::unique_ptr<LoopThread>> loops_;
  std::map<std::string, std::unique_ptr<LiveAgent>> agents_;
  std::shared_ptr<void> listening_;
};

TEST_F(SecretDelivery, ReachesTheAgentItIsForAndNobodyWhoListens) {
  auto& agent = join("eu");
  const auto keys = agent.fresh_keys();
  agent.start(keys);
  set("stripe", "api_key", "correct-horse-1");
  apply(application("shop"));
  ASSERT_TRUE(comes_to_run(agent, "eu", "key=correct-horse-1"));
  set("stripe", "api_key", "correct-horse-2");
  ASSERT_TRUE(comes_to_run(agent, "eu", "key=correct-horse-2"));
  EXPECT_THAT(everything_heard(), Not(HasSubstr("correct-horse")));
  for (const auto& entry : memory_.snapshot().value()->scan({}).value())
    EXPECT_THAT(entry.value, Not(HasSubstr("correct-horse"))) << entry.key;

  // What went by: for this agent's key, and as what it was sent for, alone.
  const auto other = agent.fresh_keys();
  size_t boxes = 0;
  const std::lock_guard lock(heard_mutex_);
  for (const auto& data : heard_) {
    wire::v1::Delta delta;
    if (!delta.ParseFromString(data)) continue;
    for (const auto& resource : delta.resources()) {
      const auto& sealed = resource.secret();
      if (sealed.box().empty()) continue;
      ++boxes;
      const auto place = sync::box_place(resource.name(), sealed.version());
      EXPECT_TRUE(crypto::open_box(sealed.box(), keys.private_key, place));
      EXPECT_FALSE(crypto::open_box(sealed.box(), other.private_key, place));
      EXPECT_FALSE(crypto::open_box(sealed.box(), keys.private_key, sync::box_place(resource.name(), 99)));
    }
  }
  EXPECT_GT(boxes, 0U);
}

// Both the agent that was upgraded and the one that lost its key come with one that the hub does not know.
TEST_F(SecretDelivery, AnAgentWithAnotherKeyIsSentAllAnew) {
  auto& agent = join("eu");
  agent.start({});
  set("stripe", "api_key", "correct-horse-1");
  apply(application("shop"));
  const std::string resource = "eu.default.shop.secret.stripe";
  const auto says = [&](const std::string& reason) {
    const auto stored = hub::objects::get<v1::Resource>(*store_.snapshot().value(), resource).value();
    return stored && stored->status().ShortDebugString().contains(reason);
  };
  ASSERT_TRUE(eventually([&] { return says("WaitingForValues"); }));
  for (const auto* value : {"correct-horse-2", "correct-horse-3"}) {
    agent.stop();
    set("stripe", "api_key", value);
    agent.start(agent.fresh_keys());
    ASSERT_TRUE(comes_to_run(agent, "eu", std::string("key=") + value));
  }
  EXPECT_THAT(everything_heard(), Not(HasSubstr("correct-horse")));
}

// A value that was replaced while nobody listened comes with the sync, and the same key brings no second one.
TEST_F(SecretDelivery, EveryRegionGetsABoxOfItsOwn) {
  auto& eu = join("eu");
  auto& us = join("us");
  set("stripe", "api_key", "correct-horse-1");
  apply(application("shop"));
  eu.start(eu.fresh_keys());
  us.start(us.fresh_keys());
  ASSERT_TRUE(comes_to_run(eu, "eu", "key=correct-horse-1"));
  ASSERT_TRUE(comes_to_run(us, "us", "key=correct-horse-1"));
  EXPECT_THAT(everything_heard(), Not(HasSubstr("correct-horse")));
  for (auto* agent : {&eu, &us})
    for (const auto& [key, entry] : agent->journal.entries())
      EXPECT_THAT(entry, Not(HasSubstr("correct-horse")));
}

}  // namespace
}  // namespace qleet::testing
