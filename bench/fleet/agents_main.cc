// Simulated agents: a process that holds many of them. bench_fleet starts it.
//
//   bench_agents IDENTITIES FROM TO JOURNALS COUNTS HEARTBEAT_MS
//
// IDENTITIES: a line for each agent, its identity as JSON, a tab, the seed of its key. Those numbered FROM up
// to TO (without it) are held here, with journals below JOURNALS. COUNTS is the file that the driver reads.
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "bench/fleet/sim_agent.h"
#include "common/crypto/private_file.h"
#include "common/log/log.h"
#include "common/random/random.h"

namespace {

using namespace qleet;  // NOLINT(google-build-using-namespace)

// Connects as many as the driver asks for, a few at a time: a crowd that arrives, not a single burst.
class Crowd {
 public:
  Crowd(bench::SimShared& shared, std::vector<std::unique_ptr<bench::SimAgent>> agents)
      : shared_(shared), agents_(std::move(agents)) {
    look();
  }

 private:
  void look() {
    constexpr size_t kAtOnce = 64;
    const size_t wanted = std::min<size_t>(shared_.counts.connect, agents_.size());
    // Only so many handshakes are under way at a time.
    const size_t open = next_ - static_cast<size_t>(shared_.counts.connected);
    for (size_t i = 0; open + i < 2 * kAtOnce && i < kAtOnce && next_ < wanted; ++i)
      agents_[next_++]->connect();
    shared_.loop.at(shared_.clock.mono() + Millis(next_ < wanted ? 1 : 20), [this] { look(); });
  }

  bench::SimShared& shared_;
  std::vector<std::unique_ptr<bench::SimAgent>> agents_;
  size_t next_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    fmt::print(stderr, "usage: bench_agents IDENTITIES FROM TO JOURNALS COUNTS HEARTBEAT_MS\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  log::set_level(log::Level::kError);
  // LMDB takes 2 MB of zeroed memory for each journal and hardly touches it. From the kernel that costs
  // nothing; from the heap, which is where malloc would take it once such a piece was freed, it is written
  // to.
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  const size_t from = std::strtoull(argv[2], nullptr, 10);
  const size_t to = std::strtoull(argv[3], nullptr, 10);

  const SystemClock clock;
  crypto::SystemRandom secrets;
  qleet::SystemRandom jitter;
  auto sealer = crypto::Sealer::open_or_create(std::string(argv[4]) + "/sealing.key", secrets);
  if (!sealer) {
    fmt::print(stderr, "{}\n", sealer.error().message);
    return 1;
  }
  IoLoop loop(clock);
  bench::SimShared shared{.loop = loop,
                          .clock = clock,
                          .secrets = secrets,
                          .jitter = jitter,
                          .sealer = *sealer,
                          .trust = nullptr,
                          .counts = *bench::map_counts(argv[5], false),
                          .journals = argv[4],
                          .heartbeat = Millis(std::strtoll(argv[6], nullptr, 10))};
  std::vector<std::unique_ptr<bench::SimAgent>> agents;
  std::ifstream in(argv[1]);
  size_t number = 0;
  for (std::string line; std::getline(in, line); ++number) {
    if (number < from || number >= to) continue;
    const auto tab = line.find('\t');
    agent::v1::Identity identity;
    if (tab == std::string::npos ||
        !google::protobuf::util::JsonStringToMessage(line.substr(0, tab), &identity).ok()) {
      fmt::print(stderr, "{}: line {} is no identity\n", argv[1], number + 1);
      return 1;
    }
    if (!shared.trust) {
      const auto key = crypto::read_private_file(std::string(argv[1]) + ".key");
      auto trust = TlsTrust::make(identity.nats_ca(),
                                  {identity.nats_client_certificate(), key ? *key : std::string()});
      if (!trust) {
        fmt::print(stderr, "{}\n", trust.error().message);
        return 1;
      }
      shared.trust = *std::move(trust);
    }
    agents.push_back(std::make_unique<bench::SimAgent>(shared, std::move(identity), line.substr(tab + 1)));
    ++shared.counts.opened;
  }
  const Crowd crowd(shared, std::move(agents));
  loop.run();
  return 0;
}
