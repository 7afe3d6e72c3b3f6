// As many agents as the open files of one nats-server allow, enrolment of 10,000, and their first sync.
#include <fmt/format.h>

#include "bench/fleet/fleet.h"
#include "bench/fleet/hub.h"
#include "bench/fleet/report.h"
#include "bench/fleet/scenarios.h"
#include "bench/fleet/world.h"
#include "qleet/v1/region.pb.h"

namespace qleet::bench {
namespace {

using std::chrono::seconds;

double percent_of(pid_t pid, seconds period) {
  const double before = usage_of(pid).cpu_seconds;
  const auto begin = Steady::now();
  nap(period);
  return (usage_of(pid).cpu_seconds - before) / seconds_since(begin) * 100;
}

bool shown_lost(cli::HubClient& client, const std::string& agent) {
  v1::Agent stored;
  if (const auto got = client.get_into("/v1/agents/" + agent, stored); !got)
    fail_with("agent: " + got.error().message);
  return stored.status().state() == "Lost";
}

}  // namespace

void first_sync(const Setup& setup) {
  const size_t agents = setup.agents != 0 ? setup.agents : 500;
  const size_t applications = setup.applications != 0 ? setup.applications : 50'000;
  Hub hub({.binaries = setup.binaries, .profiles = setup.profiles, .folder = setup.folder});
  std::string documents = environments();
  for (size_t i = 0; i < agents; ++i) {
    if (i % 200 == 0 && i > 0) {
      hub.apply(*hub.client(), documents);
      documents.clear();
    }
    documents += fmt::format(
        "---\napiVersion: qleet.io/v1\nkind: Environment\nmetadata: {{name: only-{}}}\n"
        "spec: {{profiles: [scope=bench], regions: {{selector: only={}}}}}\n",
        i, i);
  }
  hub.apply(*hub.client(), documents);
  Fleet fleet({.binaries = setup.binaries, .folder = setup.folder, .journals = setup.journals}, hub);
  print_heading(fmt::format("first sync: {} applications over {} agents", applications, agents));
  fleet.enrol(agents, [](size_t number) {
    return std::map<std::string, std::string>{{"only", std::to_string(number)}};
  });
  fleet.hold();
  fleet.connect(seconds(300));
  const auto begin = Steady::now();
  const double acknowledged = apply_all(hub, applications, [&](size_t n) {
    return application(fmt::format("app-{}", n), fmt::format("only-{}", n % agents), "i");
  });
  wait_until("everything is applied", seconds(1200), [&] { return fleet.state().present >= applications; });
  wait_until("and confirmed", seconds(300), [&] { return fleet.state().settled == agents; });
  print_row("all applications acknowledged", in_seconds(acknowledged));
  print_row("all applied, and their status in the hub", in_seconds(seconds_since(begin)), "300 s", "30 s");
  wait_until("and every deployment is ready", seconds(600), [&] {
    if (ready_deployments(hub) == applications) return true;
    nap(std::chrono::milliseconds(500));
    return false;
  });
  print_row("every deployment shown ready", in_seconds(seconds_since(begin)));
  print_note(fmt::format("processor: hub {:.1f} s; {}", usage_of(hub.pid()).cpu_seconds, hub.memory()));
}

void fleet_10000(const Setup& setup) {
  const size_t agents = setup.agents != 0 ? setup.agents : 10'000;
  const size_t applications = setup.applications != 0 ? setup.applications : 100;
  Hub hub({.binaries = setup.binaries, .profiles = setup.profiles, .folder = setup.folder});
  hub.apply(*hub.client(), environments());
  Fleet fleet({.binaries = setup.binaries, .folder = setup.folder, .journals = setup.journals}, hub);
  print_heading(fmt::format("{} agents", agents));
  print_row("enrolled, an identity each", in_seconds(fleet.enrol(agents - 1, labels_of)), "120 s", "20 s");
  fleet.hold();
  // The one that dies has a process of its own.
  fleet.enrol(1, labels_of);
  fleet.hold();
  print_row("connected and in sync, with TLS", in_seconds(fleet.connect(seconds(600))));
  print_note(hub.memory());
  print_row("idle, no resources: processor of the hub",
            fmt::format("{:.1f} %", percent_of(hub.pid(), seconds(30))));

  const auto begin = Steady::now();
  apply_all(hub, applications, [](size_t n) {
    return application(fmt::format("app-{}", n), fmt::format("group-{}", n % kGroups), "i");
  });
  const auto places = applications * (agents / kGroups);
  wait_until("everything is applied", seconds(900), [&] { return fleet.state().present >= places; });
  wait_until("and confirmed", seconds(300), [&] { return fleet.state().settled == agents; });
  print_row(fmt::format("{} applications in {} places each", applications, agents / kGroups),
            in_seconds(seconds_since(begin)));
  print_note(hub.memory());
  nap(seconds(10));
  const double nats_before = usage_of(hub.nats_pid()).cpu_seconds;
  const auto idle_begin = Steady::now();
  print_row(fmt::format("idle, {} resources: processor of the hub", fleet.state().present),
            fmt::format("{:.1f} %", percent_of(hub.pid(), seconds(30))), "5 %", "1 %");
  print_row("  of nats-server", fmt::format("{:.1f} %", (usage_of(hub.nats_pid()).cpu_seconds - nats_before) /
                                                            seconds_since(idle_begin) * 100));

  const auto client = hub.client();
  fleet.last_process().kill9();
  print_row("an agent killed -> shown lost",
            in_seconds(wait_until("the dead agent is noticed", seconds(120),
                                  [&] {
                                    nap(std::chrono::milliseconds(20));
                                    return shown_lost(*client, Fleet::name(agents - 1));
                                  })),
            "20 s", "3 s");
}

void fleet_19000(const Setup& setup) {
  const size_t agents = setup.agents != 0 ? setup.agents : 19'000;
  Hub hub({.binaries = setup.binaries, .profiles = setup.profiles, .folder = setup.folder});
  hub.apply(*hub.client(), environments());
  Fleet fleet({.binaries = setup.binaries, .folder = setup.folder, .journals = setup.journals}, hub);
  print_heading(fmt::format("{} agents", agents));
  print_row("enrolled, an identity each", in_seconds(fleet.enrol(agents, labels_of)));
  fleet.hold();
  print_row("connected and in sync, with TLS", in_seconds(fleet.connect(seconds(900))));
  nap(seconds(15));
  const double memory = usage_of(hub.pid()).resident_mb + usage_of(hub.nats_pid()).resident_mb;
  print_row("agents connected", std::to_string(fleet.state().connected), "19000", "50000+");
  print_row("memory of hub and nats-server", fmt::format("{:.0f} MB", memory), "1536 MB");
  print_row("  for each agent", fmt::format("{:.0f} KB", memory * 1024 / static_cast<double>(agents)), "",
            "60 KB");
  print_note(hub.memory());
  print_note(fmt::format("the simulator: {:.0f} MB, {:.0f} KB for each agent", fleet.resident_mb(),
                         fleet.resident_mb() * 1024 / static_cast<double>(agents)));
  print_row("idle: processor of the hub", fmt::format("{:.1f} %", percent_of(hub.pid(), seconds(20))));
}

}  // namespace qleet::bench
