#include "hub/broker/server_log.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <istream>
#include <optional>
#include <string_view>
#include <vector>

namespace qleet::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeptLogs = 2;

// The oldest first.
std::vector<fs::path> old_logs(const fs::path& log) {
  std::vector<fs::path> parts;  // named by date
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(log.parent_path(), error)) {
    if (entry.path().filename().string().starts_with(log.filename().string() + ".")) {
      parts.push_back(entry.path());
    }
  }
  std::ranges::sort(parts);
  return parts;
}

// Of "[592] 2026/11/23 21:31:01.723540 [ERR] ...".
std::optional<double> seconds_of(std::string_view line) {
  const auto at = line.find("] ");
  if (at == std::string_view::npos || line.size() < at + 28) return std::nullopt;
  const std::string text(line.substr(at + 2, 26));
  std::tm time{};
  int micros = 0;
  if (std::sscanf(text.c_str(), "%4d/%2d/%2d %2d:%2d:%2d.%6d", &time.tm_year, &time.tm_mon, &time.tm_mday,
                  &time.tm_hour, &time.tm_min, &time.tm_sec, &micros) != 7)
    return std::nullopt;
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return static_cast<double>(timegm(&time)) + micros / 1e6;
}

// Empty: the line tells of no refusal.
std::string_view refused_key(std::string_view line) {
  constexpr std::string_view kMark = " Violation - JWT User \"";
  const auto at = line.find(kMark);
  if (at == std::string_view::npos) return {};
  const auto key = line.substr(at + kMark.size());
  return key.substr(0, key.find('"'));
}

}  // namespace

fs::path newest_full_log(const fs::path& log) {
  const auto parts = old_logs(log);
  return parts.empty() ? fs::path() : parts.back();
}

void remove_old_logs(const fs::path& log) {
  const auto parts = old_logs(log);
  std::error_code error;
  for (std::size_t i = 0; i + kKeptLogs < parts.size(); ++i) fs::remove(parts[i], error);
}

std::string last_words(std::istream& log) {
  constexpr std::string_view kNone = "it left no reason";
  std::string last(kNone);
  for (std::string line; std::getline(log, line);) {
    // What was before is about another life.
    if (line.find("[INF] Starting nats-server") != std::string::npos) last = kNone;
    if (line.find("[FTL]") != std::string::npos || line.starts_with("nats-server:") ||
        line.starts_with("panic: ") || line.starts_with("fatal error: "))
      last = line;
  }
  return last;
}

std::map<std::string, std::uint64_t> refusals_per_second(std::istream& log) {
  std::map<std::string, std::uint64_t, std::less<>> counts;
  std::optional<double> first;
  std::string last;
  for (std::string line; std::getline(log, line);) {
    if (!line.starts_with('[')) continue;
    if (!first) first = seconds_of(line);
    last.swap(line);
    const auto key = refused_key(last);
    if (key.empty()) continue;
    const auto known = counts.find(key);
    if (known == counts.end()) {
      counts.emplace(key, 1);
    } else {
      ++known->second;
    }
  }
  const auto end = seconds_of(last);
  if (!first || !end) return {};
  const double seconds = std::max(1.0, *end - *first);
  std::map<std::string, std::uint64_t> out;
  for (const auto& [key, count] : counts)
    out[key] = static_cast<std::uint64_t>(static_cast<double>(count) / seconds);
  return out;
}

}  // namespace qleet::hub
