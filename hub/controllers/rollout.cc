#include "hub/controllers/rollout.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace qleet::hub::controllers {
namespace {

bool holds(const RegionNow& region, std::uint32_t wanted) {
  return region.release == wanted && !region.outdated;
}

bool ready(const RegionNow& region, std::uint32_t wanted) {
  return holds(region, wanted) && region.health == Health::kReady && !region.stale;
}

bool stalled(const RegionNow& region, std::uint32_t wanted) {
  return holds(region, wanted) && region.health == Health::kStalled && !region.stale;
}

// Names of the regions that get the wanted release now.
std::set<std::string> to_advance(const RolloutInput& input) {
  std::vector<const RegionNow*> waiting;
  std::vector<const RegionNow*> waiting_stale;
  size_t on_the_way = 0;
  for (const auto& region : input.regions) {
    if (!region.placed) continue;
    if (stalled(region, input.wanted)) return {};
    if (!holds(region, input.wanted)) {
      (region.stale ? waiting_stale : waiting).push_back(&region);
    } else if (!ready(region, input.wanted) && !region.stale) {
      ++on_the_way;
    }
  }
  if (!input.failed.empty()) return {};
  std::set<std::string> names;
  if (waiting.empty() && on_the_way == 0) {
    for (const auto* region : waiting_stale) names.insert(region->name);
    return names;
  }
  std::ranges::sort(waiting, {}, [](const RegionNow* region) {
    const int rank = region->health == Health::kStalled ? 0 : region->release != 0 ? 1 : 2;
    return std::tuple(rank, region->name);
  });
  const size_t limit = input.max_at_once == 0 ? waiting.size() : input.max_at_once;
  for (const auto* region : waiting) {
    if (on_the_way + names.size() >= limit) break;
    names.insert(region->name);
  }
  return names;
}

std::string state_of(const RegionNow& region, std::uint32_t wanted, bool advances) {
  if (region.stale) return "Stale";
  if (advances) return "RollingOut";
  if (!holds(region, wanted)) return "Waiting";
  switch (region.health) {
    case Health::kReady:
      return "Ready";
    case Health::kStalled:
      return "Stalled";
    case Health::kNone:
    case Health::kProgressing:
      return "RollingOut";
  }
  return "RollingOut";
}

}  // namespace

Rollout roll_out(const RolloutInput& input) {
  Rollout rollout;
  auto regions = input.regions;
  std::ranges::sort(regions, {}, &RegionNow::name);
  const auto advance = input.wanted == 0 ? std::set<std::string>() : to_advance(input);

  const bool any_placed = std::ranges::any_of(regions, &RegionNow::placed);
  const bool settled =
      any_placed && input.wanted != 0 && std::ranges::all_of(regions, [&](const auto& region) {
        return !region.placed || ready(region, input.wanted);
      });
  const RegionNow* stalled_region = nullptr;
  const RegionNow* stale_region = nullptr;
  for (const auto& region : regions) {
    if (!region.placed) continue;
    if (stalled_region == nullptr && stalled(region, input.wanted)) stalled_region = &region;
    if (stale_region == nullptr && region.stale) stale_region = &region;
  }

  bool leaving = false;
  for (const auto& region : regions) {
    RegionNext next;
    next.name = region.name;
    next.release = region.release;
    next.message = region.message;
    next.facts = region.facts;
    if (!region.placed) {
      next.state = "Leaving";
      next.leave = settled || region.release == 0;
      if (!next.leave) next.message = "waits until the regions that stay are ready";
      leaving = leaving || !next.leave;
      rollout.regions.push_back(std::move(next));
      continue;
    }
    const bool advances = advance.contains(region.name);
    next.state = input.wanted == 0 ? "Waiting" : state_of(region, input.wanted, advances);
    next.advance = advances;
    next.outdated = region.outdated && !advances;
    if (advances) {
      next.release = input.wanted;
    } else if (next.state == "Waiting" && input.wanted != 0) {
      const auto& stops = stalled_region != nullptr ? stalled_region->name : input.failed;
      next.message = stops.empty() ? "waits for other regions to be ready"
                                   : fmt::format("waits: the rollout is stopped by region {}", stops);
    }
    rollout.regions.push_back(std::move(next));
  }
  rollout.complete = settled && !leaving;
  if (input.wanted == 0) return rollout;
  if (stalled_region != nullptr) {
    rollout.state = "Stalled";
    rollout.message = fmt::format("region {}: {}", stalled_region->name, stalled_region->message);
  } else if (settled) {
    rollout.state = "Ready";
  } else {
    rollout.state = "RollingOut";
    for (const auto& next : rollout.regions) {
      if (next.state == "RollingOut" && !next.message.empty()) {
        rollout.message = fmt::format("region {}: {}", next.name, next.message);
        break;
      }
    }
    if (rollout.message.empty() && stale_region != nullptr)
      rollout.message = fmt::format("region {}: {}", stale_region->name, stale_region->message);
  }
  return rollout;
}

}  // namespace qleet::hub::controllers
