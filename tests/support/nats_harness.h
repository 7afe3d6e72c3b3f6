// The bus conformance suite on a real nats-server, whichever client: B is one with wait_connected and flush.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/bus/nats_options.h"
#include "tests/support/bus_conformance.h"
#include "tests/support/nats_process.h"

namespace qleet::testing {

// Options that find a server again at once.
inline NatsOptions fast(std::string name, std::string url) {
  NatsOptions options = small_nats_options();
  options.urls = {std::move(url)};
  options.name = std::move(name);
  options.connect_timeout = Millis(2'000);
  options.reconnect_wait = Millis(20);
  options.reconnect_jitter = Millis(20);
  options.max_wait = Millis(100);
  return options;
}

template <class B>
class NatsHarness : public BusHarness {
 public:
  std::unique_ptr<Bus> connect(const std::string& name) override {
    auto bus = start(fast(name, server_.url()));
    if (!bus->wait_connected(Millis(10'000))) throw std::runtime_error("not connected");
    buses_.push_back(bus.get());
    return bus;
  }
  bool eventually(const std::function<bool()>& condition) override { return testing::eventually(condition); }
  // A round trip of each client: what one has sent is then with the server; once more: and with the others.
  void settle() override {
    for (int i = 0; i < 2; ++i) {
      for (B* bus : buses_) (void)bus->flush(Millis(5'000));
    }
  }
  void break_broker() override { server_.kill9(); }
  void heal_broker() override { server_.start(); }

 protected:
  virtual std::unique_ptr<B> start(const NatsOptions& options) = 0;
  const std::vector<B*>& buses() const { return buses_; }

 private:
  NatsProcess server_;
  std::vector<B*> buses_;
};

}  // namespace qleet::testing
