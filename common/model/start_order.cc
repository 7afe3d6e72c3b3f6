#include "common/model/start_order.h"

#include <algorithm>
#include <map>
#include <set>

namespace qleet::model {
namespace {

// Container -> those that come before it and exist.
std::map<std::string, std::set<std::string>> waits(const qleet::v1::Score& score) {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& [name, container] : score.containers()) {
    auto& others = out[name];
    for (const auto& [other, how] : container.before()) {
      if (other != name && score.containers().contains(other)) others.insert(other);
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> start_order(const qleet::v1::Score& score) {
  auto open = waits(score);
  std::vector<std::string> order;
  while (true) {
    const auto next = std::ranges::find_if(open, [](const auto& one) { return one.second.empty(); });
    if (next == open.end()) return order;
    const auto name = next->first;
    open.erase(next);
    for (auto& [other, before] : open) before.erase(name);
    order.push_back(name);
  }
}

std::vector<std::string> circle_of_starts(const qleet::v1::Score& score) {
  auto open = waits(score);
  for (const auto& name : start_order(score)) open.erase(name);
  if (open.empty()) return {};
  // Each of those that are left waits for another one of them: whoever follows that comes round.
  std::vector<std::string> path{open.begin()->first};
  while (true) {
    const auto& before = open.at(path.back());
    const auto next = *std::ranges::find_if(before, [&](const auto& name) { return open.contains(name); });
    const auto first = std::ranges::find(path, next) - path.begin();
    path.push_back(next);
    if (first < std::ssize(path) - 1) return {path.begin() + first, path.end()};
  }
}

bool is_one_shot(const qleet::v1::Score& score, const std::string& container) {
  return std::ranges::any_of(score.containers(), [&](const auto& entry) {
    const auto found = entry.second.before().find(container);
    return found != entry.second.before().end() && found->second.ready() == "complete";
  });
}

}  // namespace qleet::model
