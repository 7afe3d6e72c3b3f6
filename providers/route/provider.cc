#include "providers/route/provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "common/engine/host_network.h"
#include "common/engine/log_follower.h"
#include "common/engine/ownership.h"
#include "common/engine/start.h"
#include "common/model/reasons.h"
#include "common/thread/mutex.h"
#include "providers/route/follower.h"
#include "providers/route/router.h"
#include "providers/route/shapes.h"
#include "providers/route/template.h"

namespace qleet::route {

namespace {

namespace labels = containers::labels;
namespace fs = std::filesystem;
namespace json = boost::json;
using State = Observation::State;

constexpr Millis kSoon{200};
constexpr Millis kGrace{10'000};

std::string base_name(const ProviderResource& resource) {
  return containers::base_name(resource.owner, resource.name);
}

// As Entry::key.
std::string key_of(const ProviderResource& resource) { return resource.owner + "/" + resource.name; }

bool owned(const containers::Labels& found, const ProviderResource& resource) {
  return containers::label(found, labels::kOwner) == resource.owner &&
         containers::label(found, labels::kResource) == resource.name;
}

// Over what its container is made of. All else is its configuration, which a reload changes.
std::string container_hash(const RouterSpec& spec) {
  return containers::short_hash(fmt::format("{}\n{}", spec.image, spec.memory));
}

// Whether the container can run what is wanted. Those of before were not marked.
bool can_run(const containers::ContainerDetails& details, const RouterSpec& spec) {
  const std::string mark = containers::label(details.labels, labels::kRevision);
  return mark.empty() ? details.image == spec.image && details.memory == spec.memory
                      : mark == container_hash(spec);
}

// In the host's own network: it needs no forwarding rules of an engine, sees clients' addresses, and reaches
// containers by the host's bridge.
json::object create_body(const ProviderResource& resource, const RouterSpec& spec, const fs::path& folder,
                         const containers::Limits& limits) {
  const auto ulimit = [](const char* name, std::uint64_t value) {
    return json::object{{"Name", name}, {"Soft", value}, {"Hard", value}};
  };
  json::object host{
      {"NetworkMode", "host"},
      {"Binds", json::array{folder.string() + ":/run/qleet:rw"}},
      {"Ulimits", json::array{ulimit("nofile", limits.nofile), ulimit("nproc", limits.nproc)}},
      {"RestartPolicy", {{"Name", "on-failure"}, {"MaximumRetryCount", 3}}},
      {"CapDrop", json::array{"ALL"}},
      {"CapAdd", json::array{"NET_BIND_SERVICE"}},
      {"SecurityOpt", json::array{"no-new-privileges"}},
  };
  if (spec.memory > 0) host["Memory"] = spec.memory;
  return {{"Image", spec.image},
          {"Entrypoint", json::array{"haproxy"}},
          {"Cmd", json::array{"-W", "-db", "-S", "/run/qleet/master.sock,level,admin,mode,600", "-f",
                              "/run/qleet/haproxy.cfg"}},
          {"User", "0"},
          {"Labels",
           {{labels::kOwner, resource.owner},
            {labels::kResource, resource.name},
            {labels::kType, resource.type},
            {labels::kKind, "router"},
            {labels::kRevision, container_hash(spec)},
            {labels::kHash, resource.hash}}},
          {"HostConfig", std::move(host)}};
}

class RouteProvider final : public Provider {
 public:
  RouteProvider(Options options, EndpointBoard& board)
      : state_(fs::absolute(options.state) / "routers"),
        host_({.socket = options.socket,
               .registry_auth = options.registry_auth,
               .timed_out = options.timed_out,
               .call_ended = options.call_ended}),
        board_(board),
        follower_(board, [this](const std::string& route) { host_.notifier().notify(route); }) {
    follow_what_is_there();
  }

  std::string name() const override { return "route"; }
  TemplateSchema schema() const override { return route::schema(); }

  Result<Observation> observe(const ProviderResource& resource) override {
    return TRY(kind_of(resource)) == Kind::kRouter ? observe_router(resource) : observe_route(resource);
  }
  Result<StepResult> apply(const ProviderResource& resource, const Observation&) override {
    return TRY(kind_of(resource)) == Kind::kRouter ? apply_router(resource) : apply_route(resource);
  }
  Result<StepResult> remove(const ProviderResource& resource, const Observation&) override {
    const auto kind = kind_of(resource);
    if (kind) return *kind == Kind::kRouter ? remove_router(resource) : remove_route(resource);
    // What it was can no longer be told: whatever carries its name goes.
    const StepResult step = TRY(remove_router(resource));
    return step.done ? remove_route(resource) : step;
  }
  std::shared_ptr<void> watch(std::function<void(std::string)> changed) override {
    return host_.watch(std::move(changed));
  }
  Result<> logs(const ProviderResource& resource, const LogWish& wish,
                const std::function<bool(const LogLine&)>& sink) override;

 private:
  Result<Observation> observe_router(const ProviderResource& resource);
  Result<StepResult> apply_router(const ProviderResource& resource);
  Result<StepResult> remove_router(const ProviderResource& resource);
  Result<Observation> observe_route(const ProviderResource& resource);
  Result<StepResult> apply_route(const ProviderResource& resource);
  Result<StepResult> remove_route(const ProviderResource& resource);
  std::shared_ptr<Router> router(const std::string& name);
  void follow_what_is_there();
  // The hash of the template that a router is as wanted for.
  std::string made_for(const std::string& name, const containers::ContainerDetails& details);
  Result<std::optional<containers::ContainerDetails>> find(const ProviderResource& resource);

  fs::path state_;
  containers::Host host_;
  EndpointBoard& board_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Router>> routers_ GUARDED_BY(mutex_);
  Follower follower_;  // last: its thread uses what stands above
};

std::shared_ptr<Router> RouteProvider::router(const std::string& name) {
  const MutexLock lock(mutex_);
  auto& found = routers_[name];
  if (!found) {
    Surroundings around;
    around.check = [this, name](const std::string& file) -> Result<> {
      const auto checked = TRY(host_.client().exec(
          name, {.command = {"haproxy", "-c", "-q", "-f", "/run/qleet/" + file}}, Millis(10'000)));
      if (checked.exit_code == 0) return {};
      return fail(Code::kInvalid, reasons::kInvalidTemplate,
                  fmt::format("haproxy refuses its configuration: {}", checked.err.substr(0, 500)));
    };
    around.sight = [this](const Entry& entry) { return sight_of(board_, entry); };
    around.changed = [this](const Entry& entry) {
      host_.notifier().notify(entry.resource);
      follower_.again(entry.backend);
    };
    found = std::make_shared<Router>(state_ / name, std::move(around));
  }
  return found;
}

// After a restart of the agent, before anybody is asked to do anything: a workload that is to go must know at
// once which routes lead to it, whichever of them is looked at first.
void RouteProvider::follow_what_is_there() {
  std::error_code error;
  for (const auto& folder : fs::directory_iterator(state_, error)) {
    const auto via = router(folder.path().filename());
    for (const auto& entry : via->entries()) follower_.follow(entry, via);
  }
}

Result<std::optional<containers::ContainerDetails>> RouteProvider::find(const ProviderResource& resource) {
  const std::string name = base_name(resource);
  host_.notifier().knows(name, resource.name);
  auto details = host_.client().inspect(name);
  if (!details) {
    if (details.error().code == Code::kNotFound) return std::nullopt;
    return std::unexpected(details.error());
  }
  if (!owned(details->labels, resource)) {
    return fail(Code::kConflict, reasons::kProviderError,
                fmt::format("a container named {} exists that is not ours: rename or remove it", name));
  }
  return std::optional(std::move(*details));
}

std::string RouteProvider::made_for(const std::string& name, const containers::ContainerDetails& details) {
  const std::string noted = router(name)->made_for();
  return noted.empty() ? containers::label(details.labels, labels::kHash) : noted;
}

Result<Observation> RouteProvider::observe_router(const ProviderResource& resource) {
  const RouterSpec spec = TRY(parse_router(resource.template_));
  const std::string name = base_name(resource);
  Observation out;
  out.counts = Counts{.replicas = 1};
  const auto details = TRY(find(resource));
  if (!details) {
    const auto pull = host_.jobs().look("pull " + spec.image);
    if (pull.running) {
      out.state = State::kProgressing;
      out.message = fmt::format("pulling image {}", spec.image);
    } else if (pull.error) {
      out.reason = pull.error->reason;
      out.message = pull.error->message;
    }
    return out;
  }
  out.counts->restarts = details->restarts;
  out.state = State::kOutOfDate;
  if (host_.jobs().look("remove " + details->id).running) {
    out.state = State::kProgressing;
    out.message = fmt::format("{} is being stopped", name);
  } else if (made_for(name, *details) != resource.hash) {
    out.reason = reasons::kUpdating;
    out.message = can_run(*details, spec) ? "takes over its new settings" : "its container is replaced";
  } else if (details->state == "created" || details->state == "configured" ||
             details->state == "initialized") {
    out.reason = reasons::kCreating;
    out.message = fmt::format("{} was not started yet", name);
  } else if (!details->running()) {
    out.reason = details->state == "paused" ? reasons::kDriftRepaired : reasons::kExited;
    out.message = fmt::format("{} is {}, code {}", name, details->state, details->exit_code);
  } else if (!router(name)->current()) {
    out.reason = reasons::kCreating;
    out.message = fmt::format("{} does not run its newest configuration yet", name);
  } else {
    out.state = State::kReady;
    out.counts->ready = 1;
    const std::string address = spec.listen == "0.0.0.0" ? "127.0.0.1" : spec.listen;
    out.self = {{"name", name},
                {"address", address},
                {"port", std::to_string(spec.port)},
                {"url", fmt::format("http://{}:{}/", address, spec.port)},
                {"container", name}};
  }
  return out;
}

Result<StepResult> RouteProvider::apply_router(const ProviderResource& resource) {
  const RouterSpec spec = TRY(parse_router(resource.template_));
  const std::string name = base_name(resource);
  auto& client = host_.client();
  if (auto pulling = TRY(host_.ensure_image(spec.image, resource.name))) {
    return StepResult{.done = false, .recheck_after = Millis(5'000), .message = *pulling};
  }
  const auto details = TRY(find(resource));
  const Listen listen{spec.listen, spec.port, spec.settings};
  const bool other = details && made_for(name, *details) != resource.hash;
  if (other && details->running() && can_run(*details, spec)) {
    const Listen now = router(name)->listen();
    if (now.address != listen.address || now.port != listen.port)
      TRY(containers::check_port_free(spec.listen, spec.port));
    TRY(router(name)->change(listen));
    TRY(router(name)->note_made_for(resource.hash));
    return StepResult{.done = router(name)->current(), .recheck_after = kSoon};
  }
  if (other) {
    if (!TRY(host_.take_away(details->id, kGrace, resource.name))) {
      return StepResult{.done = false, .recheck_after = kSoon, .message = fmt::format("stopping {}", name)};
    }
    return StepResult{.done = false};
  }
  if (details && details->state == "paused") {
    TRY(client.unpause(name));
    return StepResult{.done = false};
  }
  if (details && details->running()) {
    TRY(router(name)->reload());
    return StepResult{.done = router(name)->current(), .recheck_after = kSoon};
  }
  TRY(router(name)->prepare(listen));
  TRY(router(name)->note_made_for(resource.hash));
  TRY(containers::check_port_free(spec.listen, spec.port));
  if (!details) {
    TRY(client.create_container(name, create_body(resource, spec, router(name)->folder(), host_.limits())));
  }
  auto started = containers::start_or_discard(client, name);
  if (!started) {
    if (started.error().reason == reasons::kLimitRefused && host_.lower_limits(host_.limits())) {
      TRY(client.remove(name));
      return StepResult{.done = false, .message = "trying lower limits on open files and processes"};
    }
    return std::unexpected(std::move(started).error());
  }
  return StepResult{.done = false, .recheck_after = kSoon, .message = fmt::format("starting {}", name)};
}

Result<StepResult> RouteProvider::remove_router(const ProviderResource& resource) {
  const std::string name = base_name(resource);
  const auto details = find(resource);
  if (!details && details.error().code != Code::kConflict) return std::unexpected(details.error());
  if (details && *details && !TRY(host_.take_away((*details)->id, kGrace, resource.name))) {
    return StepResult{.done = false, .recheck_after = kSoon, .message = fmt::format("stopping {}", name)};
  }
  std::error_code error;
  fs::remove_all(state_ / name, error);
  {
    const MutexLock lock(mutex_);
    routers_.erase(name);
  }
  host_.notifier().forget(resource.name);
  return StepResult{.done = true};
}

std::string taken(const RouteSpec& spec, const std::string& holder) {
  return fmt::format("{}{} is routed already, by {}: choose another host or path",
                     spec.host.empty() ? "any host" : spec.host, spec.path, holder);
}

Result<Observation> RouteProvider::observe_route(const ProviderResource& resource) {
  const RouteSpec spec = TRY(parse_route(resource.template_));
  const auto via = router(spec.router);
  Observation out;
  // After a restart of the agent this is where it is followed again, with what it left behind.
  const auto all = via->all_of(key_of(resource));
  for (const auto& one : all) follower_.follow(one, via);
  if (all.empty()) return out;
  out.state = State::kOutOfDate;
  const auto entry = std::ranges::find(all, false, &Entry::departing);
  if (entry == all.end()) return out;
  if (entry->hash != resource.hash) {
    out.reason = reasons::kUpdating;
    return out;
  }
  const auto holder = entry->serves ? std::nullopt : via->holder(*entry);
  if (holder && holder->outgoing) {
    // All that can be done before there is a replica is done, and its workload waits for this one.
    out.message =
        fmt::format("takes over from {} as soon as a replica of its workload is ready", holder->resource);
    out.recheck_after = Millis(2'000);
  } else if (!entry->serves) {
    if (holder && board_.leaving(entry->workload)) {
      out.state = State::kProgressing;
      out.reason = reasons::kUpdating;
      out.message = fmt::format("has passed to {}; its workload is being taken away", holder->resource);
    } else if (holder) {
      out.reason = reasons::kResourceConflict;
      out.message = taken(spec, holder->resource);
    }
    return out;
  }
  if (entry->serves && !via->serves(*entry)) {
    out.message = fmt::format("{} does not serve it yet", spec.router);
    return out;
  }
  if (const auto lacks = lacking_port(board_, *entry); !lacks.empty()) {
    out.state = State::kDegraded;
    out.reason = reasons::kInvalidParams;
    out.message = lacks;
    return out;
  }
  out.state = State::kReady;
  Listen listen = via->listen();
  if (listen.address == "0.0.0.0") listen.address = "127.0.0.1";
  const std::string& shown = spec.host.empty() ? listen.address : spec.host;
  const std::string port = listen.port == 80 ? "" : fmt::format(":{}", listen.port);
  out.self = {{"url", fmt::format("http://{}{}{}", shown, port, spec.path)},
              {"host", shown},
              {"path", spec.path},
              {"address", listen.address},
              {"port", std::to_string(listen.port)}};
  return out;
}

Result<StepResult> RouteProvider::apply_route(const ProviderResource& resource) {
  const RouteSpec spec = TRY(parse_route(resource.template_));
  const auto via = router(spec.router);
  Entry wanted;
  wanted.owner = resource.owner;
  wanted.resource = resource.name;
  wanted.hash = resource.hash;
  wanted.host = spec.host;
  wanted.path = spec.path;
  wanted.workload = spec.workload;
  wanted.port = spec.port;
  TRY(via->put(wanted));
  std::optional<Entry> now;
  for (const auto& entry : via->all_of(key_of(resource))) {
    follower_.follow(entry, via);
    follower_.again(entry.backend);
    if (!entry.departing) now = entry;
  }
  // It waits for its turn where it cannot have it yet, and takes it whatever becomes of this step.
  if (const auto holder = now && !now->serves ? via->holder(*now) : std::nullopt; holder && !holder->outgoing)
    return fail(Code::kConflict, reasons::kResourceConflict, taken(spec, holder->resource));
  return StepResult{.done = true};
}

Result<StepResult> RouteProvider::remove_route(const ProviderResource& resource) {
  // Wherever it is: the template may name another router by now, or none.
  bool gone = true;
  std::error_code error;
  for (const auto& folder : fs::directory_iterator(state_, error)) {
    const auto via = router(folder.path().filename());
    const auto all = via->all_of(key_of(resource));
    if (all.empty()) continue;
    gone = TRY(via->erase(key_of(resource))) && gone;
    for (const auto& entry : all) {
      // Followed also after a restart of the agent: somebody must find out when it is over.
      follower_.follow(entry, via);
      follower_.again(entry.backend);
    }
  }
  if (gone) return StepResult{.done = true};
  return StepResult{
      .done = false,
      .recheck_after = kSoon,
      .message = "serves until who takes over its host is ready, or it is clear that nobody does"};
}

Result<> RouteProvider::logs(const ProviderResource& resource, const LogWish& wish,
                             const std::function<bool(const LogLine&)>& sink) {
  if (TRY(kind_of(resource)) == Kind::kRoute)
    return fail(Code::kUnsupported, "a route has no log of its own; its router has one");
  const auto list = [&]() -> Result<std::vector<containers::LogSource>> {
    const auto details = TRY(find(resource));
    if (!details) return std::vector<containers::LogSource>{};
    return std::vector<containers::LogSource>{
        {.id = details->id, .name = details->name, .running = details->running()}};
  };
  return containers::read_logs(host_.client(), wish, list, {}, sink);
}

}  // namespace

std::unique_ptr<Provider> make_provider(Options options, EndpointBoard& board) {
  return std::make_unique<RouteProvider>(std::move(options), board);
}

}  // namespace qleet::route
