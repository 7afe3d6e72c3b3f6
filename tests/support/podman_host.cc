#include "tests/support/podman_host.h"

#include <signal.h>
#include <unistd.h>

namespace qleet::test {

std::unique_ptr<PodmanHost> PodmanHost::start(std::string& why,
                                              std::vector<std::string> insecure_registries) {
  if (::geteuid() != 0) {
    why = "containers need root";
    return nullptr;
  }
  std::unique_ptr<PodmanHost> host(new PodmanHost);
  if (!host->make_folder("/tmp/qleet-podman-XXXXXX", why)) return nullptr;
  auto service = containers::PodmanService::start({.state = host->state_,
                                                   .insecure_registries = std::move(insecure_registries),
                                                   .ask_every = Millis(500)});
  if (!service) {
    why = service.error().message;
    return nullptr;
  }
  host->service_ = std::move(*service);
  if (!host->connect(why)) return nullptr;
  return host;
}

PodmanHost::~PodmanHost() {
  if (service_) remove_everything();
  service_.reset();
  if (state_.empty()) return;
  (void)containers::PodmanService::remove_all(state_);
  std::error_code error;
  std::filesystem::remove_all(state_, error);
}

bool PodmanHost::kill_service() {
  killed_ = service_->pid();
  return ::kill(killed_, SIGKILL) == 0;
}

void PodmanHost::bring_back_service() {
  (void)eventually([&] { return service_->pid() != killed_ && client_->version().has_value(); },
                   Millis(60'000));
}

}  // namespace qleet::test
