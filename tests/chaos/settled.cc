#include "tests/chaos/settled.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "tests/chaos/podman_world.h"
#include "tests/chaos/region_world.h"

namespace qleet::chaos {

using test::Json;

namespace {

template <class Names, class Others>
void compare(const std::string& where, const Names& wanted, const Others& there,
             std::vector<std::string>& out) {
  for (const auto& name : wanted)
    if (!std::ranges::count(there, name)) out.push_back(fmt::format("{}: {} is missing", where, name));
  for (const auto& name : there)
    if (!std::ranges::count(wanted, name)) out.push_back(fmt::format("{}: {} is left over", where, name));
}

template <class Value>
std::vector<std::string> names(const std::map<std::string, Value>& wanted) {
  std::vector<std::string> out;
  for (const auto& [name, _] : wanted) out.push_back(name);
  return out;
}

}  // namespace

Settled::Settled(const test::MiniFleet& fleet, const Api& api, const Program& program)
    : fleet_(fleet), api_(api), program_(program), wish_(last_wish(program)), wanted_(chaos::wanted(wish_)) {}

std::vector<std::string> Settled::missing() const {
  std::vector<std::string> out;
  for (const auto part : {&Settled::hub, &Settled::worlds, &Settled::journals}) {
    (this->*part)(out);
    if (!out.empty()) break;  // what comes next follows from it, and costs more
  }
  return out;
}

void Settled::hub(std::vector<std::string>& out) const {
  std::vector<Json> apps, deployments, resources;
  if (!api_.list("applications", apps) || !api_.list("deployments", deployments) ||
      !api_.list("resources", resources)) {
    out.push_back("the hub does not answer");
    return;
  }
  std::vector<std::string> there;
  for (const auto& app : apps) {
    const Seen now = seen("", app);
    there.push_back(now.name);
    if (const auto wanted = wish_.apps.find(now.name);
        wanted != wish_.apps.end() && wanted->second.mark != now.mark)
      out.push_back(fmt::format("application {}: mark {}, not {}", now.name, now.mark, wanted->second.mark));
  }
  std::vector<std::string> wanted_apps, wanted_deployments, shown;
  for (const auto& [name, app] : wish_.apps) {
    wanted_apps.push_back(name);
    for (const auto& environment : app.environments) wanted_deployments.push_back(name + "." + environment);
  }
  compare("hub's applications", wanted_apps, there, out);
  for (const auto& deployment : deployments) {
    const std::string name = deployment["metadata.name"].str();
    const std::string state = deployment["status.state"].str();
    shown.push_back(name);
    const auto environment = wish_.environments.find(deployment["spec.environment"].str());
    const bool may_wait = environment != wish_.environments.end() && environment->second.approval;
    if ((state != "Ready" && !(may_wait && state == "AwaitingApproval")) ||
        deployment["status.release"].number() != deployment["spec.release"].number())
      out.push_back(fmt::format("deployment {}: {}, release {} of {}", name, state,
                                deployment["status.release"].number(), deployment["spec.release"].number()));
  }
  compare("hub's deployments", wanted_deployments, shown, out);
  shown.clear();
  for (const auto& resource : resources) {
    const std::string name = resource["metadata.name"].str();
    const std::string state = resource["spec.deleted"].truth() ? "deleted" : resource["status.state"].str();
    shown.push_back(name);
    if (state != "Ready" ||
        resource["status.observedGeneration"].number() != resource["metadata.generation"].number())
      out.push_back(fmt::format("resource {}: {}, generation {} of {}", name, state,
                                resource["status.observedGeneration"].number(),
                                resource["metadata.generation"].number()));
  }
  compare("hub's resources", names(wanted_), shown, out);
}

Wanted Settled::of_region(const std::string& region) const {
  Wanted out;
  for (const auto& [name, content] : wanted_)
    if (name.starts_with(region + ".")) out[name] = content;
  return out;
}

void Settled::worlds(std::vector<std::string>& out) const {
  for (const auto& agent : program_.options.agents) {
    auto wanted = of_region(agent);
    if (program_.options.containers && agent == program_.options.agents.back())
      real_world(agent, wanted, out);
    const auto world = noop_world(fleet_.folder() / (agent + ".world"));
    compare("world of " + agent, names(wanted), names(world), out);
    for (const auto& [name, content] : wanted) {
      const auto there = world.find(name);
      if (there != world.end() && !holds(there->second, content))
        out.push_back(fmt::format("world of {}: {} does not hold {}: {}", agent, name,
                                  fmt::join(content, ", "), there->second));
    }
  }
}

// Takes out of `wanted` what real containers, volumes and networks make true.
void Settled::real_world(const std::string& agent, Wanted& wanted, std::vector<std::string>& out) const {
  const auto things = podman_things(fleet_, agent);
  for (const auto& stranger : things.strangers)
    out.push_back(fmt::format("podman of {}: {} is left over", agent, stranger));
  Wanted real;
  for (const auto& [name, content] : wanted)
    if (name.find(".real-") != std::string::npos ||
        name.find(fmt::format(".{}.", kReal)) != std::string::npos)
      real[name] = content;
  for (const auto& [name, _] : real) wanted.erase(name);
  compare("podman of " + agent, names(real), names(things.of), out);
  for (const auto& [name, its] : things.of) {
    if (!real.contains(name) || name.find(".workload.") == std::string::npos) continue;
    const auto parts = name.substr(name.find(kReal) + std::string(kReal).size() + 1);
    const auto& app = wish_.apps.at(parts.substr(0, parts.find('.')));
    const auto& workload = app.workloads.at(name.substr(name.rfind('.') + 1));
    const std::vector<std::string> replicas(static_cast<std::size_t>(workload.replicas),
                                            "container running " + mark_word(workload.mark));
    if (its != replicas)
      out.push_back(fmt::format("podman of {}: {} is {}, not {}", agent, name, fmt::join(its, ", "),
                                fmt::join(replicas, ", ")));
  }
}

void Settled::journals(std::vector<std::string>& out) const {
  for (const auto& agent : program_.options.agents)
    compare("journal of " + agent, names(of_region(agent)), journal_names(fleet_.agent_state(agent)), out);
}

}  // namespace qleet::chaos
