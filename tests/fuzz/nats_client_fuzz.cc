// A whole client of ours on a connection to what says it is a NATS server: the input is what that says. The
// first byte chooses how it is cut.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <set>

#include "common/bus/light_nats_bus.h"
#include "common/clock/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"

using namespace qleet;

namespace {

class Listener {
 public:
  Listener() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    fuzz::must(::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                   ::listen(descriptor_, 16) == 0 &&
                   ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
               "a port is there");
    url = "nats://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  int accept() const {
    const int peer = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
    const int on = 1;
    ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // No TIME_WAIT: there are only so many ports.
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return peer;
  }
  std::string url;

 private:
  int descriptor_;
};

struct World {
  SystemClock clock;
  IoThread io{clock};
  Listener listener;
};

// Of its last connection.
class States {
 public:
  void saw(BusState state) {
    const std::lock_guard lock(mutex_);
    if (state == BusState::kDisconnected || state == BusState::kRefused) over_ = true;
    changed_.notify_all();
  }
  bool wait_over() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [this] { return over_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
};

std::string all_said(int peer) {
  std::string out;
  std::array<char, 4096> buffer;
  for (ssize_t got = 0; (got = ::recv(peer, buffer.data(), buffer.size(), 0)) > 0;)
    out.append(buffer.data(), static_cast<std::size_t>(got));
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto* const world = new World;
  if (size == 0) return 0;
  NatsOptions options = small_nats_options();
  options.urls = {world->listener.url};
  options.name = "a";
  options.reconnect_wait = options.max_wait = std::chrono::hours(1);
  States states;
  auto bus = *LightNatsBus::start(std::move(options), world->io.loop());
  bus->on_state([&](BusState state, const std::string&) { states.saw(state); });
  const auto handle = bus->subscribe("desired.a", [&](const Message& message) {
    (void)bus->publish("status.a", message.data);
    (void)bus->publish(message.reply, message.data);
  });

  const int peer = world->listener.accept();
  fuzz::for_each_piece(fuzz::text_of(data + 1, size - 1), data[0] % fuzz::kCuts, data[0], [&](auto piece) {
    return ::send(peer, piece.data(), piece.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(piece.size());
  });
  ::shutdown(peer, SHUT_WR);
  const auto said = all_said(peer);
  fuzz::must(states.wait_over(), "a connection that has ended is seen to have ended");
  ::close(peer);
  bus->close();
  // Nothing before the greeting, and then the client's own, once.
  fuzz::must(said.empty() || said.starts_with("CONNECT {"), "it begins with its greeting: " + said);
  fuzz::must(said.find("\r\nCONNECT ") == std::string::npos, "one greeting: " + said);
  return 0;
}
