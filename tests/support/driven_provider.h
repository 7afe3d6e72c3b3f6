// Drives a provider as the agent's engine does: looks, steps, and looks again until it is as wanted.
#pragma once

#include <string>
#include <thread>

#include "google/protobuf/util/json_util.h"
#include "providers/api/provider.h"
#include "tests/support/patience.h"

namespace qleet::test {

inline ProviderResource resource(const std::string& type, const std::string& id, const std::string& json,
                                 const std::string& hash = "h1") {
  ProviderResource out;
  out.owner = "agent-1";
  out.type = type;
  out.id = id;
  out.application = "shop";
  out.environment = "dev";
  out.name = "local-1.dev.shop." + type + "." + id;
  out.hash = hash;
  out.generation = 1;
  (void)google::protobuf::util::JsonStringToMessage(json, &out.template_);
  return out;
}

// The last observation; its message tells of an error in a step.
inline Observation reach(Provider& provider, const ProviderResource& wanted,
                         Observation::State state = Observation::State::kReady,
                         Millis within = Millis(30'000)) {
  const auto deadline = std::chrono::steady_clock::now() + patient(within);
  Observation seen;
  while (std::chrono::steady_clock::now() < deadline) {
    auto looked = provider.observe(wanted);
    if (!looked) {
      seen.message = "observe: " + looked.error().message;
      seen.reason = looked.error().reason;
      if (!looked.error().retryable()) return seen;
      std::this_thread::sleep_for(Millis(50));
      continue;
    }
    seen = *looked;
    if (seen.state == state) return seen;
    if (seen.state == Observation::State::kAbsent || seen.state == Observation::State::kOutOfDate ||
        seen.state == Observation::State::kProgressing) {
      const auto step = provider.apply(wanted, seen);
      if (!step) {
        seen.message = "apply: " + step.error().message;
        seen.reason = step.error().reason;
        if (!step.error().retryable()) return seen;
      }
    }
    std::this_thread::sleep_for(Millis(20));
  }
  return seen;
}

inline bool remove_all(Provider& provider, const ProviderResource& gone, Millis within = Millis(40'000)) {
  const auto deadline = std::chrono::steady_clock::now() + patient(within);
  while (std::chrono::steady_clock::now() < deadline) {
    const auto seen = provider.observe(gone);
    if (seen && seen->state == Observation::State::kAbsent) {
      // What stands beside it in the engine may still be there.
      const auto last = provider.remove(gone, *seen);
      if (last && last->done) return true;
    } else {
      (void)provider.remove(gone, seen.value_or(Observation{}));
    }
    std::this_thread::sleep_for(Millis(20));
  }
  return false;
}

}  // namespace qleet::test
