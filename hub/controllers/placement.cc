#include "hub/controllers/placement.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/model/model.h"

namespace qleet::hub::controllers {
namespace {

constexpr size_t kShown = 10;

std::string label_list(const v1::Region& region) {
  std::map<std::string, std::string> sorted(region.metadata().labels().begin(),
                                            region.metadata().labels().end());
  std::string out;
  for (const auto& [key, value] : sorted) out += fmt::format("{}{}={}", out.empty() ? "" : ",", key, value);
  return out.empty() ? "no labels" : out;
}

std::string no_region(const v1::RegionChoice& choice, std::vector<const v1::Region*> sorted,
                      const std::vector<const v1::Region*>& cordoned, const std::string& environment) {
  if (sorted.empty()) {
    return fmt::format(
        "environment {} has no region to run in: there are no regions yet; add one with "
        "qleet agent join-token --region <name>",
        environment);
  }
  if (!cordoned.empty()) {
    std::vector<std::string> names;
    for (const auto* region : cordoned) names.push_back(region->metadata().name());
    std::ranges::sort(names);
    return fmt::format(
        "environment {} has no region that takes something new: {} cordoned", environment,
        names.size() == 1 ? names.front() + " is" : fmt::format("{} are", fmt::join(names, ", ")));
  }
  std::ranges::sort(sorted, {}, [](auto* region) { return region->metadata().name(); });
  std::string known;
  for (size_t i = 0; i < std::min(sorted.size(), kShown); ++i) {
    known +=
        fmt::format("{}{} ({})", i == 0 ? "" : ", ", sorted[i]->metadata().name(), label_list(*sorted[i]));
  }
  if (sorted.size() > kShown) known += fmt::format(" and {} more", sorted.size() - kShown);
  return fmt::format("no region matches the selector \"{}\" of environment {}; there is: {}",
                     choice.selector(), environment, known);
}

// Value by which regions are spread. A region without the label is unlike every other.
std::string spread_value(const v1::RegionChoice& choice, const v1::Region& region) {
  const auto& labels = region.metadata().labels();
  const auto found = labels.find(choice.spread_by());
  return found == labels.end() ? "\n" + region.metadata().name() : found->second;
}

}  // namespace

Placement place(const v1::RegionChoice& choice, const std::vector<const v1::Region*>& all,
                const std::vector<std::string>& current, const std::string& environment) {
  const std::set<std::string> held(current.begin(), current.end());
  std::vector<const v1::Region*> keep;
  std::vector<const v1::Region*> open;
  std::vector<const v1::Region*> cordoned;
  for (const auto* region : all) {
    if (!model::matches(choice.selector(), region->metadata().labels())) continue;
    if (held.contains(region->metadata().name())) {
      keep.push_back(region);
    } else if (region->spec().cordoned()) {
      cordoned.push_back(region);
    } else {
      open.push_back(region);
    }
  }
  const auto by_name = [](const v1::Region* region) -> std::string_view { return region->metadata().name(); };
  // What is cordoned is given up first when there are more than are wanted.
  std::ranges::sort(keep, {}, [&](const v1::Region* region) {
    return std::pair(region->spec().cordoned(), by_name(region));
  });
  std::ranges::sort(open, {}, by_name);

  const size_t wanted = choice.count() == 0 ? keep.size() + open.size() : choice.count();
  std::map<std::string, size_t> used;
  std::vector<const v1::Region*> chosen;
  const auto take = [&](std::vector<const v1::Region*>& from) {
    while (chosen.size() < wanted && !from.empty()) {
      auto best = from.begin();
      if (!choice.spread_by().empty()) {
        best = std::ranges::min_element(
            from, {}, [&](const v1::Region* region) { return used[spread_value(choice, *region)]; });
      }
      ++used[spread_value(choice, **best)];
      chosen.push_back(*best);
      from.erase(best);
    }
  };
  take(keep);
  take(open);

  Placement placement;
  for (const auto* region : chosen) placement.regions.push_back(region->metadata().name());
  std::ranges::sort(placement.regions);
  if (placement.regions.empty()) {
    placement.blocked = true;
    placement.message = no_region(choice, all, cordoned, environment);
  } else if (chosen.size() < choice.count()) {
    placement.message = fmt::format("environment {} asks for {} regions, {} {} its selector \"{}\"",
                                    environment, choice.count(), chosen.size(),
                                    chosen.size() == 1 ? "matches" : "match", choice.selector());
  }
  return placement;
}

}  // namespace qleet::hub::controllers
