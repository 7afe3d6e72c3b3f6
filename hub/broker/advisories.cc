#include "hub/broker/advisories.h"

#include <array>
#include <charconv>
#include <compare>
#include <optional>

namespace qleet::hub {
namespace {

struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const Version&) const = default;
};

// From `since` on, and before `fixed`.
struct Affected {
  Version since;
  Version fixed;
};

struct Entry {
  Advisory advisory;
  std::array<Affected, 2> affected;
};

// The one place for them. Left out is what needs JetStream, leaf nodes, routes, websockets, MQTT or users in
// the configuration: a hub's server has none of these.
constexpr std::array kEntries = {
    Entry{{.id = "2026-23",
           .source = "https://advisories.nats.io/CVE/secnote-2026-23.txt",
           .what =
               "whoever may begin a session can end the server with a token whose issuer is a truncated key",
           .upgrade = "2.12.10, 2.14.2 or newer"},
          {{{{0, 0, 0}, {2, 12, 10}}, {{2, 13, 0}, {2, 14, 2}}}}},
};

// The numbers; what follows them ("-RC.1") is left out.
std::optional<Version> parse(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  std::array<int, 3> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parts[i]);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (i + 1 == parts.size()) break;
    if (!text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
  }
  return Version{parts[0], parts[1], parts[2]};
}

}  // namespace

bool known_version(std::string_view version) { return parse(version).has_value(); }

std::vector<Advisory> advisories_of(std::string_view version) {
  std::vector<Advisory> out;
  const auto number = parse(version);
  if (!number) return out;
  for (const auto& entry : kEntries)
    for (const auto& range : entry.affected)
      if (*number >= range.since && *number < range.fixed) out.push_back(entry.advisory);
  return out;
}

}  // namespace qleet::hub
