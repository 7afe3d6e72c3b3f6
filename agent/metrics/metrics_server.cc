#include "agent/metrics/metrics_server.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <map>
#include <string_view>
#include <utility>

namespace qleet::agent {
namespace {

constexpr size_t kMostConnections = 8;
constexpr size_t kLongestHead = 8 << 10;
constexpr Millis kPatience{5'000};  // for a whole exchange

std::string answer(int status, std::string_view reason, std::string_view type, std::string_view body,
                   bool with_body = true) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status,
      reason, type, body.size(), with_body ? body : std::string_view());
}

struct Address {
  std::string host;
  std::string port;
};

Result<Address> split(const std::string& text) {
  const auto colon = text.rfind(':');
  Address address;
  if (colon != std::string::npos) {
    address.host = text.substr(0, colon);
    address.port = text.substr(colon + 1);
    if (address.host.starts_with('[') && address.host.ends_with(']'))
      address.host = address.host.substr(1, address.host.size() - 2);
  }
  const bool digits = !address.port.empty() && address.port.size() <= 5 &&
                      address.port.find_first_not_of("0123456789") == std::string::npos;
  if (address.host.empty() || !digits)
    return fail(Code::kInvalid, fmt::format("\"{}\": write ADDRESS:PORT, as in 127.0.0.1:7444", text));
  return address;
}

}  // namespace

class MetricsServer::Listener final : public IoLoop::Source {
 public:
  Listener(IoLoop& loop, int descriptor, std::function<std::string()> text)
      : loop_(loop), descriptor_(descriptor), text_(std::move(text)) {}
  ~Listener() override;

  void watch() { watched_ = loop_.watch(descriptor_, EPOLLIN, *this); }
  void ready(unsigned events) override;
  // The connection may be in the middle of a call: it goes once that has returned.
  void end(int descriptor);
  std::string text() const { return text_(); }

 private:
  IoLoop& loop_;
  const int descriptor_;
  const std::function<std::string()> text_;
  bool watched_ = false;
  std::map<int, std::shared_ptr<Connection>> connections_;  // by descriptor
};

// One request and its answer.
class MetricsServer::Connection final : public IoLoop::Source {
 public:
  Connection(IoLoop& loop, Listener& listener, int descriptor)
      : loop_(loop), listener_(listener), descriptor_(descriptor) {
    timer_ = loop_.at(loop_.clock().mono() + kPatience, [this] {
      timer_ = 0;
      listener_.end(descriptor_);
    });
  }
  ~Connection() override {
    quiet();
    ::close(descriptor_);
  }

  // Is called no more; the listener may go from here on.
  void quiet() {
    if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
    if (watched_) loop_.forget(descriptor_);
    watched_ = false;
  }
  bool watch() { return watched_ = loop_.watch(descriptor_, EPOLLIN, *this); }

  void ready(unsigned) override {
    if (out_.empty() && !read()) return;
    if (!out_.empty()) write();
  }

 private:
  // False: this is gone.
  bool read() {
    char chunk[2048];
    while (true) {
      const auto got = ::recv(descriptor_, chunk, sizeof chunk, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
      if (got <= 0) return gone();
      head_.append(chunk, static_cast<size_t>(got));
      if (head_.contains("\r\n\r\n")) break;
      if (head_.size() > kLongestHead) {
        out_ =
            answer(431, "Request Header Fields Too Large", "text/plain", "the request's head is too large\n");
        break;
      }
    }
    if (out_.empty()) out_ = answered();
    loop_.change(descriptor_, EPOLLOUT);
    return true;
  }

  std::string answered() const {
    const std::string_view line(head_.data(), head_.find("\r\n"));
    const auto space = line.find(' ');
    const auto method = line.substr(0, space);
    auto target = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    target = target.substr(0, target.find_first_of(" ?"));
    if (method != "GET" && method != "HEAD")
      return answer(405, "Method Not Allowed", "text/plain", "only GET is answered here\n");
    if (target != "/metrics") return answer(404, "Not Found", "text/plain", "only /metrics is here\n");
    return answer(200, "OK", "text/plain; version=0.0.4; charset=utf-8", listener_.text(), method == "GET");
  }

  void write() {
    while (written_ < out_.size()) {
      const auto sent = ::send(descriptor_, out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (sent <= 0) break;
      written_ += static_cast<size_t>(sent);
    }
    gone();
  }

  bool gone() {
    listener_.end(descriptor_);
    return false;
  }

  IoLoop& loop_;
  Listener& listener_;
  const int descriptor_;
  bool watched_ = false;
  IoLoop::TimerId timer_ = 0;
  std::string head_;
  std::string out_;
  size_t written_ = 0;
};

MetricsServer::Listener::~Listener() {
  for (const auto& [_, connection] : connections_) connection->quiet();
  if (watched_) loop_.forget(descriptor_);
  ::close(descriptor_);
}

void MetricsServer::Listener::ready(unsigned) {
  while (true) {
    const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return;
    if (connections_.size() >= kMostConnections) {
      ::close(descriptor);
      continue;
    }
    auto connection = std::make_shared<Connection>(loop_, *this, descriptor);
    if (connection->watch()) connections_.emplace(descriptor, std::move(connection));
  }
}

void MetricsServer::Listener::end(int descriptor) {
  auto ended = connections_.extract(descriptor);
  if (ended.empty()) return;
  ended.mapped()->quiet();
  loop_.post([connection = std::move(ended.mapped())] {});
}

MetricsServer::MetricsServer(IoLoop& loop) : loop_(loop) {}

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(IoLoop& loop, const std::string& address,
                                                            std::function<std::string()> text) {
  const auto [host, port] = TRY(split(address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0)
    return fail(Code::kInvalid,
                fmt::format("\"{}\" is no address of this host; write ADDRESS:PORT", address));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  const int descriptor =
      ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, found->ai_protocol);
  const auto failed = [&](const char* what) {
    const int why = errno;
    if (descriptor >= 0) ::close(descriptor);
    return fail(Code::kUnavailable, fmt::format("{} cannot be {}: {}", address, what, std::strerror(why)));
  };
  if (descriptor < 0) return failed("listened on");
  const int yes = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(descriptor, found->ai_addr, found->ai_addrlen) != 0 || ::listen(descriptor, 16) != 0)
    return failed("listened on");
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &size);

  std::unique_ptr<MetricsServer> server(new MetricsServer(loop));
  server->port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                                    : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  server->listener_ = std::make_unique<Listener>(loop, descriptor, std::move(text));
  loop.post([listener = server->listener_.get()] { listener->watch(); });
  return server;
}

MetricsServer::~MetricsServer() {
  std::promise<void> gone;
  loop_.post([&] {
    listener_.reset();
    gone.set_value();
  });
  gone.get_future().wait();
}

}  // namespace qleet::agent
