#include "common/http/connection.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>

#include "common/http/answer.h"
#include "common/http/proxy.h"

namespace qleet::http {
namespace {

// A unix socket whose server has more callers waiting than it lets wait.
constexpr Millis kFullSocketRetry{5};

short poll_events(Socket::Need need) { return need == Socket::Need::kWrite ? POLLOUT : POLLIN; }

Result<> waited(Stopper::Woke woke) {
  if (woke == Stopper::Woke::kStopped) return fail(Code::kUnavailable, "stopped");
  if (woke == Stopper::Woke::kDeadline) return fail(Code::kUnavailable, "no connection in time");
  return {};
}

}  // namespace

struct Stopper::Signal {
  struct Raise {
    int descriptor;
    void operator()() const { ::eventfd_write(descriptor, 1); }
  };
  std::stop_callback<Raise> callback;
};

Stopper::Stopper(const std::stop_token& token) : token_(token) {
  if (!token.stop_possible()) return;
  descriptor_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor_ >= 0)
    signal_.reset(new Signal{std::stop_callback<Signal::Raise>(token, Signal::Raise{descriptor_})});
}

Stopper::~Stopper() {
  signal_.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
}

Stopper::Woke Stopper::wait(int descriptor, short events, const Deadline& until) const {
  while (true) {
    if (token_.stop_requested()) return Woke::kStopped;
    int timeout = -1;
    if (until) {
      const auto left = std::chrono::ceil<Millis>(*until - Steady::now());
      if (left.count() <= 0) return Woke::kDeadline;
      timeout = static_cast<int>(std::min<Millis::rep>(left.count(), 3'600'000));
    }
    std::array<pollfd, 2> waits{{{descriptor, events, 0}, {descriptor_, POLLIN, 0}}};
    const int ready = ::poll(waits.data(), descriptor_ >= 0 ? 2 : 1, timeout);
    if (ready > 0 && waits[0].revents != 0) return Woke::kReady;
  }
}

Result<std::unique_ptr<Connection>> Connection::open(const ClientOptions& options, const Url& url,
                                                     const Stopper& stopper, const Deadline& until) {
  std::unique_ptr<Connection> connection(new Connection());
  connection->origin_ = url.origin();
  const Deadline connected = earlier(until, deadline_in(options.connect_timeout));
  TRY(connection->reach(options, url, stopper, connected));
  if (url.tls) TRY(connection->secure(options, url, stopper, connected));
  return connection;
}

Result<> Connection::reach(const ClientOptions& options, const Url& url, const Stopper& stopper,
                           const Deadline& until) {
  if (!options.unix_socket.empty()) {
    while (true) {
      auto made = Socket::connect_unix(options.unix_socket);
      if (made) {
        socket_ = *std::move(made);
        return {};
      }
      if (made.error().code != Code::kExhausted)
        return fail(
            Code::kUnavailable,
            fmt::format("nothing serves this socket, or it may not be opened ({})", made.error().message));
      const auto woke = stopper.wait(-1, 0, earlier(until, deadline_in(kFullSocketRetry)));
      if (woke == Stopper::Woke::kStopped || (until && Steady::now() >= *until)) return waited(woke);
    }
  }
  const auto proxy = TRY(proxy_for(url, ::getenv));
  if (!proxy) return reach_host(url.host, url.port, stopper, until);
  if (const auto reached = reach_host(proxy->host, proxy->port, stopper, until); !reached)
    return std::unexpected(wrap(reached.error(), "proxy " + proxy->host + ":" + proxy->port));
  return ask_proxy(url, proxy->authorization, stopper, until);
}

Result<> Connection::reach_host(const std::string& host, const std::string& port, const Stopper& stopper,
                                const Deadline& until) {
  const auto addresses = Socket::resolve(host, port);
  if (!addresses)
    return fail(Code::kUnavailable,
                fmt::format("its name does not resolve; check the address ({})", addresses.error().message));
  std::string why;
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    Deadline mine = until;  // an address that is silent leaves time for the others
    if (until) mine = Steady::now() + (*until - Steady::now()) / static_cast<long>(addresses->size() - i);
    auto made = Socket::connect((*addresses)[i]);
    if (made) {
      const auto woke = stopper.wait((*made)->descriptor(), POLLOUT, mine);
      if (woke == Stopper::Woke::kStopped) return waited(woke);
      const auto connected = woke == Stopper::Woke::kReady ? (*made)->connected() : waited(woke);
      if (connected) {
        socket_ = *std::move(made);
        return {};
      }
      why = connected.error().message;
    } else {
      why = made.error().message;
    }
  }
  return fail(
      Code::kUnavailable,
      fmt::format("cannot connect; check that it runs and that the address and port are right ({})", why));
}

Result<> Connection::ask_proxy(const Url& url, const std::string& authorization, const Stopper& stopper,
                               const Deadline& until) {
  const std::string peer = (url.host.contains(':') ? "[" + url.host + "]" : url.host) + ":" + url.port;
  std::string question = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", peer);
  if (!authorization.empty()) question += "Proxy-Authorization: " + authorization + "\r\n";
  question += "\r\n";
  std::string_view unsent = question;
  Answer answer(
      {[](const Response&) { return true; }, [](const Response&, std::string_view) { return true; }}, true);
  std::array<char, 1024> buffer;
  while (!answer.done()) {
    const auto moved = TRY(unsent.empty() ? socket_->read(buffer) : socket_->write(unsent));
    if (moved.bytes == 0) {
      TRY(waited(stopper.wait(socket_->descriptor(), poll_events(moved.need), until)));
    } else if (!unsent.empty()) {
      unsent.remove_prefix(moved.bytes);
    } else {
      TRY(answer.feed({buffer.data(), moved.bytes}));
    }
  }
  if (!answer.response().ok())
    return fail(Code::kUnavailable,
                fmt::format("the proxy refuses to connect to it (status {})", answer.response().status));
  return {};
}

Result<> Connection::secure(const ClientOptions& options, const Url& url, const Stopper& stopper,
                            const Deadline& until) {
  const auto trust = TlsTrust::make(options.tls.ca_pem);
  if (!trust) return fail(Code::kInvalid, "the given CA holds no certificate");
  trust_ = *trust;
  if (!options.tls.pinned_ca_sha256.empty()) {
    pin_.sha256 = normal_fingerprint(options.tls.pinned_ca_sha256);
    if (pin_.sha256.empty())
      return fail(Code::kInvalid, "the CA fingerprint must be 64 hex digits (SHA-256)");
    install(trust_->context().get(), &pin_);
  }
  TRY(socket_->begin_tls(*trust_, url.host));
  while (true) {
    const auto need = socket_->handshake();
    if (!need) {
      if (!pin_.why.empty())
        return fail(
            Code::kDenied,
            fmt::format("not the expected server: {}; check the address and the fingerprint", pin_.why));
      if (need.error().code == Code::kDenied) return std::unexpected(need.error());
      return fail(Code::kUnavailable, "the connection failed: " + need.error().message);
    }
    if (*need == Socket::Need::kNothing) return {};
    TRY(waited(stopper.wait(socket_->descriptor(), poll_events(*need), until)));
  }
}

bool Connection::quiet() const {
  pollfd heard{socket_->descriptor(), POLLIN, 0};
  return ::poll(&heard, 1, 0) == 0;
}

}  // namespace qleet::http
