// Answers GET /metrics over plain HTTP/1.1 on one address, and nothing else: for Prometheus on the same host.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/loop/io_loop.h"
#include "common/result/result.h"

namespace qleet::agent {

class MetricsServer {
 public:
  // `address`: "127.0.0.1:7444", "[::1]:7444"; port 0: any free one. `text` is called on the loop's thread.
  // kInvalid: no address; kUnavailable: it cannot be listened on.
  static Result<std::unique_ptr<MetricsServer>> start(IoLoop& loop, const std::string& address,
                                                      std::function<std::string()> text);
  // While the loop runs, and not on its thread: waits until nothing is called any more.
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  class Listener;
  class Connection;

  explicit MetricsServer(IoLoop& loop);

  IoLoop& loop_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Listener> listener_;  // the loop's thread alone
};

}  // namespace qleet::agent
