// Plays histories: `simulation --seeds 1..1000`, `simulation --seed 7 --trace`.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>

#include "common/log/log.h"
#include "tests/simulation/history.h"
#include "tests/simulation/silence.h"

namespace {

using qleet::sim::Outcome;
using qleet::sim::WorldOptions;

struct Options {
  std::uint64_t first = 1;
  std::uint64_t last = 1000;
  bool trace = false;
  bool log = false;
  bool go_on = false;  // after a failing seed
};

std::optional<Options> read(int count, char** words) {
  Options options;
  const auto number = [](std::string_view text, std::uint64_t& to) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    return error == std::errc() && end == text.data() + text.size();
  };
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const std::string_view value = i + 1 < count ? words[i + 1] : "";
    if (word == "--seed") {
      if (!number(value, options.first)) return std::nullopt;
      options.last = options.first;
      ++i;
    } else if (word == "--seeds") {
      const auto dots = value.find("..");
      if (dots == std::string_view::npos || !number(value.substr(0, dots), options.first) ||
          !number(value.substr(dots + 2), options.last))
        return std::nullopt;
      ++i;
    } else if (word == "--trace") {
      options.trace = true;
    } else if (word == "--log") {
      options.log = true;
    } else if (word == "--go-on") {
      options.go_on = true;
    } else {
      return std::nullopt;
    }
  }
  return options;
}

void tell(const Outcome& outcome, std::uint64_t seed) {
  fmt::print("seed {}: {} operations, {} faults, {} s simulated, trace {:016x}\n", seed, outcome.operations,
             outcome.faults, outcome.simulated.count() / 1000, outcome.trace_hash);
  for (const auto& finding : outcome.findings) fmt::print("  {}: {}\n", name_of(finding.rule), finding.what);
}

}  // namespace

int main(int count, char** words) {
  const auto options = read(count, words);
  if (!options) {
    fmt::print(stderr,
               "usage: simulation [--seed N | --seeds A..B] [--trace] [--log] [--go-on]\n"
               "  --trace   print what happens\n"
               "  --log     print what the product logs\n"
               "  --go-on   play all seeds, also after one that fails\n");
    return 2;
  }
  qleet::log::set_level(options->log ? qleet::log::Level::kDebug : qleet::sim::kSilent);
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t operations = 0;
  std::uint64_t faults = 0;
  std::uint64_t failed = 0;
  std::uint64_t hash = 0;
  std::uint64_t seed = options->first;
  for (; seed <= options->last; ++seed) {
    const auto outcome = qleet::sim::play({.seed = seed, .print = options->trace});
    operations += outcome.operations;
    faults += outcome.faults;
    hash = hash * 31 + outcome.trace_hash;
    if (options->first == options->last || !outcome.findings.empty()) tell(outcome, seed);
    if (outcome.findings.empty()) continue;
    ++failed;
    fmt::print("  again: {} --seed {} --trace\n", words[0], seed);
    if (!options->go_on) break;
  }
  const auto played = std::min(seed, options->last) - options->first + 1;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print("{} histories, {} operations, {} faults, {} failed, {:.1f} s, {:.0f} a minute, hash {:016x}\n",
             played, operations, faults, failed, took.count(),
             static_cast<double>(played) / took.count() * 60, hash);
  return failed == 0 ? 0 : 1;
}
