// The Bus within one process, for tests and simulations: nothing moves until the owner makes it, in an order
// that follows from the calls alone, and every message may be lost, doubled or held up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/bus/bus.h"
#include "common/bus/gate.h"
#include "common/clock/clock.h"
#include "common/thread/mutex.h"

namespace qleet {

class MemoryBus;

// Thread-safe, but only calls from one thread at a time are deterministic. Must outlive its buses.
class MemoryBroker {
 public:
  // What becomes of a message on its way to one subscription.
  struct Fate {
    int copies = 1;  // 0: lost
    Millis delay{0};
  };
  using Decide = std::function<Fate(std::string_view from, std::string_view to, const Message& message)>;

  // `clock` (for delays) must outlive the broker.
  explicit MemoryBroker(const Clock& clock, std::size_t max_payload = 1U << 20U);

  // A client, connected. Names are the caller's affair; set_connected and Decide know clients by them.
  std::unique_ptr<MemoryBus> connect(std::string name);

  // An empty function: everything arrives.
  void set_fate(Decide decide);
  // A client that is not connected cannot send, and what is on its way to it is lost.
  void set_connected(std::string_view name, bool connected, const std::string& why = "cut off");

  // Delivers the next message that is due, on this thread; false: there is none.
  bool step();
  // Steps until nothing is due; how many were delivered.
  std::size_t pump();
  std::optional<MonoTime> next_due() const;
  std::size_t queued() const;

 private:
  friend class MemoryBus;
  struct Subscription {
    std::string client;
    std::string pattern;
    std::shared_ptr<Gate> gate;
  };
  struct Client {
    std::string name;
    std::uint64_t id = 0;  // tells apart the clients that had this name one after the other
    bool connected = true;
    std::string why;
    std::vector<std::function<void(BusState, std::string)>> handlers;
  };
  struct Queued {
    std::uint64_t subscription;
    Message message;
  };

  Result<> publish(const Client& from, Message message);
  std::uint64_t add(Subscription subscription);
  void remove(std::uint64_t subscription);

  const Clock& clock_;
  const std::size_t max_payload_;
  mutable RecursiveMutex mutex_;
  Decide decide_ GUARDED_BY(mutex_);
  std::map<std::uint64_t, Subscription> subscriptions_ GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Client>> clients_ GUARDED_BY(mutex_);
  // By due time, then in the order sent.
  std::map<std::pair<MonoTime, std::uint64_t>, Queued> queue_ GUARDED_BY(mutex_);
  std::uint64_t last_ GUARDED_BY(mutex_) = 0;
};

class MemoryBus final : public Bus {
 public:
  ~MemoryBus() override;
  Result<> publish(std::string_view subject, std::string_view data) override;
  Result<std::shared_ptr<void>> subscribe(std::string_view subject, MessageHandler handler) override;
  Result<std::shared_ptr<void>> request(std::string_view subject, std::string_view data,
                                        MessageHandler handler) override;
  void on_state(std::function<void(BusState, std::string why)> handler) override;

 private:
  friend class MemoryBroker;
  MemoryBus(MemoryBroker& broker, std::shared_ptr<MemoryBroker::Client> client)
      : broker_(broker), client_(std::move(client)) {}

  MemoryBroker& broker_;
  std::shared_ptr<MemoryBroker::Client> client_;
  std::uint64_t last_request_ = 0;
};

}  // namespace qleet
