// Docker's daemon for one test: data, networks' rules and sockets of its own below a temporary folder.
// Nothing of a daemon of the system is touched.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/engine_host.h"

namespace qleet::test {

class DockerHost final : public EngineHost {
 public:
  // Null with the reason in `why`; `skip`: not installed, or not root.
  static std::unique_ptr<DockerHost> start(std::string& why, bool& skip);
  ~DockerHost() override;

  const std::string& socket() const override { return socket_; }
  // What the command `docker` needs to talk to it.
  std::map<std::string, std::string> client_environment() const {
    return {{"DOCKER_HOST", "unix://" + socket_}};
  }
  bool kill_service() override;
  void bring_back_service() override;
  // As `systemctl restart docker`: containers go on where it is told to let them (live-restore), else it ends
  // them all.
  bool restart(bool containers_go_on, std::string& why);

 private:
  DockerHost() = default;
  bool spawn(std::string& why, bool live_restore = true);
  void stop();
  std::string last_words() const;

  std::string socket_;
  int pid_ = 0;
};

}  // namespace qleet::test
