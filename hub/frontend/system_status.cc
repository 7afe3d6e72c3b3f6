// Whether everything is up, as the store says it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/model/deployment_states.h"
#include "hub/controllers/health.h"
#include "hub/frontend/census.h"
#include "hub/frontend/explain.h"
#include "hub/frontend/frontend.h"
#include "hub/store/objects.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::frontend {
namespace {

// More are counted, and not told one by one.
constexpr int kMostNotes = 200;

using Notes = google::protobuf::RepeatedPtrField<v1::SystemNote>;

v1::SystemNote& add(Notes& notes, std::string_view kind, const std::string& name, std::string_view state,
                    std::string message, std::string repair = {}) {
  auto& note = *notes.Add();
  note.set_kind(std::string(kind));
  note.set_name(name);
  note.set_state(std::string(state));
  note.set_message(std::move(message));
  note.set_repair(std::move(repair));
  return note;
}

bool waits_only(std::string_view state) {
  return state == "AwaitingApproval" || state == "AwaitingEnvironment";
}

void look_at_agent(const v1::Agent& agent, v1::SystemStatus& out) {
  const auto& name = agent.metadata().name();
  const auto& state = agent.status().state();
  if (agent.spec().revoked() || state == "Revoked") return;
  if (state == "Lost") {
    std::string why;
    for (const auto& condition : agent.status().conditions())
      if (condition.type() == "Connected" && condition.status() != "True") why = condition.message();
    add(*out.mutable_problems(), "Agent", name, state,
        fmt::format("region {} is not looked after{}{}; what runs there goes on", agent.spec().region(),
                    why.empty() ? "" : ": ", why),
        "start the agent there, or see why it cannot reach the hub: its log tells");
  } else if (state != "Connected") {
    add(*out.mutable_warnings(), "Agent", name, "Enrolled", "it has never been connected",
        "run there: qleet-agent run");
  }
  if (!agent.status().unclaimed().empty())
    add(*out.mutable_warnings(), "Agent", name, "",
        fmt::format("{} resources run there that this hub does not know; they are kept",
                    agent.status().unclaimed_size()),
        fmt::format("qleet describe agent {}", name));
}

Result<std::set<std::string>> look_at_regions(const Reader& reader, v1::SystemStatus& out) {
  std::set<std::string> away;
  for (const auto& region : TRY(objects::list_readable<v1::Region>(reader))) {
    const auto& name = region.metadata().name();
    if (!controllers::connection_of(region).connected) away.insert(name);
    if (region.status().agent().empty())
      add(*out.mutable_warnings(), "Region", name, "NoAgent", "no agent serves it",
          fmt::format("qleet agent join-token --region {}", name));
    if (region.spec().cordoned())
      add(*out.mutable_warnings(), "Region", name, "", "it is cordoned: it takes nothing new",
          fmt::format("qleet uncordon {}", name));
  }
  return away;
}

Result<> look_at_deployment(const Reader& reader, WallTime now, const v1::Deployment& deployment,
                            const std::set<std::string>& away, v1::SystemStatus& out) {
  const auto& spec = deployment.spec();
  const auto& name = deployment.metadata().name();
  if (spec.candidate() != 0 && !spec.deleted()) {
    const bool approval = spec.candidate_waits() != "environment";
    add(*out.mutable_waiting(), "Deployment", name, approval ? "AwaitingApproval" : "AwaitingEnvironment",
        fmt::format("release {} waits for {}", spec.candidate(),
                    approval ? "approval" : "another environment"),
        approval ? fmt::format("qleet approve {} {} --release {}", spec.application(), spec.environment(),
                               spec.candidate())
                 : "");
  }
  const bool alone = std::ranges::any_of(deployment.status().regions(),
                                         [&](const auto& region) { return away.contains(region.region()); });
  const auto state = model::told_state(deployment);
  if (!alone && (state == "Ready" || waits_only(state))) return {};
  if (out.problems_size() >= kMostNotes) {
    add(*out.mutable_problems(), "Deployment", name, state, "");
    return {};
  }
  const auto explanation = TRY(explain(reader, deployment, now));
  if (explanation.ready) return {};
  add(*out.mutable_problems(), "Deployment", name, explanation.state.empty() ? state : explanation.state,
      explanation.summary, explanation.repair);
  return {};
}

}  // namespace

Result<v1::SystemStatus> system_status(const Context& context) {
  const auto reader = TRY(context.store.snapshot());
  const auto counted = TRY(census(*reader));
  v1::SystemStatus out;
  out.set_version(QLEET_VERSION);
  out.set_regions(counted.regions);
  out.set_regions_served(counted.regions_served);
  for (const auto& [state, count] : counted.agents) (*out.mutable_agents())[state] = count;
  for (const auto& [state, count] : counted.applications) (*out.mutable_applications())[state] = count;
  for (const auto& agent : TRY(objects::list_readable<v1::Agent>(*reader))) look_at_agent(agent, out);
  const auto away = TRY(look_at_regions(*reader, out));
  for (const auto& deployment : TRY(objects::list_readable<v1::Deployment>(*reader)))
    TRY(look_at_deployment(*reader, context.clock.wall(), deployment, away, out));
  out.set_well(out.problems().empty());
  return out;
}

}  // namespace qleet::hub::frontend
