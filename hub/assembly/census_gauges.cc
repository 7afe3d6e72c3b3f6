#include "hub/assembly/census_gauges.h"

#include "common/model/deployment_states.h"

namespace qleet::hub {
namespace {

constexpr Millis kAtMostEvery{1'000};

double count_of(const frontend::Counts& counts, const std::string& state) {
  const auto it = counts.find(state);
  return it == counts.end() ? 0 : it->second;
}

}  // namespace

frontend::Census CensusGauges::now() {
  const MutexLock lock(mutex_);
  const auto time = clock_.mono();
  if (counted_ && time - counted_at_ < kAtMostEvery) return census_;
  const auto reader = store_.snapshot();
  if (!reader || counted_ == (*reader)->revision()) return census_;
  // What cannot be counted stands as it was; the store's own readiness says why.
  if (auto counted = frontend::census(**reader)) {
    census_ = *std::move(counted);
    counted_ = (*reader)->revision();
    counted_at_ = time;
  }
  return census_;
}

std::vector<api::Gauge> CensusGauges::gauges() {
  std::vector<api::Gauge> out;
  const auto by_state = [&](const char* name, const char* help, const std::vector<std::string>& states,
                            frontend::Counts frontend::Census::* counts) {
    for (const auto& state : states)
      out.push_back(
          {name, help, [this, counts, state] { return count_of(now().*counts, state); }, {{"state", state}}});
  };
  by_state("qleet_hub_applications", "Applications, by the worst state of their deployments.",
           model::deployment_states(), &frontend::Census::applications);
  by_state("qleet_hub_deployments", "Deployments, which are an application in an environment, by state.",
           model::deployment_states(), &frontend::Census::deployments);
  by_state("qleet_hub_agents", "Agents, by state.", frontend::agent_states(), &frontend::Census::agents);
  const auto single = [&](const char* name, const char* help, std::uint32_t frontend::Census::* count,
                          std::map<std::string, std::string> labels = {}) {
    out.push_back(
        {name, help, [this, count] { return static_cast<double>(now().*count); }, std::move(labels)});
  };
  single("qleet_hub_rollouts_waiting", "Releases that wait before an environment, by what for.",
         &frontend::Census::waiting_for_approval, {{"for", "approval"}});
  single("qleet_hub_rollouts_waiting", "Releases that wait before an environment, by what for.",
         &frontend::Census::waiting_for_environment, {{"for", "environment"}});
  single("qleet_hub_deployments_rolled_back", "Deployments that stay at an earlier release.",
         &frontend::Census::rolled_back);
  single("qleet_hub_regions", "Regions.", &frontend::Census::regions);
  single("qleet_hub_regions_served", "Regions whose agent is connected.", &frontend::Census::regions_served);
  single("qleet_hub_regions_cordoned", "Regions that take nothing new.", &frontend::Census::regions_cordoned);
  return out;
}

}  // namespace qleet::hub
