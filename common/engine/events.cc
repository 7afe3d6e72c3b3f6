#include "common/engine/events.h"

#include "common/engine/json.h"

namespace qleet::containers {

std::optional<Event> parse_event(std::string_view line) {
  if (line.empty()) return std::nullopt;
  const auto value = read::parse(line);
  if (!value || !value->is_object()) return std::nullopt;
  const auto& actor = read::at(*value, "Actor");
  Event event;
  event.type = read::text(*value, "Type");
  event.action = read::text(*value, "Action");
  if (event.action.empty()) event.action = read::text(*value, "status");
  event.id = read::text(actor, "ID");
  event.attributes = read::labels(actor, "Attributes");
  if (const auto name = event.attributes.find("name"); name != event.attributes.end()) {
    event.name = name->second;
  }
  if (event.action.empty()) return std::nullopt;
  return event;
}

}  // namespace qleet::containers
