// One connection to a NATS server, from the first packet to its end. LightNatsBus makes a new one for each
// attempt.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "common/bus/nats_codec.h"
#include "common/bus/nats_options.h"
#include "common/loop/io_loop.h"
#include "common/net/socket.h"

namespace qleet {

// Everything on the loop's thread.
class NatsLink final : public IoLoop::Source {
 public:
  // Called by the link, which must live on until the call has returned.
  class Owner {
   public:
    virtual ~Owner() = default;
    // The server has greeted. What is sent to it first: CONNECT, subscriptions and a PING at the end.
    virtual std::string opening(const nats::ServerInfo& info, bool tls) = 0;
    // It has answered that PING: the identity is good, the subscriptions are in force.
    virtual void opened() = 0;
    virtual void received(const nats::Received& message) = 0;
    // One PONG after the first.
    virtual void ponged() = 0;
    virtual void complained(std::string what) = 0;
    // Once, and nothing after it. `refused`: by what the server said of the identity.
    virtual void ended(const std::string& why, bool refused) = 0;
  };

  // All must outlive the link. `trust` is null where the URL is nats://.
  NatsLink(IoLoop& loop, Owner& owner, const NatsOptions& options, const TlsTrust* trust);
  ~NatsLink() override;
  NatsLink(const NatsLink&) = delete;
  NatsLink& operator=(const NatsLink&) = delete;

  // `url` as check() has seen it. A failure comes as ended(), also before this returns.
  void start(const std::string& url, std::size_t attempt);
  // Once opening() was asked for.
  void send(std::string bytes);
  // Not yet taken by the kernel.
  std::size_t backlog() const { return sending_.size() - sent_; }

  void ready(unsigned events) override;

 private:
  enum class Stage { kConnecting, kGreeting, kHandshake, kOpening, kOpen, kEnded };

  bool advance();
  Result<> greet(const nats::ServerInfo& info);
  bool handshake();
  void open();
  void read_all();
  bool take(const nats::Received& message);
  void write_all();
  void want_write(bool wanted);
  void end(const std::string& why, bool refused = false);
  void end_later(const std::string& why);
  void watch_silence();

  IoLoop& loop_;
  Owner& owner_;
  const NatsOptions& options_;
  const TlsTrust* trust_;
  std::string tls_name_;
  std::unique_ptr<Socket> socket_;
  nats::Parser parser_;
  nats::ServerInfo info_;
  Stage stage_ = Stage::kConnecting;
  std::string sending_;
  std::size_t sent_ = 0;
  bool wants_write_ = false;
  bool heard_ = false;  // since the last look
  int silent_looks_ = 0;
  IoLoop::TimerId timer_ = 0;   // of the stage: connecting, or the next look for silence
  IoLoop::TimerId ending_ = 0;  // it has failed, and ends once its caller has returned
};

}  // namespace qleet
