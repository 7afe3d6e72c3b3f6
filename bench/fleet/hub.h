// The real hub, as a process with a nats-server of its own, in a folder of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/fleet/process.h"
#include "cli/hub_client.h"

namespace qleet::bench {

struct HubSetup {
  std::string binaries;  // folder with qleet-hub
  std::string profiles;  // folder, for an empty store
  std::filesystem::path folder;
  std::string heartbeat_ms = "10000";
};

class Hub {
 public:
  // Serves on return.
  explicit Hub(HubSetup setup);
  // Orderly: its nats-server ends too.
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // Seconds until the API answers.
  double start();
  void kill9() { process_.kill9(); }

  // As the administrator. A client for each thread.
  std::unique_ptr<cli::HubClient> client() const;
  // Without credentials.
  std::unique_ptr<cli::HubClient> stranger() const;
  const std::string& url() const { return url_; }
  const std::string& ca() const { return ca_; }
  // Throws with the hub's words.
  void apply(cli::HubClient& client, const std::string& documents) const;

  pid_t pid() const { return process_.pid(); }
  pid_t nats_pid() const;
  // Of hub and nats-server, in words.
  std::string memory() const;

 private:
  HubSetup setup_;
  std::string listen_ = "127.0.0.1:0";
  std::string url_;
  std::string token_;
  std::string ca_;
  Process process_;
};

}  // namespace qleet::bench
