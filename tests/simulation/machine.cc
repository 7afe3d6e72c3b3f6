#include "tests/simulation/machine.h"

#include <algorithm>
#include <stdexcept>

#include "tests/support/temp_dir.h"

namespace qleet::sim {
namespace {

// One key for all journals of this program: making one costs more than a history.
const crypto::Sealer& sealer() {
  static test::TempDir folder;
  static Bytes nonces(1);
  static const crypto::Sealer sealer = [] {
    auto opened = crypto::Sealer::open_or_create(folder / "key", nonces);
    if (!opened) throw std::runtime_error(opened.error().message);
    return *std::move(opened);
  }();
  return sealer;
}

}  // namespace

Machine::Machine(MachineOptions options, const Clock& truth, MemoryBroker& broker, Cloud& cloud,
                 std::function<Millis()> duration)
    : clock(truth),
      journal(sealer()),
      options_(std::move(options)),
      broker_(broker),
      cloud_(cloud),
      executor_(truth, std::move(duration)) {}

Machine::~Machine() {
  crash([] { return false; });
}

bool Machine::start(std::uint64_t seed) {
  jitter_ = std::make_unique<Dice>(seed);
  secrets_ = std::make_unique<Bytes>(seed + 1);
  bus_ = broker_.connect(options_.agent);
  journal.dead = false;
  agent::AgentOptions options;
  options.name = options_.agent;
  options.owner = options_.agent;
  options.enrolled_epoch = options_.enrolled_epoch;
  options.heartbeat = options_.heartbeat;
  options.provider_names = {"cloud", "metal"};
  std::map<std::string, std::shared_ptr<Provider>> providers;
  for (const auto& name : options.provider_names) providers[name] = cloud_.connect(name);
  try {
    auto opened = agent::Agent::open(std::move(options), {.journal = journal,
                                                          .bus = *bus_,
                                                          .clock = clock,
                                                          .secrets = *secrets_,
                                                          .jitter = *jitter_,
                                                          .executor = executor_,
                                                          .providers = std::move(providers)});
    if (opened) agent_ = *std::move(opened);
  } catch (const AgentCrash&) {
  }
  if (!agent_) {
    crash([] { return false; });
    return false;
  }
  agent_->wake().set([this] { awake_ = true; });
  awake_ = true;
  due_ = {};
  return true;
}

void Machine::crash(const std::function<bool()>& happens) {
  journal.dead = true;
  agent_.reset();
  bus_.reset();
  // A step that ends its process in the middle ends nothing any more.
  executor_.end([&] { return happens(); });
}

bool Machine::step() {
  if (executor_.step()) return true;
  if (!awake_ && due_ > clock.mono()) return false;
  awake_ = false;
  due_ = agent_->step();
  return true;
}

MonoTime Machine::next_due() const { return std::min(due_, executor_.next_due().value_or(MonoTime::max())); }

bool Machine::idle() const {
  return agent_ && !awake_ && agent_->engine().idle() && agent_->session().idle() && !executor_.next_due();
}

}  // namespace qleet::sim
