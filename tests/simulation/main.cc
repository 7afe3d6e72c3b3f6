// Plays histories: `simulation --seeds 1..1000`, `simulation --seed 7 --trace`.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <optional>
#include <string>

#include "common/log/log.h"
#include "tests/simulation/allocator.h"
#include "tests/simulation/jobs.h"
#include "tests/simulation/silence.h"

namespace {

struct Options {
  qleet::sim::JobsOptions jobs{.first = 1, .last = 1000};
  bool log = false;
};

std::optional<Options> read(int count, char** words) {
  Options options;
  const auto number = [](std::string_view text, auto& to) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    return error == std::errc() && end == text.data() + text.size();
  };
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const std::string_view value = i + 1 < count ? words[i + 1] : "";
    if (word == "--seed") {
      if (!number(value, options.jobs.first)) return std::nullopt;
      options.jobs.last = options.jobs.first;
      ++i;
    } else if (word == "--seeds") {
      const auto dots = value.find("..");
      if (dots == std::string_view::npos || !number(value.substr(0, dots), options.jobs.first) ||
          !number(value.substr(dots + 2), options.jobs.last))
        return std::nullopt;
      ++i;
    } else if (word == "--jobs") {
      if (!number(value, options.jobs.jobs) || options.jobs.jobs == 0 || options.jobs.jobs > 256)
        return std::nullopt;
      ++i;
    } else if (word == "--trace") {
      options.jobs.trace = true;
    } else if (word == "--copies") {
      options.jobs.copies = true;
    } else if (word == "--log") {
      options.log = true;
    } else if (word == "--go-on") {
      options.jobs.go_on = true;
    } else {
      return std::nullopt;
    }
  }
  if (options.jobs.last < options.jobs.first) return std::nullopt;
  return options;
}

}  // namespace

int main(int count, char** words) {
  const auto options = read(count, words);
  if (!options) {
    fmt::print(
        stderr,
        "usage: simulation [--seed N | --seeds A..B] [--jobs N] [--go-on] [--copies] [--trace] [--log]\n"
        "  --jobs    so many processes, each with a part of the seeds (default 1)\n"
        "  --go-on   play all seeds, also after one that fails\n"
        "  --copies  copies of agents run, too\n"
        "  --trace   print what happens\n"
        "  --log     print what the product logs\n");
    return 2;
  }
  qleet::sim::keep_freed_memory();
  qleet::log::set_level(options->log ? qleet::log::Level::kDebug : qleet::sim::kSilent);
  const auto began = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  const auto tally = qleet::sim::play_all(
      options->jobs,
      [](const std::string& text) {
        fmt::print("{}", text);
        std::fflush(stdout);
      },
      [&](const qleet::sim::Tally& so_far) {
        fmt::print(stderr, "{} histories, {} failed, {:.0f} s\n", so_far.played, so_far.failed, seconds());
      });
  const auto took = seconds();
  fmt::print("{} histories, {} operations, {} faults, {} failed, {:.1f} s, {:.0f} a minute, hash {:016x}\n",
             tally.played, tally.operations, tally.faults, tally.failed, took,
             static_cast<double>(tally.played) / took * 60, tally.hash);
  return tally.failed == 0 ? 0 : 1;
}
