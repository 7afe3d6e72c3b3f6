// Records what hub and agent of today say to each other and write down: a real hub (store, controllers,
// dispatch, fleet) and a real agent (session, engine, journal) over a bus in memory, with the provider noop.
// Run by tests/corpus/record; the result is kept for as long as any version is supported that may have
// written it. usage: corpus_recorder FOLDER
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "agent/assembly/agent.h"
#include "agent/journal/lmdb_journal.h"
#include "common/bus/memory_bus.h"
#include "common/log/log.h"
#include "hub/controllers/resources.h"
#include "hub/dispatch/log_streams.h"
#include "hub/store/lmdb_store.h"
#include "tests/corpus/dump.h"
#include "tests/support/link_world.h"
#include "tests/unit/agent/engine_fixture.h"
#include "tests/unit/controllers/world.h"

namespace qleet {
namespace {

namespace fs = std::filesystem;
using hub::tests::World;

const char* const kEnvironment = R"(
apiVersion: qleet.io/v1
kind: Environment
metadata: {name: dev}
spec: {regions: {selector: "tier=dev"}}
)";

std::string application(const std::string& variable) {
  return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: shop, labels: {{team: web}}}}
spec:
  environments: [dev]
  workloads:
    web:
      score:
        containers:
          web: {{image: "reg.example/shop/web:1", variables: {{DB: "${{resources.db.password}}", V: "{}"}}}}
        resources: {{db: {{type: postgres}}, cache: {{type: redis}}}}
)",
                     variable);
}

// One file per message that has other fields than those before it.
class Messages {
 public:
  explicit Messages(fs::path folder) : folder_(std::move(folder)) { fs::create_directories(folder_); }
  void take(const Message& message) {
    const std::string kind = corpus::kind_of(message.subject);
    if (kind.empty()) return;
    const auto parsed = corpus::new_message(kind);
    if (!parsed->ParseFromString(message.data)) throw std::runtime_error("cannot read a " + kind);
    if (!seen_.insert(kind + corpus::fields_of(*parsed)).second || counts_[kind] == 8) return;
    const std::string name = fmt::format("{}-{}", kind, ++counts_[kind]);
    corpus::write_file(folder_ / (name + ".bin"), message.data);
    corpus::write_file(folder_ / (name + ".json"), corpus::json_of(*parsed));
  }
  const std::map<std::string, int>& counts() const { return counts_; }

 private:
  const fs::path folder_;
  std::set<std::string> seen_;
  std::map<std::string, int> counts_;
};

int record(const fs::path& folder) {
  log::set_level(log::Level::kWarn);
  crypto::SeededRandom secrets(1);
  SeededRandom jitter(1);
  const fs::path work = folder / "work";
  fs::create_directories(work);
  Messages messages(folder / "protocol");
  auto store = hub::LmdbStore::open(work / "store").value();
  const auto sealer = crypto::Sealer::open_or_create(work / "journal.key", secrets).value();
  auto journal = agent::LmdbJournal::open({.folder = (work / "journal").string()}, sealer).value();

  World world(*store, QLEET_SOURCE_DIR "/tests/e2e/profiles");
  world.silent.insert("eu-1");  // the real agent speaks for it
  world.apply(kEnvironment);
  world.join("eu-1", {{"tier", "dev"}});
  world.settle();

  MemoryBroker broker(world.clock);
  bool lossy = false;
  broker.set_fate([&](std::string_view, std::string_view, const Message& message) {
    messages.take(message);
    const bool lost = lossy && message.subject.starts_with("desired.");
    return MemoryBroker::Fate{.copies = lost ? 0 : 1};
  });
  testing::HubProcess hub(*store, broker, world.clock,
                          {.erase_resource = [&](hub::Txn& txn, const v1::Resource& resource) -> Result<> {
                             hub::controllers::Work work{
                                 txn, {.now = world.clock.wall(), .random = hub::system_random()}};
                             return hub::controllers::erase_resource(work, resource.metadata().name());
                           },
                           .record_event = {}});
  hub::LogStreams logs(*hub.bus, world.clock, jitter, {});
  auto bus = broker.connect("agent-eu-1");
  agent::QueueExecutor executor;
  auto agent =
      agent::Agent::open({.name = "agent-eu-1",
                          .owner = "agent-eu-1",
                          .enrolled_epoch = store->identity().epoch,
                          .heartbeat = Millis(1'000),
                          .provider_names = {"noop"}},
                         {.journal = *journal,
                          .bus = *bus,
                          .clock = world.clock,
                          .secrets = secrets,
                          .jitter = jitter,
                          .executor = executor,
                          .providers = {{"noop", std::make_shared<noop::NoopProvider>(
                                                     world.clock, std::make_shared<noop::World>())}}})
          .value();
  bool damaged = false;
  const auto run = [&](Millis time) {
    for (Millis passed{0}; passed < time; passed += Millis(20)) {
      if (!damaged) world.settle();
      hub.dispatch.step();
      hub.fleet.step();
      logs.step();
      agent->step();
      executor.run_all();
      broker.pump();
      world.clock.advance(Millis(20));
    }
  };

  run(Millis(2'000));
  world.apply(application("one"));
  run(Millis(6'000));
  const auto stream = logs.open(
      {.agent = "agent-eu-1", .resource = "eu-1.dev.shop.workload.web", .container = {}},
      {.data = [](std::string_view, std::string_view) { return true; }, .end = [](const std::string&) {}});
  run(Millis(500));
  // A delta that is lost heals by a poke.
  lossy = true;
  world.apply(application("two"));
  run(Millis(200));
  lossy = false;
  run(Millis(8'000));
  const std::string refused = world.erase("Application", "shop");
  if (!refused.empty()) throw std::runtime_error(refused);
  run(Millis(300));
  // In the middle of the deletion: tombstones, reports that are not confirmed, secrets.
  hub::LmdbStore& lmdb = *store;
  if (const auto saved = lmdb.backup(folder / "store"); !saved)
    throw std::runtime_error(saved.error().message);
  corpus::write_file(folder / "store/expected.txt", corpus::dump(*store));
  corpus::write_file(folder / "journal/expected.txt", corpus::dump(journal->load().value()));
  corpus::copy_lmdb(work / "journal", folder / "journal");
  fs::copy_file(work / "journal.key", folder / "journal/journal.key", fs::copy_options::overwrite_existing);
  run(Millis(20'000));
  // What the hub lost is unclaimed.
  world.apply(application("three"));
  run(Millis(6'000));
  damaged = true;
  const auto lost = store->transact([&](hub::Txn& txn) -> Result<> {
    std::string name;
    for (const auto& resource : TRY(hub::objects::list<v1::Resource>(txn)))
      if (resource.spec().type() == "redis") name = resource.metadata().name();
    if (name.empty()) return fail(Code::kNotFound, "there is no redis to lose");
    for (const auto& entry : TRY(txn.scan({.prefix = "x/"})))
      if (entry.key.find(name) != std::string::npos) txn.erase(entry.key);
    TRY(hub::objects::erase(txn, *model::find_kind("Resource"), name));
    return {};
  });
  if (!lost) throw std::runtime_error(lost.error().message);
  run(Millis(8'000));
  // An agent that the hub does not know is refused.
  const auto stranger = broker.connect("stranger");
  wire::v1::SyncRequest request;
  request.set_protocol(1);
  request.set_boot_id("1-0");
  const auto answer = stranger->request("sync.stranger", request.SerializeAsString(), [](const Message&) {});
  run(Millis(200));

  for (const char* kind : corpus::kKinds) {
    const auto found = messages.counts().find(kind);
    const int count = found == messages.counts().end() ? 0 : found->second;
    std::cout << kind << " " << count << "\n";
    if (count == 0) return 1;
  }
  agent.reset();
  journal.reset();
  fs::remove_all(work);
  return 0;
}

}  // namespace
}  // namespace qleet

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: corpus_recorder FOLDER\n";
    return 2;
  }
  return qleet::record(argv[1]);
}
