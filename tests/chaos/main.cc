// The runner of storms: by seed, by range of seeds, or for so many minutes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <map>

#include "tests/chaos/storm.h"

namespace {

using namespace qleet::chaos;  // NOLINT(google-build-using-namespace)

struct Range {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
};

Range parse_range(const std::string& text) {
  const auto dots = text.find("..");
  const Range range{std::stoull(text), std::stoull(dots == std::string::npos ? text : text.substr(dots + 2))};
  if (range.last < range.first) throw CLI::ValidationError("--seeds", "is written A..B");
  return range;
}

void tell_failure(const Program& program, const Outcome& outcome, const std::string& replay) {
  std::cout << "program of seed " << program.options.seed << ":\n" << text(program) << "\nviolations:\n";
  for (const auto& violation : outcome.violations) std::cout << "  " << violation << "\n";
  std::cout << "logs, states and record.txt: " << outcome.folder.string() << "\nreplay: " << replay << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("storm: real hubs and agents, a random program, and faults; see docs/reliability.md", "storm");
  StormOptions options{.bin = QLEET_BIN, .profiles = QLEET_TOP "/tests/chaos/profiles"};
  std::string seeds = "1";
  long millis = 4'000;
  int agents = 3;
  double minutes = 0;
  bool show = false;
  bool long_silence = false;
  bool containers = false;
  bool disk = false;
  bool clocks = false;
  app.add_option("--seed,--seeds", seeds, "A, or A..B")->capture_default_str();
  app.add_option("--millis", millis, "Length of the program")->capture_default_str();
  app.add_option("--minutes", minutes, "Go on with further seeds until this long has passed");
  app.add_option("--agents", agents)->check(CLI::Range(1, 5))->capture_default_str();
  app.add_option("--bin", options.bin, "Folder of qleet-hub, qleet-agent and qleet, e.g. of another build")
      ->check(CLI::ExistingDirectory);
  app.add_option("--profiles", options.profiles, "The types that applications ask for")
      ->check(CLI::ExistingDirectory);
  app.add_option("--settle-millis", options.settle_millis, "Time to be as desired after the last fault")
      ->capture_default_str();
  app.add_flag("--containers", containers, "The last agent has a podman of its own, too (needs root)");
  app.add_flag("--disk", disk, "The hub's disk (48 MB) becomes full (needs root)");
  app.add_flag("--clocks", clocks, "The clocks of hub and agents jump (needs libfaketime)");
  app.add_flag("--long-silence", long_silence, "With an agent that is away for 7 s");
  app.add_flag("--keep", options.keep, "Keep the folder of a run that went well, too");
  app.add_flag("--show", show, "Print the program, and run nothing");
  std::signal(SIGPIPE, SIG_IGN);
  try {
    app.parse(argc, argv);
    const Range range = parse_range(seeds);
    const auto begun = std::chrono::steady_clock::now();
    const auto goes_on = [&](std::uint64_t seed) {
      return seed <= range.last || std::chrono::steady_clock::now() - begun <
                                       std::chrono::duration<double, std::ratio<60>>(minutes);
    };
    int failed = 0;
    int run = 0;
    std::map<std::string, int> faults;
    for (std::uint64_t seed = range.first; goes_on(seed); ++seed) {
      ProgramOptions wanted{.seed = seed,
                            .millis = millis,
                            .agents = {},
                            .disk = disk,
                            .clocks = clocks,
                            .containers = containers,
                            .long_silence = long_silence || seed % 10 == 5};
      for (int i = 1; i <= agents; ++i) wanted.agents.push_back(fmt::format("region-{}", i));
      const Program program = make_program(wanted);
      if (show) {
        std::cout << text(program);
        continue;
      }
      const auto outcome = run_storm(program, options);
      ++run;
      for (const auto& [kind, count] : outcome.faults) faults[kind] += count;
      std::cout << fmt::format("seed {}: {} steps, {} faults, as desired after {} ms: {}", seed,
                               program.steps.size(), program.faults.size(), outcome.settled_after,
                               outcome.violations.empty() ? "ok" : "FAILED")
                << std::endl;
      if (outcome.violations.empty()) continue;
      ++failed;
      tell_failure(program, outcome,
                   fmt::format("storm --seed {} --millis {} --agents {}{}{} --bin {}", seed, millis, agents,
                               fmt::format("{}{}{}", containers ? " --containers" : "", disk ? " --disk" : "",
                                           clocks ? " --clocks" : ""),
                               long_silence ? " --long-silence" : "", options.bin.string()));
    }
    std::cout << fmt::format("{} storms, {} failed; faults:", run, failed);
    for (const auto& [kind, count] : faults) std::cout << fmt::format(" {} {},", kind, count);
    std::cout << std::endl;
    return failed == 0 ? 0 : 1;
  } catch (const CLI::Error& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
}
