#include "cli/patience.h"

#include <algorithm>

#include "common/clock/duration.h"

namespace qleet::cli {
namespace {

std::uint64_t ready_below(const v1::TreeNode& node) {
  std::uint64_t ready = node.state() == "Ready" ? 1 : 0;
  for (const auto& child : node.children()) ready += ready_below(child);
  return ready;
}

}  // namespace

void Patience::see(const v1::Tree& tree, MonoTime now) {
  for (const auto& environment : tree.environments()) {
    std::uint64_t reached = environment.ready();
    for (const auto& place : tree.places()) {
      if (place.environment() != environment.environment()) continue;
      if (place.state() == "Ready") ++reached;
      for (const auto& root : place.roots()) reached += ready_below(root);
    }
    const auto name = tree.application() + "." + environment.environment();
    const auto [known, anew] = reached_.try_emplace({name, environment.release()}, reached);
    if (!anew && reached <= known->second) continue;
    known->second = reached;
    progressed_ = now;
  }
}

void Patience::learn(const std::string& environment, std::optional<Millis> deadline) {
  deadlines_[environment] = deadline.value_or(kUsualDeadline);
}

MonoTime Patience::ends() const {
  if (limit_) return begun_ + *limit_;
  Millis longest = deadlines_.empty() ? kUsualDeadline : Millis(0);
  for (const auto& [environment, deadline] : deadlines_) longest = std::max(longest, deadline);
  return progressed_ + longest + kUntilJudged;
}

std::optional<Millis> deadline_named(const std::string& text) {
  if (text.empty()) return kUsualDeadline;
  const auto parsed = text == "0" ? Result<Millis>(Millis(0)) : parse_duration(text);
  if (!parsed) return kUsualDeadline;
  return *parsed == Millis(0) ? std::nullopt : std::optional(*parsed);
}

}  // namespace qleet::cli
