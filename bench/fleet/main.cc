// The hub with a fleet: real hub, real nats-server, agents that are real but for what they make true.
//
//   bench_fleet BINARIES PROFILES FOLDER JOURNALS [SCENARIO[:AGENTS[:APPLICATIONS]] ...]
//
// Without a scenario: all of them, one after the other. bench/run calls it.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <exception>

#include "bench/fleet/scenarios.h"
#include "common/log/log.h"

namespace qleet::bench {

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"fleet-1000", "3 minutes", fleet_1000},
      {"first-sync", "2 minutes", first_sync},
      {"fleet-10000", "4 minutes", fleet_10000},
      {"fleet-19000", "3 minutes", fleet_19000},
  };
  return all;
}

}  // namespace qleet::bench

int main(int argc, char** argv) {
  using namespace qleet::bench;  // NOLINT(google-build-using-namespace)
  if (argc < 5) {
    fmt::print(
        stderr,
        "usage: bench_fleet BINARIES PROFILES FOLDER JOURNALS [SCENARIO[:AGENTS[:APPLICATIONS]]...]\n");
    for (const auto& scenario : scenarios()) fmt::print(stderr, "  {} ({})\n", scenario.name, scenario.takes);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  qleet::log::set_level(qleet::log::Level::kError);
  struct Wanted {
    const Scenario* scenario;
    size_t agents = 0, applications = 0;
  };
  std::vector<Wanted> wanted;
  for (int i = 5; i < argc; ++i) {
    std::string_view words = argv[i];
    const auto next = [&] {
      const auto word = words.substr(0, words.find(':'));
      words.remove_prefix(std::min(words.size(), word.size() + 1));
      return word;
    };
    const auto number = [&] {
      const auto word = next();
      size_t out = 0;
      std::from_chars(word.data(), word.data() + word.size(), out);
      return out;
    };
    const auto name = next();
    const auto found = std::ranges::find(scenarios(), name, &Scenario::name);
    if (found == scenarios().end()) {
      fmt::print(stderr, "bench_fleet: there is no scenario {}\n", name);
      return 2;
    }
    wanted.push_back({&*found, number(), number()});
  }
  if (wanted.empty())
    for (const auto& scenario : scenarios()) wanted.push_back({&scenario});
  int failed = 0;
  for (const auto& each : wanted) {
    try {
      each.scenario->run({.binaries = argv[1],
                          .profiles = argv[2],
                          .folder = std::filesystem::path(argv[3]) / each.scenario->name,
                          .journals = std::filesystem::path(argv[4]) / each.scenario->name,
                          .agents = each.agents,
                          .applications = each.applications});
    } catch (const std::exception& e) {
      fmt::print("{}: ended: {}\n", each.scenario->name, e.what());
      failed = 1;
    }
  }
  return failed;
}
