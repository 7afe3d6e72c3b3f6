#include "tests/chaos/sampler.h"

#include "tests/support/child.h"

namespace qleet::chaos {

Sampler::Sampler(const Api& api, const StormClock& clock)
    : api_(api), clock_(clock), thread_([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          sample();
          test::nap(std::chrono::milliseconds(250));
        }
      }) {}

std::vector<Sample> Sampler::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  return samples_;
}

void Sampler::sample() {
  Sample sample{.asked = clock_.millis(), .answered = 0, .regions = {}};
  std::vector<test::Json> agents;
  std::vector<test::Json> resources;
  if (!api_.list("agents", agents) || !api_.list("resources", resources)) return;
  sample.answered = clock_.millis();
  for (const auto& agent : agents)
    sample.regions[agent["spec.region"].str()].agent = agent["status.state"].str();
  for (const auto& resource : resources) {
    auto& region = sample.regions[resource["spec.region"].str()];
    ++region.resources;
    // What was never reported claims nothing.
    const std::string state = resource["status.state"].str();
    if (state == "Ready" || state == "Degraded" || state == "Progressing") ++region.fresh;
  }
  samples_.push_back(std::move(sample));
}

}  // namespace qleet::chaos
