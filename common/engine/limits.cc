#include "common/engine/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>

namespace qleet::containers {

namespace {

constexpr std::uint64_t kCommonFiles = 1U << 20U;
// Podman's service lowers its own limit on processes to this, whatever the host allows.
constexpr std::uint64_t kCommonProcesses = 32'768;
constexpr std::uint64_t kLeastFiles = 1'024;
constexpr std::uint64_t kLeastProcesses = 512;

std::optional<std::uint64_t> hard_limit(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = text.substr(at + name.size());
  rest = rest.substr(0, rest.find('\n'));
  for (int column = 0; column < 2; ++column) {
    const std::size_t start = rest.find_first_not_of(' ');
    if (start == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(start);
    const std::string_view word = rest.substr(0, rest.find(' '));
    if (column == 1) {
      if (word == "unlimited") return std::numeric_limits<std::uint64_t>::max();
      std::uint64_t value = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      return error == std::errc{} ? std::optional(value) : std::nullopt;
    }
    rest.remove_prefix(word.size());
  }
  return std::nullopt;
}

}  // namespace

std::optional<Limits> parse_limits(std::string_view text) {
  const auto files = hard_limit(text, "Max open files");
  const auto processes = hard_limit(text, "Max processes");
  if (!files || !processes) return std::nullopt;
  return Limits{*files, *processes};
}

Result<Limits> limits_of(int pid) {
  const std::string path = pid == 0 ? "/proc/self/limits" : fmt::format("/proc/{}/limits", pid);
  std::ifstream in(path);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto limits = parse_limits(text);
  if (!limits) return fail(Code::kUnavailable, fmt::format("{}: cannot be read", path));
  return *limits;
}

Limits default_limits(const Limits& hard) {
  return {std::min(hard.nofile, kCommonFiles), std::min(hard.nproc, kCommonProcesses)};
}

std::optional<Limits> step_down(const Limits& refused) {
  if (refused.nofile <= kLeastFiles && refused.nproc <= kLeastProcesses) return std::nullopt;
  return Limits{std::max(refused.nofile / 2, kLeastFiles), std::max(refused.nproc / 2, kLeastProcesses)};
}

}  // namespace qleet::containers
