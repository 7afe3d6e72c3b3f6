// One long-running container: replaced in place, since what it keeps (a volume) cannot be shared by two.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>

#include "common/engine/start.h"
#include "common/model/reasons.h"
#include "providers/container/body.h"
#include "providers/container/ended.h"
#include "providers/container/images.h"
#include "providers/container/kinds.h"
#include "providers/container/names.h"
#include "providers/container/template.h"

namespace qleet::container {

namespace {

using State = Observation::State;

constexpr const char* kKind = "container";
constexpr Millis kSoon{500};

class ContainerHandler final : public Handler {
 public:
  explicit ContainerHandler(Context& context) : context_(context) {}

  Result<Observation> observe(const ProviderResource& resource) override;
  Result<StepResult> apply(const ProviderResource& resource, const Observation& seen) override;
  Result<StepResult> remove(const ProviderResource& resource, const Observation& seen) override;

 private:
  Result<std::optional<containers::ContainerDetails>> find(const ProviderResource& resource);
  std::string network_of(const ProviderResource& resource, const ContainerSpec& spec) const {
    return spec.network.empty() ? network_name(resource.owner) : spec.network;
  }
  void judge_running(const ProviderResource& resource, const ContainerSpec& spec,
                     const containers::ContainerDetails& details, Observation& out);
  std::map<std::string, std::string> self_of(const ProviderResource& resource, const ContainerSpec& spec,
                                             const containers::ContainerDetails& details) const;
  Result<> create(const ProviderResource& resource, const ContainerSpec& spec);
  Result<StepResult> start(const ProviderResource& resource, const ContainerSpec& spec,
                           const std::string& name);

  Context& context_;
};

// Which check to run when the template names none: that its first port answers.
CheckSpec check_of(const ContainerSpec& spec) {
  if (spec.health.how != CheckSpec::How::kNone) return spec.health;
  for (const auto& port : spec.ports) {
    if (port.protocol == "tcp") {
      CheckSpec check = spec.health;
      check.how = CheckSpec::How::kTcp;
      check.port = port.container;
      return check;
    }
  }
  return spec.health;
}

// Names of the secrets alone.
std::string refused_message(const ContainerSpec& spec, const containers::ContainerDetails& details) {
  std::vector<std::string> secrets;
  for (const auto& [name, value] : spec.process.secrets) secrets.push_back(name);
  std::vector<std::string> volumes;
  for (const auto& mount : spec.process.volumes) volumes.push_back(mount.volume);
  return fmt::format(
      "{} runs, but refuses the credentials that are handed out (secret {}): the data in volume {} was "
      "made with others. Restore this agent's journal, or the data, from the backup in which they belong "
      "together; or, to begin without that data, delete the database and its volume",
      details.name, secrets.empty() ? "none" : fmt::format("{}", fmt::join(secrets, ", ")),
      volumes.empty() ? "none" : fmt::format("{}", fmt::join(volumes, ", ")));
}

std::string address_in(const std::string& network, const containers::ContainerDetails& details) {
  if (network == "host") return "127.0.0.1";
  const auto it = details.networks.find(network);
  return it == details.networks.end() ? std::string() : it->second.ip;
}

Result<std::optional<containers::ContainerDetails>> ContainerHandler::find(const ProviderResource& resource) {
  const std::string name = base_name(resource);
  context_.notifier().knows(name, resource.name);
  auto details = context_.client().inspect(name);
  if (details) {
    if (!owned(details->labels, resource)) {
      return fail(Code::kConflict, reasons::kProviderError,
                  fmt::format("a container named {} exists that is not ours: rename or remove it", name));
    }
    return std::optional(std::move(*details));
  }
  if (details.error().code != Code::kNotFound) return std::unexpected(details.error());
  // Someone may have renamed it: labels tell.
  for (const auto& one : TRY(context_.client().list(selector(resource)))) {
    auto renamed = context_.client().inspect(one.id);
    if (renamed) return std::optional(std::move(*renamed));
  }
  return std::nullopt;
}

std::map<std::string, std::string> ContainerHandler::self_of(
    const ProviderResource& resource, const ContainerSpec& spec,
    const containers::ContainerDetails& details) const {
  const std::string network = network_of(resource, spec);
  std::map<std::string, std::string> self{
      {"address", network == "host" ? "127.0.0.1" : (spec.alias.empty() ? base_name(resource) : spec.alias)},
      {"container", base_name(resource)},
      {"ip", address_in(network, details)},
      {"network", network},
      {"image", spec.process.image}};
  for (const auto& port : spec.ports) {
    const auto it = details.published.find(fmt::format("{}/{}", port.container, port.protocol));
    if (it != details.published.end()) {
      self[fmt::format("port.{}", port.container)] = std::to_string(it->second);
    } else if (network == "host") {
      self[fmt::format("port.{}", port.container)] = std::to_string(port.container);
    }
  }
  return self;
}

void ContainerHandler::judge_running(const ProviderResource& resource, const ContainerSpec& spec,
                                     const containers::ContainerDetails& details, Observation& out) {
  const std::string life = life_of(details);
  context_.prober().keep_only(resource.name, {life});
  const Health health =
      context_.prober().ask(life, {.resource = resource.name,
                                   .container = details.name,
                                   .address = address_in(network_of(resource, spec), details),
                                   .check = check_of(spec)});
  out.self = self_of(resource, spec, details);
  if (health.ok) {
    out.state = State::kReady;
    out.counts->ready = 1;
    return;
  }
  if (health.refused) {
    out.state = State::kDegraded;
    out.reason = reasons::kCredentialsRefused;
    out.message = refused_message(spec, details);
    return;
  }
  const auto last = context_.endings().last(details.id);
  const std::string before = restarted(out.counts->restarts, last, details.memory);
  const bool crashes = out.counts->restarts > 0 && last;
  out.reason = health.ever_ok || health.failures > 20 ? reasons::kProbeFailing
               : crashes                              ? reason_of(*last)
                                                      : reasons::kCreating;
  out.state = health.ever_ok ? State::kDegraded : State::kProgressing;
  out.message =
      fmt::format("{}: {}{}", health.ever_ok ? "runs but is not ready" : "waits for its health check",
                  health.message, before.empty() ? "" : "; " + before);
}

Result<Observation> ContainerHandler::observe(const ProviderResource& resource) {
  const ContainerSpec spec = TRY(parse_container(resource.template_));
  Observation out;
  out.counts = Counts{.replicas = 1};
  const auto details = TRY(find(resource));
  if (!details) {
    if (context_.mounts().has(base_name(resource))) out.state = State::kOutOfDate;  // its files still are
    const auto pull = context_.jobs().look("pull " + spec.process.image);
    if (pull.running) {
      out.state = State::kProgressing;
      out.reason = reasons::kCreating;
      out.message = fmt::format("pulling image {}", spec.process.image);
    } else if (pull.error) {
      out.reason = pull.error->reason;
      out.message = pull.error->message;
    }
    return out;
  }
  out.state = State::kOutOfDate;
  if (context_.jobs().look("remove " + details->id).running) {
    out.state = State::kProgressing;
    out.reason = reasons::kUpdating;
    out.message = fmt::format("{} is being stopped", details->name);
    return out;
  }
  if (label(details->labels, labels::kHash) != resource.hash) {
    out.reason = reasons::kUpdating;
    out.message = fmt::format("{} was made for an older version and is replaced", details->name);
    return out;
  }
  std::string drift = drift_of(context_, spec.process, network_of(resource, spec), *details);
  if (drift.empty() && details->name != base_name(resource)) drift = "was renamed";
  if (!drift.empty()) {
    out.reason = reasons::kDriftRepaired;
    out.message = fmt::format("{} {}", details->name, drift);
    return out;
  }
  out.counts->restarts =
      restarts_of(context_.mounts(), base_name(resource), short_hash(resource.hash), *details);
  if (details->running()) {
    judge_running(resource, spec, *details, out);
    return out;
  }
  context_.prober().keep_only(resource.name, {});
  if (details->state == "paused") {
    out.reason = reasons::kDriftRepaired;
    out.message = fmt::format("{} was paused", details->name);
  } else if (details->state == "created" || details->state == "initialized" ||
             details->state == "configured") {
    out.reason = reasons::kCreating;
    out.message = "starting its container";
  } else if (details->state == "restarting") {
    // Docker does it by itself, after a short while.
    const auto last = context_.endings().last(details->id).value_or(containers::ending_of(*details));
    out.state = State::kProgressing;
    out.reason = reason_of(last);
    out.message = why_ended({.ending = last, .memory = details->memory, .restarts = out.counts->restarts});
    out.recheck_after = kSoon;
  } else if (details->state == "removing" || details->state == "stopping") {
    out.state = State::kProgressing;
    out.reason = reasons::kUpdating;
    out.message = fmt::format("{} is {}", details->name, details->state);
    out.recheck_after = kSoon;
  } else {
    const Ended how = ended(*details, out.counts->restarts);
    out.reason = reason_of(how.ending);
    out.message = why_ended(how);
    const Millis wait = context_.restarts().remaining(details->name);
    if (wait > Millis(0)) {
      out.state = State::kDegraded;
      out.recheck_after = wait;
    }
  }
  return out;
}

Result<> ContainerHandler::create(const ProviderResource& resource, const ContainerSpec& spec) {
  const std::string name = base_name(resource);
  const std::string network = network_of(resource, spec);
  if (spec.network.empty())
    TRY(context_.ensure_network(resource.owner, "", {{labels::kOwner, resource.owner}}));
  TRY(check_volumes(context_, resource, spec.process));
  Placement placement;
  placement.labels = ownership(resource, kKind);
  placement.network = network;
  placement.aliases = {name};
  if (!spec.alias.empty()) placement.aliases.push_back(spec.alias);
  placement.ports = spec.ports;
  placement.limits = context_.limits();
  placement.binds = TRY(context_.mounts().write(name, short_hash(resource.hash), spec.process));
  const auto created = context_.client().create_container(name, create_body(spec.process, placement));
  if (!created && created.error().code != Code::kExists) return std::unexpected(created.error());
  return {};
}

Result<StepResult> ContainerHandler::start(const ProviderResource& resource, const ContainerSpec& spec,
                                           const std::string& name) {
  for (const auto& port : spec.ports) {
    if (port.publish && port.host != 0)
      TRY(containers::check_port_free(port.host_ip, port.host, port.protocol));
  }
  // Written again: a folder on a tmpfs is empty after a reboot.
  TRY(context_.mounts().write(base_name(resource), short_hash(resource.hash), spec.process));
  TRY(context_.hand_over_files(name, base_name(resource), short_hash(resource.hash), spec.process));
  auto started = containers::start_or_discard(context_.client(), name);
  if (started) return StepResult{.done = true};
  Error error = std::move(started).error();
  const bool ours = !spec.process.nofile && !spec.process.nproc;
  if (error.reason == reasons::kLimitRefused && ours && context_.lower_limits(context_.limits())) {
    TRY(context_.client().remove(name));
    return StepResult{.done = false, .message = "trying lower limits on open files and processes"};
  }
  return std::unexpected(std::move(error));
}

Result<StepResult> ContainerHandler::apply(const ProviderResource& resource, const Observation&) {
  ContainerSpec spec = TRY(parse_container(resource.template_));
  const std::string name = base_name(resource);
  const auto found = TRY(find(resource));
  if (found) {
    const bool same = label(found->labels, labels::kHash) == resource.hash;
    const std::string network = network_of(resource, spec);
    if (same && found->name != name) {
      TRY(context_.client().rename(found->id, name));
      return StepResult{.done = false};
    }
    if (same && network != "host" && !network.starts_with("container:") &&
        !found->networks.contains(network) && found->running()) {
      std::vector<std::string> aliases{name};
      if (!spec.alias.empty()) aliases.push_back(spec.alias);
      TRY(context_.client().connect(network, name, aliases));
      return StepResult{.done = false};
    }
    if (!same || !drift_of(context_, spec.process, network, *found).empty()) {
      // Before the old one goes, so that a bad image does not take down what works.
      const auto content = TRY(ensure_kept_content(context_, resource, spec.process.image, &*found));
      if (content.pulling)
        return StepResult{.done = false, .recheck_after = Millis(5'000), .message = *content.pulling};
      if (!TRY(context_.take_away(found->id, spec.grace, resource.name))) {
        return StepResult{.done = false, .recheck_after = kSoon, .message = fmt::format("stopping {}", name)};
      }
      const std::string old = short_hash(label(found->labels, labels::kHash));
      if (old != short_hash(resource.hash)) TRY(context_.mounts().remove(name, old));
      context_.restarts().forget(name);
      return StepResult{.done = false};
    }
    if (found->state == "paused") {
      TRY(context_.client().unpause(found->id));
      return StepResult{.done = true};
    }
    if (found->running()) return StepResult{.done = true};
    const bool again = found->state == "exited" || found->state == "stopped" || found->state == "dead";
    if (again) {
      const Millis wait = context_.restarts().remaining(name);
      if (wait > Millis(0))
        return StepResult{.done = false, .recheck_after = wait, .message = "waits before a restart"};
      context_.restarts().note(name);
    }
    auto started = start(resource, spec, name);
    if (started && again)
      note_restart(context_.mounts(), base_name(resource), short_hash(resource.hash), *found);
    return started;
  }
  auto content = TRY(ensure_kept_content(context_, resource, spec.process.image, nullptr));
  if (content.pulling)
    return StepResult{.done = false, .recheck_after = Millis(5'000), .message = *content.pulling};
  spec.process.image = std::move(content.name);
  TRY(create(resource, spec));
  return start(resource, spec, name);
}

Result<StepResult> ContainerHandler::remove(const ProviderResource& resource, const Observation&) {
  const auto spec = parse_container(resource.template_);
  const Millis grace = spec ? spec->grace : Millis(10'000);
  context_.prober().keep_only(resource.name, {});
  for (const auto& one : TRY(context_.client().list(selector(resource)))) {
    if (!TRY(context_.take_away(one.id, grace, resource.name))) {
      return StepResult{
          .done = false, .recheck_after = kSoon, .message = fmt::format("stopping {}", one.name)};
    }
  }
  TRY(context_.mounts().remove_all(base_name(resource)));
  context_.restarts().forget(base_name(resource));
  context_.notifier().forget(resource.name);
  return StepResult{.done = true};
}

}  // namespace

std::unique_ptr<Handler> make_container(Context& context) {
  return std::make_unique<ContainerHandler>(context);
}

}  // namespace qleet::container
