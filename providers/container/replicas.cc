#include "providers/container/replicas.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "common/model/reasons.h"
#include "providers/container/ended.h"
#include "providers/container/names.h"
#include "providers/container/steady.h"

namespace qleet::container {

namespace {

// What has just been started does not answer yet, which is no news.
constexpr Millis kProbeTellsLittle{10'000};

// RFC 3339 with a fraction of any length, made comparable as text (both in UTC, as engines write them).
std::string comparable(const std::string& time) {
  const std::size_t dot = time.find('.');
  if (dot == std::string::npos) return time.substr(0, 19) + ".000000000";
  std::size_t end = dot + 1;
  while (end < time.size() && time[end] >= '0' && time[end] <= '9') ++end;
  std::string fraction = time.substr(dot + 1, end - dot - 1);
  fraction.resize(9, '0');
  return time.substr(0, dot + 1) + fraction;
}

const WorkloadContainer* find_container(const WorkloadSpec& spec, const std::string& name) {
  for (const auto& container : spec.containers) {
    if (container.name == name) return &container;
  }
  return nullptr;
}

// Without any probe a workload is ready when its first TCP port answers.
CheckSpec readiness_of(const WorkloadSpec& spec, const WorkloadContainer& container) {
  if (container.readiness.how != CheckSpec::How::kNone) return container.readiness;
  const bool some = std::ranges::any_of(
      spec.containers, [](const auto& one) { return one.readiness.how != CheckSpec::How::kNone; });
  CheckSpec check;
  const auto port = std::ranges::find(spec.ports, "tcp", &ServicePort::protocol);
  if (some || port == spec.ports.end() || container.name != spec.containers.front().name) return check;
  check.how = CheckSpec::How::kTcp;
  check.port = port->target;
  return check;
}

void ask(Context& context, const ProviderResource& resource, const WorkloadSpec& spec, const std::string& ip,
         const std::string& files, Part& part, std::vector<std::string>& keys) {
  const WorkloadContainer* container = find_container(spec, part.name);
  if (!container || container->one_shot) return;
  const auto run = [&](const char* which, const CheckSpec& check) {
    const std::string key = fmt::format("{}/{}", life_of(part.details), which);
    keys.push_back(key);
    return context.prober().ask(
        key, {.resource = resource.name, .container = part.details.id, .address = ip, .check = check});
  };
  const auto readiness = readiness_of(spec, *container);
  if (readiness.how != CheckSpec::How::kNone)
    part.asked =
        container->readiness.how == CheckSpec::How::kNone ? Starting::Asked::kPort : Starting::Asked::kProbe;
  part.readiness = run("ready", readiness);
  if (readiness.how == CheckSpec::How::kNone && !is_steady(part.details.started_at, context.clock().wall()))
    part.readiness = {.ok = false,
                      .ever_ok = false,
                      .failures = 0,
                      .message = "is starting",
                      .refused = false,
                      .answered = false};
  part.liveness = run("live", container->liveness);
  if (part.was_ready || !(part.readiness.ok || part.readiness.ever_ok)) return;
  part.was_ready = true;
  note_ready(context.mounts(), base_name(resource), files);
}

void not_ready(Replica& replica, std::string_view reason, std::string message) {
  if (!replica.message.empty()) return;  // the first cause
  replica.reason = reason;
  replica.message = std::move(message);
}

// What an older version asked for; where that is no longer known, what is wanted now is the best guess.
WorkloadSpec version_of(Context& context, const ProviderResource& resource, const std::string& revision,
                        const WorkloadSpec& wanted) {
  const std::string text = context.mounts().read_note(base_name(resource), revision);
  google::protobuf::Struct object;
  if (text.empty() || !google::protobuf::util::JsonStringToMessage(text, &object).ok()) return wanted;
  return parse_workload(object, resource.id).value_or(wanted);
}

// Whether its address is the replica's.
bool gives_network(const WorkloadSpec& spec, const Part& part) {
  const WorkloadContainer* container = find_container(spec, part.name);
  return !part.details.network_mode.starts_with("container:") && !(container && container->own_network);
}

bool is_fresh(const containers::ContainerDetails& details) {
  return details.state == "created" || details.state == "initialized" || details.state == "configured";
}

void judge_ended(Context& context, Replica& replica, const Part& part) {
  const auto& details = part.details;
  replica.broken = true;
  if (is_fresh(details)) {
    not_ready(replica, reasons::kCreating, fmt::format("starting container \"{}\"", part.name));
  } else if (details.state == "paused") {
    not_ready(replica, reasons::kDriftRepaired, fmt::format("container \"{}\" was paused", part.name));
  } else if (details.state == "restarting") {
    // Docker does it by itself, after a short while.
    replica.broken = false;
    const auto last = context.endings().last(details.id).value_or(containers::ending_of(details));
    not_ready(replica, reason_of(last),
              fmt::format("container \"{}\" {}", part.name,
                          why_ended({.ending = last, .memory = details.memory, .restarts = part.restarts})));
  } else {
    const Ended how = ended(details, part.restarts);
    not_ready(replica, reason_of(how.ending), fmt::format("container \"{}\" {}", part.name, why_ended(how)));
  }
}

void judge_running(Context& context, Replica& replica, const Part& part) {
  const auto& details = part.details;
  if (cut_off(part, replica.parts.front())) {
    replica.broken = true;
    not_ready(replica, reasons::kDriftRepaired, fmt::format("container \"{}\" lost its network", part.name));
  }
  const auto last = context.endings().last(details.id);
  const std::string before = restarted(part.restarts, last, details.memory);
  const std::string suffix = before.empty() ? "" : "; " + before;
  if (!part.readiness.ok && part.readiness.ever_ok) {
    not_ready(replica, reasons::kProbeFailing,
              fmt::format("container \"{}\" is not ready: {}{}", part.name, part.readiness.message, suffix));
  } else if (!part.readiness.ok) {
    const bool tells = part.readiness.answered ||
                       is_steady(part.details.started_at, context.clock().wall(), kProbeTellsLittle);
    not_ready(replica, part.restarts > 0 && last ? reason_of(*last) : reasons::kCreating,
              fmt::format("container \"{}\" {}", part.name,
                          why_not_yet({.asked = part.asked,
                                       .answer = part.readiness.message,
                                       .tells = tells,
                                       .was_ready = part.was_ready,
                                       .restarts = part.restarts,
                                       .last = last,
                                       .memory = details.memory})));
  }
  if (!part.liveness.ok && part.liveness.ever_ok) {
    replica.broken = true;
    not_ready(replica, reasons::kProbeFailing,
              fmt::format("container \"{}\" does not live: {}{}", part.name, part.liveness.message, suffix));
  }
}

void judge(Context& context, Replica& replica) {
  const bool runs = std::ranges::any_of(replica.parts, [&](const Part& part) {
    return part.details.running() && gives_network(replica.spec, part);
  });
  if (runs && replica.ip.empty()) {
    replica.broken = true;
    not_ready(replica, reasons::kDriftRepaired, fmt::format("replica {} is off its network", replica.index));
  }
  const auto views = views_of(replica);
  std::string waiting;
  for (const auto& part : replica.parts) {
    if (context.jobs().look("remove " + part.details.id).running) replica.stopping = true;
    const WorkloadContainer* container = find_container(replica.spec, part.name);
    if (container && container->one_shot && ended_well(part.details)) continue;
    if (container && !part.details.running()) {
      if (auto wait = waits_for(replica.spec, *container, views); !wait.empty()) {
        waiting = std::move(wait);
        continue;
      }
    }
    if (part.details.running())
      judge_running(context, replica, part);
    else
      judge_ended(context, replica, part);
  }
  if (replica.current && replica.parts.size() < replica.spec.containers.size()) {
    replica.broken = true;
    not_ready(replica, reasons::kDriftRepaired, fmt::format("replica {} lacks a container", replica.index));
  }
  // What it waits for may have said why that takes so long.
  if (!waiting.empty()) not_ready(replica, reasons::kCreating, std::move(waiting));
  replica.ready = replica.message.empty() && !replica.stopping;
}

}  // namespace

std::string part_of(const std::string& revision, unsigned index, const std::string& container) {
  return fmt::format("{}.{}.{}", revision, index, container);
}

Result<> remember_version(Context& context, const ProviderResource& resource, const std::string& revision) {
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(resource.template_, &text).ok()) return {};
  return context.mounts().write_note(base_name(resource), revision, text);
}

bool ended_well(const containers::ContainerDetails& details) {
  return (details.state == "exited" || details.state == "stopped") && details.exit_code == 0 &&
         details.error.empty();
}

std::vector<PartView> views_of(const Replica& replica) {
  std::vector<PartView> views;
  for (const auto& part : replica.parts) {
    const bool running = part.details.running();
    views.push_back({.name = part.name,
                     .running = running,
                     .healthy = running && part.readiness.ok && part.liveness.ok,
                     .ended_well = ended_well(part.details)});
  }
  return views;
}

bool cut_off(const Part& part, const Part& owner) {
  return part.name != owner.name && part.details.network_mode.starts_with("container:") &&
         owner.details.running() && part.details.running() &&
         comparable(part.details.started_at) < comparable(owner.details.started_at);
}

Result<std::vector<Replica>> read_replicas(
    Context& context, const ProviderResource& resource, const std::string& revision, const WorkloadSpec& spec,
    const std::string& network,
    const std::function<bool(const containers::ContainerDetails&)>& also_current) {
  std::map<std::string, Replica> found;
  std::vector<std::string> keys;
  for (const auto& one : TRY(context.client().list(selector(resource)))) {
    auto details = context.client().inspect(one.id);
    if (!details) {
      if (details.error().code == Code::kNotFound) continue;  // gone meanwhile
      return std::unexpected(details.error());
    }
    context.notifier().knows(details->name, resource.name);
    Replica replica;
    replica.index =
        static_cast<unsigned>(std::strtoul(label(details->labels, labels::kReplica).c_str(), nullptr, 10));
    replica.revision = label(details->labels, labels::kRevision);
    replica.current = replica.revision == revision || (also_current && also_current(*details));
    const auto [place, added] = found.try_emplace(replica.key(), replica);
    auto& kept = place->second;
    kept.current = kept.current && replica.current;
    if (added) kept.spec = kept.current ? spec : version_of(context, resource, kept.revision, spec);
    const auto endpoint = details->networks.find(network);
    Part part{.name = label(details->labels, labels::kContainer), .details = std::move(*details)};
    if (gives_network(kept.spec, part) && endpoint != part.details.networks.end() &&
        !context.astray(network, endpoint->second)) {
      kept.ip = endpoint->second.ip;
    }
    const auto files = part_of(kept.revision, kept.index, part.name);
    part.restarts = restarts_of(context.mounts(), base_name(resource), files, part.details);
    const WorkloadContainer* container = find_container(kept.spec, part.name);
    part.was_ready = container && container->one_shot
                         ? ended_well(part.details)
                         : was_noted_ready(context.mounts(), base_name(resource), files);
    kept.parts.push_back(std::move(part));
  }
  std::vector<Replica> out;
  for (auto& [key, replica] : found) {
    const auto& first = replica.spec.containers.front().name;
    std::ranges::sort(replica.parts, {},
                      [&](const Part& part) { return std::pair(part.name != first, part.name); });
    for (auto& part : replica.parts) {
      if (!part.details.running()) continue;
      const auto files = part_of(replica.revision, replica.index, part.name);
      ask(context, resource, replica.spec, replica.ip, files, part, keys);
    }
    judge(context, replica);
    out.push_back(std::move(replica));
  }
  context.prober().keep_only(resource.name, keys);
  std::ranges::sort(out, [](const Replica& a, const Replica& b) {
    return std::pair(!a.current, a.index) < std::pair(!b.current, b.index);
  });
  return out;
}

}  // namespace qleet::container
