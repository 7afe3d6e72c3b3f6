// 1,000 agents: the latency of one change, one change for a hundred of them, 1,000 applications in 100 places
// each, a hub that is killed, and what all that costs while nothing happens.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "bench/fleet/fleet.h"
#include "bench/fleet/hub.h"
#include "bench/fleet/report.h"
#include "bench/fleet/scenarios.h"
#include "bench/fleet/watch.h"
#include "bench/fleet/world.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::bench {
namespace {

using std::chrono::seconds;

// One application after the other, each on another agent of 20.
void latency(const Hub& hub, int rounds) {
  Watch watch(hub.client(), "/v1/resources?watch=true", [](const std::string& data) -> std::string {
    v1::Resource resource;
    if (!cli::parse(data, resource) || resource.status().state() != "Ready" ||
        resource.status().observed_generation() != resource.metadata().generation())
      return {};
    return resource.metadata().name();
  });
  const auto client = hub.client();
  std::vector<double> acknowledged;
  std::vector<double> applied;
  // The first ones warm up and do not count.
  for (int i = -5; i < rounds; ++i) {
    const std::string name = fmt::format("latency-{}", i + 5);
    const auto number = static_cast<size_t>(i + 5) % kSingles;
    const auto begin = Steady::now();
    hub.apply(*client, application(name, fmt::format("one-{}", number), "i"));
    const auto committed = Steady::now();
    const auto ready =
        watch.ready(fmt::format("{}.one-{}.{}.workload.web", Fleet::name(number), number, name), seconds(60));
    if (i < 0) continue;
    acknowledged.push_back(std::chrono::duration<double, std::milli>(committed - begin).count());
    applied.push_back(std::chrono::duration<double, std::milli>(ready - committed).count());
  }
  const auto answers = spread_ms(acknowledged);
  const auto all = spread_ms(applied);
  print_row("apply -> acknowledged (durable), p50", answers.p50);
  print_row("the same, p99", answers.p99);
  print_row("acknowledged -> applied, status in the hub, seen by a watch, p50", all.p50, "", "5 ms");
  print_row("the same, p99", all.p99, "100 ms", "25 ms");
}

std::string ready_deployment(const std::string& data) {
  v1::Deployment deployment;
  if (!cli::parse(data, deployment) || deployment.status().state() != "Ready" ||
      deployment.status().release() != deployment.spec().release())
    return {};
  return fmt::format("{}@{}", deployment.metadata().name(), deployment.spec().release());
}

// A new application in 100 regions: all of them ready, as the deployment says.
void fan_out(const Hub& hub, const Fleet& fleet, int rounds) {
  Watch watch(hub.client(), "/v1/deployments?watch=true", ready_deployment);
  const auto client = hub.client();
  std::vector<double> applied;
  std::vector<double> ready;
  for (int i = -1; i < rounds; ++i) {
    const std::string name = fmt::format("fan-{}", i + 1);
    const std::string environment = fmt::format("group-{}", static_cast<size_t>(i + 1) % kGroups);
    const size_t places = (fleet.enrolled() + kGroups - 1) / kGroups;
    const auto before = fleet.state().applies;
    const auto begin = Steady::now();
    hub.apply(*client, application(name, environment, "i"));
    const auto on_agents = wait_until("applied everywhere", seconds(60),
                                      [&] { return fleet.state().applies >= before + places; });
    const auto seen = watch.ready(fmt::format("{}.{}@1", name, environment), seconds(60));
    if (i < 0) continue;
    (void)on_agents;
    applied.push_back(on_agents * 1e3);
    ready.push_back(std::chrono::duration<double, std::milli>(seen - begin).count());
  }
  const auto first = spread_ms(applied);
  const auto second = spread_ms(ready);
  print_row("one placement to a tenth of the agents: all applied, p50", first.p50);
  print_row("the same, slowest", first.max, "1 s", "100 ms");
  print_row("and reported: the deployment is ready, seen by a watch, p50", second.p50);
  print_row("the same, slowest", second.max);
}

struct Placed {
  size_t applications = 0;
  std::uint64_t resources = 0;  // on all agents, everything counted
};

Placed place_many(const Hub& hub, const Fleet& fleet, size_t applications) {
  const auto before = fleet.state();
  const auto deployments = ready_deployments(hub);
  const double cpu = usage_of(hub.pid()).cpu_seconds;
  const double agents_cpu = fleet.cpu_seconds();
  const double nats_cpu = usage_of(hub.nats_pid()).cpu_seconds;
  const std::uint64_t places = (fleet.enrolled() + kGroups - 1) / kGroups;
  const auto begin = Steady::now();
  const double acknowledged = apply_all(hub, applications, [](size_t n) {
    return application(fmt::format("app-{}", n), fmt::format("group-{}", n % kGroups), "i");
  });
  wait_until("everything is applied", seconds(900),
             [&] { return fleet.state().present >= before.present + applications * places; });
  const double applied = seconds_since(begin);
  wait_until("and confirmed", seconds(900), [&] { return fleet.state().settled == fleet.enrolled(); });
  const double confirmed = seconds_since(begin);
  wait_until("and every deployment is ready", seconds(900), [&] {
    if (ready_deployments(hub) == deployments + applications) return true;
    nap(std::chrono::milliseconds(200));
    return false;
  });
  const double ready = seconds_since(begin);
  const std::string what = fmt::format("{} applications x {} places", applications, places);
  print_row(what + ": all acknowledged", in_seconds(acknowledged));
  print_row("  all applied on the agents", in_seconds(applied));
  print_row("  all status in the hub", in_seconds(confirmed), "120 s", "20 s");
  print_row("  every deployment shown ready", in_seconds(ready));
  print_row("  memory of the hub, peak", fmt::format("{:.0f} MB", usage_of(hub.pid()).peak_mb), "1 GB",
            "512 MB");
  print_note(fmt::format("processor: hub {:.1f} s, nats-server {:.1f} s, agents {:.1f} s; {}",
                         usage_of(hub.pid()).cpu_seconds - cpu,
                         usage_of(hub.nats_pid()).cpu_seconds - nats_cpu, fleet.cpu_seconds() - agents_cpu,
                         hub.memory()));
  return {applications, fleet.state().present};
}

// Killed while new versions of 20 applications are on their way.
void kill_hub(Hub& hub, const Fleet& fleet) {
  constexpr size_t kChanged = 20;
  const std::uint64_t places = (fleet.enrolled() + kGroups - 1) / kGroups;
  const auto before = fleet.state().applies;
  const auto deployments = ready_deployments(hub);
  apply_all(hub, kChanged, [](size_t n) {
    return application(fmt::format("app-{}", n), fmt::format("group-{}", n % kGroups), "j");
  });
  hub.kill9();
  const auto begin = Steady::now();
  const double serving = hub.start();
  wait_until("what was on its way is applied", seconds(300),
             [&] { return fleet.state().applies >= before + kChanged * places; });
  wait_until("and confirmed", seconds(300), [&] { return fleet.state().settled == fleet.enrolled(); });
  const double synced = seconds_since(begin);
  // One by one: a list of all of them, with their places, costs the hub a second.
  for (size_t n = 0; n < kChanged; ++n)
    wait_until("and every deployment is ready", seconds(300), [&] {
      if (deployment_is_ready(hub, fmt::format("app-{}.group-{}", n, n % kGroups))) return true;
      nap(std::chrono::milliseconds(10));
      return false;
    });
  const double ready = seconds_since(begin);
  wait_until("and all others still are", seconds(300), [&] { return ready_deployments(hub) == deployments; });
  print_row("hub kill -9 amid 20 changes -> its API answers", in_seconds(serving));
  print_row("  everything applied, and its status in the hub", in_seconds(synced), "10 s", "2 s");
  print_row("  every deployment shown ready", in_seconds(ready));
  print_note(
      fmt::format("processor of the new hub: {:.2f} s; {}", usage_of(hub.pid()).cpu_seconds, hub.memory()));
}

void idle(const Hub& hub, const Fleet& fleet, const Placed& placed) {
  constexpr int kSeconds = 30;
  nap(seconds(5));
  const double hub_before = usage_of(hub.pid()).cpu_seconds;
  const double nats_before = usage_of(hub.nats_pid()).cpu_seconds;
  const auto begin = Steady::now();
  nap(seconds(kSeconds));
  const double took = seconds_since(begin);
  const auto percent = [&](pid_t pid, double before) {
    return fmt::format("{:.1f} %", (usage_of(pid).cpu_seconds - before) / took * 100);
  };
  print_row(fmt::format("idle, {} agents and {} resources: processor of the hub", fleet.enrolled(),
                        placed.resources),
            percent(hub.pid(), hub_before), "5 %", "1 %");
  print_row("  of nats-server", percent(hub.nats_pid(), nats_before));
}

}  // namespace

void fleet_1000(const Setup& setup) {
  const size_t agents = setup.agents != 0 ? setup.agents : 1'000;
  const size_t applications = setup.applications != 0 ? setup.applications : 1'000;
  Hub hub({.binaries = setup.binaries, .profiles = setup.profiles, .folder = setup.folder});
  hub.apply(*hub.client(), environments());
  Fleet fleet({.binaries = setup.binaries, .folder = setup.folder, .journals = setup.journals}, hub);
  print_heading(fmt::format("{} agents, {} applications", agents, applications));
  const double enrolled = fleet.enrol(agents, labels_of);
  print_row("enrolled, an identity each", in_seconds(enrolled));
  fleet.hold();
  print_row("connected and in sync, with TLS", in_seconds(fleet.connect(seconds(300))));
  print_note(hub.memory());
  latency(hub, 200);
  fan_out(hub, fleet, 30);
  const auto placed = place_many(hub, fleet, applications);
  kill_hub(hub, fleet);
  idle(hub, fleet, placed);
}

}  // namespace qleet::bench
