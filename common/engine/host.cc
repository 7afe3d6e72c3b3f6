#include "common/engine/host.h"

#include <fmt/format.h>

#include "common/engine/host_network.h"
#include "common/engine/ownership.h"
#include "common/log/log.h"
#include "common/model/reasons.h"

namespace qleet::containers {

namespace {
constexpr log::Logger kLog{"container-host"};
}

Host::Host(HostOptions options)
    : options_(std::move(options)),
      client_(options_.socket, options_.timed_out, options_.call_ended),
      jobs_([this](const std::string& resource) { notifier_.notify(resource); }) {}

std::shared_ptr<void> Host::watch(Notifier::Changed changed) {
  struct Handle {
    std::shared_ptr<void> subscription;
    Watcher watcher;
  };
  // The watcher goes first, so that nobody is told after the subscription has ended.
  auto subscription = notifier_.subscribe(std::move(changed));
  return std::shared_ptr<Handle>(new Handle{std::move(subscription), {client_, notifier_, endings_}});
}

Result<> Host::ensure_network(const std::string& owner, const std::string& subnet, const Labels& labels) {
  if (!TRY(make_network(owner, subnet, labels))) return {};
  for (const auto& resource : notifier_.resources()) notifier_.notify(resource);
  return {};
}

Result<bool> Host::make_network(const std::string& owner, const std::string& subnet, const Labels& labels) {
  const MutexLock lock(network_mutex_);
  const std::string name = network_name(owner);
  const auto found = look_at_network(name);
  if (found) return false;
  if (found.error().code != Code::kNotFound) return std::unexpected(found.error());
  // Not their subnet again: by their addresses they are told apart from those on the new one.
  const auto left_behind = TRY(subnets_in_use(owner, name));
  if (!left_behind.empty()) {
    kLog.warn("the agent's network was removed: it is made again, and containers on the old one are replaced",
              {{"network", name}});
  }
  std::string chosen = subnet;
  if (chosen.empty()) {
    std::vector<std::string> used = host_subnets();
    used.insert(used.end(), left_behind.begin(), left_behind.end());
    for (const auto& network : TRY(client_.list_networks({}))) {
      if (!network.subnet.empty()) used.push_back(network.subnet);
    }
    chosen = choose_subnet(owner, used);
  }
  forget_names(name);
  auto created = client_.create_network(name, labels, choose_bridge(owner, interface_exists), chosen);
  if (!created && created.error().code != Code::kExists) return std::unexpected(created.error());
  TRY(look_at_network(name));
  return true;
}

Result<std::vector<std::string>> Host::subnets_in_use(const std::string& owner, const std::string& network) {
  std::vector<std::string> subnets;
  for (const auto& one : TRY(client_.list({{labels::kOwner, owner}}))) {
    const auto details = client_.inspect(one.id);
    if (!details) continue;  // gone meanwhile
    const auto endpoint = details->networks.find(network);
    if (endpoint != details->networks.end() && !endpoint->second.ip.empty())
      subnets.push_back(endpoint->second.ip + "/24");
  }
  return subnets;
}

Result<Network> Host::look_at_network(const std::string& name) {
  auto found = client_.inspect_network(name);
  const MutexLock lock(seen_mutex_);
  if (found) {
    seen_networks_[name] = *found;
  } else if (found.error().code == Code::kNotFound) {
    seen_networks_.erase(name);
  }
  return found;
}

bool Host::astray(const std::string& network, const NetworkEndpoint& endpoint) {
  const MutexLock lock(seen_mutex_);
  const auto seen = seen_networks_.find(network);
  return seen != seen_networks_.end() && !in_subnet(endpoint.ip, seen->second.subnet).value_or(true);
}

void Host::look_at_host(const std::string& owner) {
  const auto resource = notifier_.resource_of(network_name(owner));
  if (!resource.empty()) notifier_.notify(resource);
}

Result<std::optional<std::string>> Host::ensure_image(const std::string& image, const std::string& resource) {
  const auto found = client_.inspect_image(image);
  if (found) return std::nullopt;
  if (found.error().code != Code::kNotFound) return std::unexpected(found.error());
  if (image.starts_with("localhost/")) {
    return fail(
        Code::kNotFound, reasons::kImageMissing,
        fmt::format("image {} is not on this host, and localhost/ names no registry to pull it from: build "
                    "or load it here, or name another image",
                    image));
  }
  const auto state = pull(image, resource);
  if (state.error) return std::unexpected(*state.error);
  return fmt::format("pulling image {}", image);
}

Jobs::State Host::pull(const std::string& image, const std::string& resource, std::function<void()> done) {
  return jobs_.run(
      "pull " + image, resource,
      [this, image, done = std::move(done)](std::stop_token stop, const auto& report) -> Result<> {
        const auto auth = options_.registry_auth ? options_.registry_auth(image) : std::nullopt;
        kLog.info("pulling image", {{"image", image}});
        TRY(client_.pull(image, auth, report, std::move(stop)));
        if (done) done();
        return {};
      });
}

Result<bool> Host::take_away(const std::string& name, Millis grace, const std::string& resource) {
  const auto found = client_.inspect(name);
  if (!found) {
    if (found.error().code == Code::kNotFound) return true;
    return std::unexpected(found.error());
  }
  if (!found->running()) {
    TRY(client_.remove(name));
    return true;
  }
  const auto state = jobs_.run("remove " + found->id, resource,
                               [this, id = found->id, grace](std::stop_token, const auto&) -> Result<> {
                                 const auto stopped = client_.stop(id, grace);
                                 if (!stopped && stopped.error().code == Code::kNotFound) return {};
                                 TRY(stopped);
                                 return client_.remove(id);
                               });
  if (state.error) return std::unexpected(*state.error);
  return false;
}

Limits Host::limits() {
  const MutexLock lock(limits_mutex_);
  if (!limits_) {
    auto hard = limits_of(client_.service_pid());
    if (!hard) hard = limits_of(0);
    limits_ = default_limits(hard.value_or(Limits{1024, 1024}));
  }
  return *limits_;
}

bool Host::lower_limits(const Limits& refused) {
  const MutexLock lock(limits_mutex_);
  const auto lower = step_down(refused);
  if (!lower) return false;
  if (limits_ && (limits_->nofile < refused.nofile || limits_->nproc < refused.nproc)) return true;
  kLog.warn("this host refuses limits on containers, trying lower ones",
            {{"nofile", std::to_string(lower->nofile)}, {"nproc", std::to_string(lower->nproc)}});
  limits_ = lower;
  return true;
}

}  // namespace qleet::containers
