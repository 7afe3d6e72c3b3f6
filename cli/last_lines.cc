#include "cli/last_lines.h"

#include <algorithm>
#include <chrono>

#include "cli/log_view.h"
#include "cli/query.h"

namespace qleet::cli {
namespace {

constexpr int kLines = 10;
constexpr std::size_t kWidest = 300;
// Nobody waits long for what is only an addition.
constexpr Millis kPatience{5'000};

}  // namespace

std::optional<ResourceParts> resource_parts(const std::string& name) {
  ResourceParts parts;
  std::size_t at = 0;
  for (std::string* part : {&parts.region, &parts.environment, &parts.application, &parts.type}) {
    const auto dot = name.find('.', at);
    if (dot == std::string::npos || dot == at) return std::nullopt;
    *part = name.substr(at, dot - at);
    at = dot + 1;
  }
  parts.id = name.substr(at);
  if (parts.id.empty()) return std::nullopt;
  return parts;
}

std::string last_lines(Session& session, const v1::Description& description) {
  const auto cause = std::ranges::find(description.facts(), "cause", &v1::Fact::name);
  if (cause == description.facts().end()) return {};
  const auto parts = resource_parts(cause->value());
  if (!parts) return {};
  const bool shared = parts->application == "-";
  Query query;
  if (!shared) {
    query.add("environment", parts->environment);
    query.add("region", parts->region);
    query.add("resource", parts->type + "/" + parts->id);
  }
  query.add("tail", std::to_string(kLines));
  query.add("timestamps", "true");
  const std::string path = shared ? "/v1/resources/" + http::encode(cause->value()) + "/logs"
                                  : "/v1/applications/" + http::encode(parts->application) + "/logs";
  std::string lines;
  LogView view(
      session.terminal, {.safe = true, .timestamps = true, .environments = false, .regions = false},
      [&](std::string_view shown) { lines += shown; }, [](std::string_view) {});
  const auto deadline = session.clock.mono() + kPatience;
  // Whoever may not read logs, or has none to read, sees the rest.
  if (!session.hub.stream(path + query.text, [&](std::string_view data) {
        view.feed(data);
        return session.clock.mono() < deadline;
      }))
    return {};
  if (view.lines() == 0) return {};
  std::string text = "last lines of its log:\n";
  for (std::size_t at = 0; at < lines.size();) {
    const auto end = lines.find('\n', at);
    auto line = lines.substr(at, end - at);
    if (line.size() > kWidest) {
      line.resize(kWidest);
      while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xc0) == 0x80) line.pop_back();
      if (!line.empty() && static_cast<unsigned char>(line.back()) >= 0xc0) line.pop_back();
      line += "...";
    }
    text += "  " + line + "\n";
    at = end + 1;
  }
  return text;
}

}  // namespace qleet::cli
