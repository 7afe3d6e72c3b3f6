#include "agent/metrics/agent_metrics.h"

namespace qleet::agent {
namespace {

constexpr std::string_view kStates[] = {"Pending",  "Waiting", "Progressing", "Ready",
                                        "Degraded", "Stalled", "Deleting"};

std::string name_of(StepKind kind) {
  switch (kind) {
    case StepKind::kObserve:
      return "observe";
    case StepKind::kApply:
      return "apply";
    case StepKind::kRemove:
      return "remove";
  }
  return "";
}

}  // namespace

void AgentMetrics::step_ended(const std::string& provider, StepKind kind, bool failed, Millis took) {
  const MutexLock lock(mutex_);
  auto& step = steps_[{provider, kind}];
  step.took->observe(std::chrono::duration<double>(took).count());
  if (failed) ++step.failed;
}

void AgentMetrics::engine_called(bool failed, Millis took) {
  const MutexLock lock(mutex_);
  engine_calls_.took->observe(std::chrono::duration<double>(took).count());
  if (failed) ++engine_calls_.failed;
}

std::string AgentMetrics::text(const MetricsSources& sources) const {
  metrics::Exposition out;
  out.family("qleet_agent_build_info", "gauge", "Always 1; version and region are its labels.");
  out.sample(1, {{"version", sources.version}, {"region", sources.region}});

  // States that nothing is in stand there as 0: an alert needs a series to look at.
  auto counts = sources.counts();
  if (auto unsaid = counts.by_state.extract(""); !unsaid.empty())
    counts.by_state["Pending"] += unsaid.mapped();
  for (const auto state : kStates) counts.by_state.try_emplace(std::string(state), 0);
  out.family("qleet_agent_resources", "gauge", "Resources of this agent, by state.");
  for (const auto& [state, count] : counts.by_state)
    out.sample(static_cast<double>(count), {{"state", state}});
  out.family("qleet_agent_restarts", "gauge",
             "Containers that ended by themselves since they were made, of the resources that are there.");
  out.sample(static_cast<double>(counts.restarts));
  out.family("qleet_agent_reports_unconfirmed", "gauge", "Reports that the hub has not confirmed yet.");
  out.sample(static_cast<double>(counts.unconfirmed));
  out.family("qleet_agent_bus_connected", "gauge", "1: connected to the hub's bus.");
  out.sample(sources.connected() ? 1 : 0);
  out.family("qleet_agent_certificate_days", "gauge",
             "Days for which the certificate for the bus is still good; below 0: it has ended.");
  out.sample(sources.certificate_days());
  out.family("qleet_agent_journal_bytes", "gauge", "Size of the journal's file.");
  out.sample(static_cast<double>(sources.journal_bytes()));

  const MutexLock lock(mutex_);
  out.family(
      "qleet_agent_step_seconds", "histogram",
      "How long providers took to look at a resource (observe), change it (apply) or take it away (remove).");
  for (const auto& [which, step] : steps_)
    out.sample(*step.took, {{"provider", which.first}, {"step", name_of(which.second)}});
  out.family("qleet_agent_steps_failed_total", "counter", "Steps of providers that ended with an error.");
  for (const auto& [which, step] : steps_)
    out.sample(static_cast<double>(step.failed),
               {{"provider", which.first}, {"step", name_of(which.second)}});
  out.family("qleet_agent_engine_call_seconds", "histogram",
             "How long the container engine took to answer; of calls that are no streams.");
  out.sample(*engine_calls_.took);
  out.family("qleet_agent_engine_calls_failed_total", "counter",
             "Calls that the container engine did not answer, or with an error of its own.");
  out.sample(static_cast<double>(engine_calls_.failed));
  return out.take();
}

}  // namespace qleet::agent
