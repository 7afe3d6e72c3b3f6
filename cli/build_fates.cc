#include "cli/build_fates.h"

#include <algorithm>

#include "cli/terminal.h"

namespace qleet::cli {
namespace {

bool has_failed(const v1::DeliveryAnswer& fate) {
  return fate.state() == "Failed" || fate.state() == "Stalled" || fate.state() == "Blocked";
}

std::string state_of(const v1::DeliveryAnswer& fate) {
  return fate.application() + "  " + fate.environment() + "  release " + std::to_string(fate.release()) +
         "  " + fate.state();
}

std::string line_of(const v1::DeliveryAnswer& fate, Length length) {
  const auto reason = one_line(fate.reason());
  return state_of(fate) +
         (reason.empty() ? "" : ": " + (length == Length::kShort ? shortened(reason) : reason)) + "\n";
}

}  // namespace

std::string states_of(const v1::DeliveryAnswers& fates, Length length) {
  std::string text;
  for (const auto& fate : fates.releases()) text += line_of(fate, length);
  return text;
}

bool any_failed(const v1::DeliveryAnswers& fates) {
  return std::ranges::any_of(fates.releases(), has_failed);
}

std::string how_to_go_on(const v1::DeliveryAnswers& fates,
                         const std::function<std::string(const v1::DeliveryAnswer&)>& workload_of) {
  std::string text;
  for (const auto& fate : fates.releases()) {
    const auto& application = fate.application();
    const auto& environment = fate.environment();
    if (has_failed(fate)) {
      const auto workload = workload_of(fate);
      text += "qleet: " + application + " did not become ready in " + environment +
              "; look: qleet describe app " + application + ", or qleet logs -p " + application +
              (workload.empty() ? "" : "/" + workload) + " -e " + environment + "\n";
    } else if (fate.state() == "Superseded") {
      text += "qleet: " + application + ": release " + std::to_string(fate.release()) + " in " + environment +
              " is no longer wanted: " + one_line(fate.reason()) + "\n";
    } else if (fate.state() == "RollingOut") {
      text += "qleet: " + application + " goes on in " + environment + "; follow it: qleet tree --watch " +
              application + "\n";
    }
  }
  return text;
}

std::string FateChanges::news(const v1::DeliveryAnswers& fates) {
  std::string text;
  for (const auto& fate : fates.releases()) {
    auto& known = known_[fate.application() + "." + fate.environment()];
    auto now = state_of(fate) + ": " + without_numbers(fate.reason());
    if (known == now) continue;
    known = std::move(now);
    text += line_of(fate, Length::kShort);
  }
  return text;
}

}  // namespace qleet::cli
