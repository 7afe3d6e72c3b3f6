// A container engine for one test: podman's service with storage of its own in a temporary folder, which
// takes everything that the test made with it when it ends, also by a failure.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/engine/client.h"
#include "common/engine/podman_service.h"
#include "tests/support/eventually.h"

namespace qleet::test {

class PodmanHost {
 public:
  // Null with the reason in `why` where the host cannot run it (not root, no podman).
  static std::unique_ptr<PodmanHost> start(std::string& why,
                                           std::vector<std::string> insecure_registries = {});
  ~PodmanHost();

  containers::Client& client() { return *client_; }
  containers::PodmanService& service() { return *service_; }
  const std::filesystem::path& state() const { return state_; }
  const std::string& image() const { return image_; }

  // Imports the web server of the tests under another name, or again, with this version as its content.
  Result<> import_web(const std::string& reference, const std::string& version);
  // Imports an image of a program of this machine with the libraries that it loads.
  Result<> import_program(const std::string& reference, const std::filesystem::path& program);
  // Stands in for an agent that is killed: the service goes and comes back.
  void restart_service();
  // Containers, networks and volumes that are left, as "container x", for a test's last assertion.
  std::vector<std::string> leftovers();

 private:
  PodmanHost() = default;
  std::filesystem::path state_;
  std::string image_ = "localhost/test-web:1";
  std::unique_ptr<containers::PodmanService> service_;
  std::unique_ptr<containers::Client> client_;
};

// The body of a GET on the host, empty on any failure.
std::string get(const std::string& url);

}  // namespace qleet::test
