// Podman's service for one test.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/engine/podman_service.h"
#include "tests/support/engine_host.h"
#include "tests/support/eventually.h"

namespace qleet::test {

class PodmanHost final : public EngineHost {
 public:
  // Null with the reason in `why` where the host cannot run it (not root, no podman).
  static std::unique_ptr<PodmanHost> start(std::string& why,
                                           std::vector<std::string> insecure_registries = {});
  ~PodmanHost() override;

  containers::PodmanService& service() { return *service_; }
  const std::string& socket() const override { return service_->socket(); }
  // It brings itself back.
  bool kill_service() override;
  void bring_back_service() override;

 private:
  PodmanHost() = default;
  std::unique_ptr<containers::PodmanService> service_;
  int killed_ = 0;
};

}  // namespace qleet::test
