// A nats-server of the test's own, on a free port of 127.0.0.1.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "tests/support/eventually.h"

namespace qleet::testing {

class NatsProcess {
 public:
  // `config`: further lines of its configuration. Waits until it accepts connections.
  explicit NatsProcess(const std::string& config = "");
  ~NatsProcess();
  NatsProcess(const NatsProcess&) = delete;
  NatsProcess& operator=(const NatsProcess&) = delete;

  std::string url(const std::string& scheme = "nats") const;
  int port() const { return port_; }
  void kill9();
  // On the same port.
  void start();

 private:
  std::filesystem::path folder_;
  int port_ = 0;
  pid_t pid_ = -1;
};

// A port that nothing listens on at the moment.
int free_port();
bool port_answers(int port);
template <class Condition>
bool eventually(const Condition& condition, std::chrono::milliseconds limit = std::chrono::seconds(15)) {
  return test::eventually(condition, limit);
}

}  // namespace qleet::testing
