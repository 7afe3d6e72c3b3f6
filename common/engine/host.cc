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
      client_(options_.socket),
      jobs_([this](const std::string& resource) { notifier_.notify(resource); }) {}

std::shared_ptr<void> Host::watch(Notifier::Changed changed) {
  struct Handle {
    std::shared_ptr<void> subscription;
    Watcher watcher;
  };
  // The watcher goes first, so that nobody is told after the subscription has ended.
  auto subscription = notifier_.subscribe(std::move(changed));
  return std::shared_ptr<Handle>(new Handle{std::move(subscription), {client_, notifier_}});
}

Result<> Host::ensure_network(const std::string& owner, const std::string& subnet, const Labels& labels) {
  const std::lock_guard lock(network_mutex_);
  const std::string name = network_name(owner);
  const auto found = client_.inspect_network(name);
  if (found) return {};
  if (found.error().code != Code::kNotFound) return std::unexpected(found.error());
  std::string chosen = subnet;
  if (chosen.empty()) {
    std::vector<std::string> used = host_subnets();
    for (const auto& network : TRY(client_.list_networks({}))) {
      if (!network.subnet.empty()) used.push_back(network.subnet);
    }
    chosen = choose_subnet(owner, used);
  }
  auto created = client_.create_network(name, labels, choose_bridge(owner, interface_exists), chosen);
  if (!created && created.error().code != Code::kExists) return created;
  return {};
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
  return fmt::format("pulling image {}{}{}", image, state.progress.empty() ? "" : ": ", state.progress);
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
  const std::lock_guard lock(limits_mutex_);
  if (!limits_) {
    auto hard = limits_of(client_.service_pid());
    if (!hard) hard = limits_of(0);
    limits_ = default_limits(hard.value_or(Limits{1024, 1024}));
  }
  return *limits_;
}

bool Host::lower_limits(const Limits& refused) {
  const std::lock_guard lock(limits_mutex_);
  const auto lower = step_down(refused);
  if (!lower) return false;
  if (limits_ && (limits_->nofile < refused.nofile || limits_->nproc < refused.nproc)) return true;
  kLog.warn("this host refuses limits on containers, trying lower ones",
            {{"nofile", std::to_string(lower->nofile)}, {"nproc", std::to_string(lower->nproc)}});
  limits_ = lower;
  return true;
}

}  // namespace qleet::containers
