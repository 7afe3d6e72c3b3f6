// What stands between an agent and its nats-server: it understands NATS, so that messages themselves can be
// lost, doubled, held back and overtaken, which on a TCP stream nobody could do. It speaks TLS to both sides,
// to the agent with the server's own certificate, to the server with one for clients that it makes with the
// hub's CA; what both say after that to prove who they are passes through.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <list>
#include <mutex>
#include <string>
#include <thread>

namespace qleet::test {

// What happens to what goes one way, in percent of messages.
struct Weather {
  bool still = false;  // nothing moves, nor is it lost: as if the cable was pulled
  int lose = 0;
  int twice = 0;
  int late = 0;                           // others overtake it
  std::chrono::milliseconds late_by{80};  // at most
  std::chrono::milliseconds delay{0};     // of everything, in order

  bool operator==(const Weather&) const = default;
};

class NatsGate {
 public:
  // Listens on a free port of 127.0.0.1, for the nats-server of this hub's folder. `seed`: of what chance
  // decides.
  NatsGate(std::filesystem::path hub_state, std::uint64_t seed);
  ~NatsGate();
  NatsGate(const NatsGate&) = delete;
  NatsGate& operator=(const NatsGate&) = delete;

  int port() const { return port_; }
  void to_agent(const Weather& weather);
  void to_hub(const Weather& weather);
  void calm();
  // Ends all connections (by a reset), and refuses new ones until it is told otherwise.
  void close();
  void open() { closed_ = false; }

  // Messages that were treated so, since the beginning.
  struct Counts {
    std::atomic<unsigned long> passed{0}, lost{0}, doubled{0}, late{0};
  };
  const Counts& counts() const { return counts_; }

 private:
  class Link;
  void accept();
  Weather weather(bool to_agent) const;

  const std::filesystem::path hub_state_;
  const std::uint64_t seed_;
  int port_ = 0;  // before the listener, which finds it
  int listener_ = -1;
  mutable std::mutex mutex_;  // guards the two below
  Weather to_agent_;
  Weather to_hub_;
  std::atomic<bool> closed_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<unsigned> generation_{0};  // a link of an older one ends
  Counts counts_;
  std::list<std::thread> links_;  // of the accepting thread
  std::thread thread_;
};

}  // namespace qleet::test
