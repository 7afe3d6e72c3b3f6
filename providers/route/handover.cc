#include "providers/route/handover.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace qleet::route {

namespace {

// One host and path.
struct Place {
  const Standing* holder = nullptr;
  const Standing* next = nullptr;  // who takes it over, or would
  bool passes = false;             // to `next`, now
};

using Places = std::map<std::pair<std::string, std::string>, Place>;

bool outgoing(const Standing& one) { return one.departing || one.leaving; }

bool before(const Standing* holder, const Standing& a, const Standing& b) {
  const auto rank = [&](const Standing& one) {
    return std::tuple(one.leaving, holder != nullptr && one.application != holder->application, one.order,
                      one.backend);
  };
  return rank(a) < rank(b);
}

Places places_of(const std::vector<Standing>& all) {
  Places places;
  for (const auto& one : all) {
    auto& place = places[{one.host, one.path}];
    if (one.serves && (place.holder == nullptr || one.order < place.holder->order)) place.holder = &one;
  }
  for (const auto& one : all) {
    auto& place = places[{one.host, one.path}];
    if (one.departing || &one == place.holder) continue;
    // What is on its way out itself follows nobody who still serves: the two would take turns.
    if (one.leaving && place.holder != nullptr && (place.holder->alive || !one.alive)) continue;
    if (place.next == nullptr || before(place.holder, one, *place.next)) place.next = &one;
  }
  return places;
}

void shorten(std::optional<Millis>& again, Millis wait) { again = again ? std::min(*again, wait) : wait; }

// What `next` gives up elsewhere must be able to pass in the same step.
bool held_up(const std::vector<Standing>& all, const Places& places, const Standing& next) {
  return std::ranges::any_of(all, [&](const Standing& one) {
    if (one.resource != next.resource || !one.departing || !one.serves) return false;
    const auto& place = places.at({one.host, one.path});
    return place.holder == &one && place.next != nullptr && !place.passes;
  });
}

}  // namespace

Arrangement arrange(const std::vector<Standing>& all) {
  Arrangement out;
  auto places = places_of(all);
  for (auto& [claim, place] : places) {
    if (place.next == nullptr) continue;
    if (place.holder == nullptr) {
      place.passes = true;
      continue;
    }
    const auto& holder = *place.holder;
    if (!outgoing(holder) || (!place.next->alive && holder.alive)) continue;
    const bool own = place.next->application == holder.application;
    place.passes = own || holder.outgoing >= kLinger;
    if (!place.passes) shorten(out.again, kLinger - holder.outgoing);
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (auto& [claim, place] : places) {
      if (!place.passes || place.holder == nullptr || !held_up(all, places, *place.next)) continue;
      place.passes = false;
      changed = true;
    }
  }
  for (const auto& [claim, place] : places) {
    if (place.passes) {
      out.serving.insert(place.next->backend);
      continue;
    }
    if (place.holder == nullptr) continue;
    const auto& holder = *place.holder;
    const bool over =
        outgoing(holder) && place.next == nullptr && (!holder.alive || holder.outgoing >= kLinger);
    if (over && holder.leaving) out.released.insert(holder.backend);
    if (!over || !holder.departing) out.serving.insert(holder.backend);
    if (!over && outgoing(holder) && place.next == nullptr) shorten(out.again, kLinger - holder.outgoing);
  }
  for (const auto& one : all) {
    if (one.leaving && !out.serving.contains(one.backend)) out.released.insert(one.backend);
  }
  return out;
}

std::string application_of(std::string_view resource) {
  // <region>.<environment>.<application>.<type>.<id>
  const auto region = resource.find('.');
  if (region == std::string_view::npos) return {};
  const auto environment = resource.find('.', region + 1);
  if (environment == std::string_view::npos) return {};
  const auto application = resource.find('.', environment + 1);
  return std::string(resource.substr(region + 1, environment - region - 1)) + "/" +
         std::string(resource.substr(environment + 1, application == std::string_view::npos
                                                          ? std::string_view::npos
                                                          : application - environment - 1));
}

}  // namespace qleet::route
