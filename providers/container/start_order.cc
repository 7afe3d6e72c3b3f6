#include "providers/container/start_order.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/model/start_order.h"

namespace qleet::container {

namespace {

// Of one that waits, which is `ready` by now; nullptr: it does not wait for it.
const char* missing(BeforeSpec::Ready ready, const PartView& part) {
  switch (ready) {
    case BeforeSpec::Ready::kStarted:
      return part.running || part.ended_well ? nullptr : "has started";
    case BeforeSpec::Ready::kHealthy:
      return part.healthy || part.ended_well ? nullptr : "is healthy";
    case BeforeSpec::Ready::kComplete:
      return part.ended_well ? nullptr : "has ended with code 0";
  }
  return nullptr;
}

}  // namespace

void put_in_order(const v1::Score& score, std::vector<WorkloadContainer>& containers) {
  const auto order = model::start_order(score);
  const auto rank = [&](const WorkloadContainer& one) {
    return std::ranges::find(order, one.name) - order.begin();
  };
  for (auto& one : containers) one.one_shot = model::is_one_shot(score, one.name);
  std::ranges::sort(containers, [&](const auto& a, const auto& b) {
    return std::pair(rank(a), a.name) < std::pair(rank(b), b.name);
  });
  const auto owner = std::ranges::find(containers, false, &WorkloadContainer::one_shot);
  if (owner == containers.end()) return;
  for (auto one = containers.begin(); one != owner; ++one) one->own_network = true;
  std::rotate(containers.begin(), owner, owner + 1);
}

std::string waits_for(const WorkloadSpec& spec, const WorkloadContainer& container,
                      const std::vector<PartView>& parts) {
  const auto view = [&](const std::string& name) {
    const auto found = std::ranges::find(parts, name, &PartView::name);
    return found == parts.end() ? PartView{.name = name} : *found;
  };
  for (const auto& before : container.before) {
    if (const char* what = missing(before.ready, view(before.container)))
      return fmt::format("container \"{}\" waits until \"{}\" {}", container.name, before.container, what);
  }
  const auto& owner = spec.containers.front();
  if (container.name == owner.name || container.own_network || view(owner.name).running) return {};
  return fmt::format("container \"{}\" waits until \"{}\" has started, whose network it shares",
                     container.name, owner.name);
}

}  // namespace qleet::container
