#include "tests/support/nats_gate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "common/clock/clock.h"
#include "common/crypto/certificate.h"

namespace qleet::test {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kHandshake{5'000};
constexpr milliseconds kTick{10};

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

int listen_somewhere(int& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 16) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the gate cannot listen");
  port = ntohs(address.sin_port);
  return fd;
}

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return fd;
  ::close(fd);
  return -1;
}

bool readable(int fd, milliseconds within) {
  pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, static_cast<int>(within.count())) > 0;
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The gate cannot pass the agent's on, so it has one of its own.
bool show_certificate(SSL_CTX* context, const std::filesystem::path& hub_state) {
  const crypto::CertifiedKey ca{contents(hub_state / "tls/ca.pem"), contents(hub_state / "tls/ca.key")};
  const auto key = crypto::make_client_key();
  const auto request = key ? crypto::make_certificate_request(*key, "gate") : key;
  const auto shown = request ? crypto::make_client_certificate(ca, *request, "gate", std::chrono::hours(24),
                                                               SystemClock().wall())
                             : request;
  if (!shown) return false;
  const std::unique_ptr<BIO, decltype(&BIO_free)> certificate_text(
      BIO_new_mem_buf(shown->data(), static_cast<int>(shown->size())), BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> key_text(
      BIO_new_mem_buf(key->data(), static_cast<int>(key->size())), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr), X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> secret(
      PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  return SSL_CTX_use_certificate(context, certificate.get()) == 1 &&
         SSL_CTX_use_PrivateKey(context, secret.get()) == 1;
}

// One line as it is, with its end; empty where none comes. Byte by byte: what follows belongs to TLS.
std::string read_line(int fd) {
  std::string line;
  while (!line.ends_with("\r\n") && line.size() < 65'536) {
    char c = 0;
    if (!readable(fd, kHandshake) || ::recv(fd, &c, 1, 0) != 1) return {};
    line += c;
  }
  return line;
}

// How long the first unit of the stream is: a line, with its payload where it has one; 0: not all is there.
std::size_t unit(const std::string& stream) {
  const auto end = stream.find("\r\n");
  if (end == std::string::npos) return 0;
  const auto is = [&](const char* word) { return stream.starts_with(word); };
  std::size_t size = end + 2;
  if (is("PUB ") || is("HPUB ") || is("MSG ") || is("HMSG ")) {
    const auto number = stream.rfind(' ', end);
    size += std::strtoul(stream.c_str() + number + 1, nullptr, 10) + 2;
  }
  return stream.size() < size ? 0 : size;
}

bool is_message(const std::string& unit) {
  return unit.starts_with("PUB ") || unit.starts_with("HPUB ") || unit.starts_with("MSG ") ||
         unit.starts_with("HMSG ");
}

}  // namespace

// One connection of the agent, and the one to the server that it stands for.
class NatsGate::Link {
 public:
  Link(NatsGate& gate, int agent, std::uint64_t seed)
      : gate_(gate), generation_(gate.generation_), chance_(seed), agent_{.fd = agent}, hub_{} {}
  ~Link() {
    for (Side* side : {&agent_, &hub_}) {
      if (side->ssl) SSL_free(side->ssl);
      if (side->fd < 0) continue;
      // A reset, not an end.
      const linger now{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(side->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      ::close(side->fd);
    }
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void run() {
    if (!shake_hands()) return;
    for (Side* side : {&agent_, &hub_}) ::fcntl(side->fd, F_SETFL, O_NONBLOCK);
    while (alive()) {
      if (!take(hub_, agent_, gate_.weather(true)) || !take(agent_, hub_, gate_.weather(false))) return;
      if (!give(agent_) || !give(hub_)) return;
      if (SSL_pending(agent_.ssl) > 0 || SSL_pending(hub_.ssl) > 0) continue;
      const auto events = [&](bool still) { return static_cast<short>(still ? 0 : POLLIN); };
      pollfd both[2] = {{.fd = agent_.fd, .events = events(gate_.weather(false).still), .revents = 0},
                        {.fd = hub_.fd, .events = events(gate_.weather(true).still), .revents = 0}};
      ::poll(both, 2, static_cast<int>(kTick.count()));
    }
  }

 private:
  struct Side {
    int fd = -1;
    SSL* ssl = nullptr;
    std::string in;                                       // received, not a whole unit yet
    std::multimap<Clock::time_point, std::string> queue;  // to be sent then
    std::string out;                                      // being sent
    Clock::time_point last{};                             // of what is in order
  };

  bool alive() const { return !gate_.stopping_ && !gate_.closed_ && gate_.generation_ == generation_; }

  bool shake_hands() {
    const auto broker = gate_.hub_state_ / "broker";
    int port = 0;
    std::ifstream(broker / "port") >> port;
    hub_.fd = connect_to(port);
    if (hub_.fd < 0) return false;
    const std::string info = read_line(hub_.fd);
    if (info.empty() || ::send(agent_.fd, info.data(), info.size(), MSG_NOSIGNAL) < 0) return false;
    for (Side* side : {&agent_, &hub_}) {
      const timeval patience{.tv_sec = kHandshake.count() / 1000, .tv_usec = 0};
      ::setsockopt(side->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    to_hub_.reset(SSL_CTX_new(TLS_client_method()));
    if (!show_certificate(to_hub_.get(), gate_.hub_state_)) return false;
    to_agent_.reset(SSL_CTX_new(TLS_server_method()));
    if (SSL_CTX_use_certificate_chain_file(to_agent_.get(), (broker / "tls.crt").c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(to_agent_.get(), (broker / "tls.key").c_str(), SSL_FILETYPE_PEM) != 1)
      return false;
    for (auto* context : {to_hub_.get(), to_agent_.get()})
      SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    hub_.ssl = SSL_new(to_hub_.get());
    agent_.ssl = SSL_new(to_agent_.get());
    SSL_set_fd(hub_.ssl, hub_.fd);
    SSL_set_fd(agent_.ssl, agent_.fd);
    return SSL_connect(hub_.ssl) == 1 && SSL_accept(agent_.ssl) == 1;
  }

  // What came from one side is put into the other's queue. False: the connection has ended.
  bool take(Side& from, Side& to, const Weather& weather) {
    if (weather.still) return true;
    char part[65'536];
    while (true) {
      const int got = SSL_read(from.ssl, part, sizeof part);
      if (got <= 0) {
        const int why = SSL_get_error(from.ssl, got);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return false;
        break;
      }
      from.in.append(part, static_cast<std::size_t>(got));
    }
    for (std::size_t size = 0; (size = unit(from.in)) > 0; from.in.erase(0, size))
      pass(from.in.substr(0, size), to, weather);
    return true;
  }

  void pass(std::string unit, Side& to, const Weather& weather) {
    const auto chance = [&](int percent) {
      return percent > 0 && std::uniform_int_distribution<int>(1, 100)(chance_) <= percent;
    };
    const auto in_order = std::max(to.last, Clock::now() + weather.delay);
    to.last = in_order;
    if (!is_message(unit)) {
      to.queue.emplace(in_order, std::move(unit));
      return;
    }
    ++gate_.counts_.passed;
    if (chance(weather.lose)) {
      ++gate_.counts_.lost;
      return;
    }
    if (chance(weather.twice)) {
      ++gate_.counts_.doubled;
      to.queue.emplace(in_order + some(weather.late_by), unit);
    }
    if (chance(weather.late)) {
      ++gate_.counts_.late;
      to.queue.emplace(in_order + some(weather.late_by), std::move(unit));
    } else {
      to.queue.emplace(in_order, std::move(unit));
    }
  }

  milliseconds some(milliseconds most) {
    return milliseconds(std::uniform_int_distribution<long>(0, most.count())(chance_));
  }

  bool give(Side& to) {
    while (!to.queue.empty() && to.queue.begin()->first <= Clock::now()) {
      to.out += to.queue.begin()->second;
      to.queue.erase(to.queue.begin());
    }
    while (!to.out.empty()) {
      const int sent =
          SSL_write(to.ssl, to.out.data(), static_cast<int>(std::min<std::size_t>(to.out.size(), 65'536)));
      if (sent <= 0) {
        const int why = SSL_get_error(to.ssl, sent);
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
      }
      to.out.erase(0, static_cast<std::size_t>(sent));
    }
    return true;
  }

  NatsGate& gate_;
  const unsigned generation_;
  std::mt19937_64 chance_;
  Context to_hub_;
  Context to_agent_;
  Side agent_;
  Side hub_;
};

NatsGate::NatsGate(std::filesystem::path hub_state, std::uint64_t seed)
    : hub_state_(std::move(hub_state)),
      seed_(seed),
      listener_(listen_somewhere(port_)),
      thread_([this] { accept(); }) {}

NatsGate::~NatsGate() {
  stopping_ = true;
  thread_.join();
  ::close(listener_);
}

Weather NatsGate::weather(bool to_agent) const {
  const std::lock_guard lock(mutex_);
  return to_agent ? to_agent_ : to_hub_;
}

void NatsGate::to_agent(const Weather& weather) {
  const std::lock_guard lock(mutex_);
  to_agent_ = weather;
}

void NatsGate::to_hub(const Weather& weather) {
  const std::lock_guard lock(mutex_);
  to_hub_ = weather;
}

void NatsGate::calm() {
  to_agent({});
  to_hub({});
  open();
}

void NatsGate::close() {
  closed_ = true;
  ++generation_;
}

void NatsGate::accept() {
  for (std::uint64_t number = 0; !stopping_;) {
    if (!readable(listener_, milliseconds(50))) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    if (closed_) {
      ::close(fd);
      continue;
    }
    links_.emplace_back([this, fd, seed = seed_ + ++number] { Link(*this, fd, seed).run(); });
  }
  for (auto& link : links_) link.join();
}

}  // namespace qleet::test
