// One connection of cnats, with its options and callbacks; NatsBus makes a new one whenever the library has
// given up on the last.
#pragma once

#include <nats/nats.h>

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/bus/gate.h"
#include "common/bus/nats_bus.h"
#include "common/crypto/nkey.h"
#include "common/thread/mutex.h"

namespace qleet {

// What authenticates the next connection. Thread-safe.
struct NatsCredentials {
  Mutex mutex;
  std::string jwt GUARDED_BY(mutex);
  std::optional<crypto::NKey> key GUARDED_BY(mutex);
};

class NatsSession : public std::enable_shared_from_this<NatsSession> {
 public:
  // From the library's threads.
  struct Events {
    std::function<void()> reconnected;
    std::function<void(std::string why)> disconnected;
    std::function<void(std::string why, bool refused)> closed;  // for good
    std::function<void(std::string what)> error;
  };

  struct Failure {
    std::string why;
    bool refused = false;
    // A signature that the library cannot send: try again at once, the next nonce differs.
    bool unlucky = false;
  };

  // Blocks for at most the connect timeout.
  static std::expected<std::shared_ptr<NatsSession>, Failure> connect(
      const NatsOptions& options, const std::shared_ptr<NatsCredentials>& credentials, Events events);
  ~NatsSession();
  NatsSession(const NatsSession&) = delete;
  NatsSession& operator=(const NatsSession&) = delete;

  bool connected() const;
  natsStatus publish(const std::string& subject, const std::string& reply, std::string_view data);
  natsStatus flush(Millis timeout);
  // `number` is that of a Gate in Callbacks<Gate>.
  natsStatus subscribe(const std::string& subject, void* number, const NatsOptions& limits,
                       natsSubscription** out);
  // Ends it, waiting for the library's threads of this connection. No event afterwards.
  void close();

 private:
  explicit NatsSession(Events events) : events_(std::move(events)) {}
  static void on_reconnected(natsConnection*, void* number);
  static void on_disconnected(natsConnection* connection, void* number);
  static void on_closed(natsConnection* connection, void* number);
  static void on_error(natsConnection* connection, natsSubscription*, natsStatus status, void* number);

  Events events_;
  natsConnection* connection_ = nullptr;
  void* number_ = nullptr;
  void* credentials_number_ = nullptr;
};

}  // namespace qleet
