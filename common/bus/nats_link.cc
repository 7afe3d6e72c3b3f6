#include "common/bus/nats_link.h"

#include <sys/epoll.h>

#include <optional>
#include <utility>

namespace qleet {
namespace {

constexpr int kReadsAtOnce = 16;
// What the bus lets wait, and room for what it does not count: subscriptions, and answers to PINGs.
constexpr std::size_t kMaxBacklog = 32U << 20U;
// Bytes that are sent are removed from the front when so many of them have come together.
constexpr std::size_t kSentAtOnce = 1U << 20U;
constexpr int kSilentLooks = 3;  // one without an answer, then two PINGs

bool about_identity(std::string_view error) {
  return error.find("uthorization") != std::string_view::npos ||
         error.find("uthentication") != std::string_view::npos;
}

}  // namespace

NatsLink::NatsLink(IoLoop& loop, Owner& owner, const NatsOptions& options, const TlsTrust* trust)
    : loop_(loop), owner_(owner), options_(options), trust_(trust) {}

NatsLink::~NatsLink() {
  loop_.cancel(timer_);
  loop_.cancel(ending_);
  if (socket_) loop_.forget(socket_->descriptor());
}

void NatsLink::start(const std::string& url, std::size_t attempt) {
  const auto parsed = nats_address(url);
  if (!parsed) return end(parsed.error().message);
  const NatsAddress& address = *parsed;
  tls_name_ = options_.tls_server_name.empty() ? address.host : options_.tls_server_name;
  timer_ = loop_.at(loop_.clock().mono() + options_.connect_timeout,
                    [this] { end("no connection within the time for one attempt"); });
  auto socket = Socket::connect(address.host, address.port, attempt);
  if (!socket) return end(socket.error().message);
  wants_write_ = true;
  if (!loop_.watch((*socket)->descriptor(), EPOLLIN | EPOLLOUT, *this)) return end("too many connections");
  socket_ = *std::move(socket);
}

void NatsLink::end(const std::string& why, bool refused) {
  if (stage_ == Stage::kEnded) return;
  stage_ = Stage::kEnded;
  loop_.cancel(std::exchange(timer_, 0));
  loop_.cancel(std::exchange(ending_, 0));
  if (socket_) loop_.forget(socket_->descriptor());
  socket_.reset();
  owner_.ended(why, refused);
}

void NatsLink::ready(unsigned events) {
  if (stage_ == Stage::kConnecting) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    if (const auto connected = socket_->connected(); !connected) return end(connected.error().message);
    stage_ = Stage::kGreeting;
    want_write(false);
  }
  if (stage_ == Stage::kHandshake && !handshake()) return;
  read_all();
  if (stage_ == Stage::kOpening || stage_ == Stage::kOpen) write_all();
}

void NatsLink::read_all() {
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const auto moved = socket_->read(loop_.scratch());
    if (!moved) return end(moved.error().message, moved.error().code == Code::kDenied);
    if (moved->bytes == 0) return;
    heard_ = true;
    const auto fed = parser_.feed({loop_.scratch().data(), moved->bytes},
                                  [this](const nats::Received& message) { return take(message); });
    if (stage_ == Stage::kEnded) return;
    if (!fed) return end(fed.error().message);
    if (stage_ == Stage::kHandshake) {
      if (!handshake()) return;
    }
    if (moved->bytes < loop_.scratch().size() && !socket_->tls()) return;
  }
  // Others may have something too; what OpenSSL still holds makes no event.
  if (socket_->tls()) want_write(true);
}

bool NatsLink::take(const nats::Received& message) {
  using What = nats::Received::What;
  switch (message.what) {
    case What::kInfo: {
      if (stage_ != Stage::kGreeting) return true;  // news of its cluster
      const auto info = nats::parse_info(message.text);
      const auto greeted = info ? greet(*info) : std::unexpected(info.error());
      if (!greeted) end(greeted.error().message);
      return stage_ == Stage::kOpening;
    }
    case What::kMessage:
      if (stage_ == Stage::kOpening || stage_ == Stage::kOpen) owner_.received(message);
      break;
    case What::kPing:
      send(std::string(nats::kPong));
      break;
    case What::kPong:
      if (stage_ == Stage::kOpening) {
        stage_ = Stage::kOpen;
        loop_.cancel(timer_);
        watch_silence();
        owner_.opened();
      } else {
        owner_.ponged();
      }
      break;
    case What::kError: {
      const std::string text(message.text);
      // It stays; the server says so of one subject.
      if (text.starts_with("Permissions Violation") || text.starts_with("Invalid Subject")) {
        owner_.complained(text);
      } else {
        end(text, about_identity(text));
      }
      break;
    }
    case What::kOk:
      break;
  }
  return stage_ != Stage::kEnded;
}

Result<> NatsLink::greet(const nats::ServerInfo& info) {
  info_ = info;
  if (trust_ == nullptr) {
    if (info.tls_required) return fail(Code::kDenied, "the server wants TLS: give its URL as tls://");
    open();
    return {};
  }
  // Whatever follows the greeting in plain was not said by the server that the certificate names.
  TRY(socket_->begin_tls(*trust_, tls_name_));
  stage_ = Stage::kHandshake;
  return {};
}

bool NatsLink::handshake() {
  if (parser_.waiting() > 0) {
    end("the server says more before TLS than it should");
    return false;
  }
  const auto need = socket_->handshake();
  if (!need) {
    // Not by what is said of the server's certificate: that is no refusal by the server.
    end(need.error().message, need.error().code == Code::kDenied && need.error().reason == Socket::kOurs);
    return false;
  }
  want_write(*need == Socket::Need::kWrite);
  if (*need != Socket::Need::kNothing) return false;
  open();
  return true;
}

void NatsLink::open() {
  stage_ = Stage::kOpening;
  send(owner_.opening(info_, trust_ != nullptr));
}

void NatsLink::send(std::string bytes) {
  if (stage_ != Stage::kOpening && stage_ != Stage::kOpen) return;
  if (sending_.empty()) {
    sending_ = std::move(bytes);
    write_all();
  } else {
    sending_ += bytes;
    if (backlog() > kMaxBacklog) end_later("the server asks for more than it takes");
  }
}

void NatsLink::write_all() {
  while (sent_ < sending_.size()) {
    const auto moved = socket_->write(std::string_view(sending_).substr(sent_));
    if (!moved) return end_later(moved.error().message);
    if (moved->bytes == 0) return want_write(true);
    sent_ += moved->bytes;
    // A connection that is never idle must not keep all that it ever sent.
    if (sent_ >= kSentAtOnce && sent_ > sending_.size() / 2) {
      sending_.erase(0, sent_);
      sent_ = 0;
    }
  }
  sending_ = std::string();
  sent_ = 0;
  want_write(false);
}

// Not from within the caller's call, which may still use this.
void NatsLink::end_later(const std::string& why) {
  if (ending_ == 0) ending_ = loop_.at(loop_.clock().mono(), [this, why] { end(why); });
}

void NatsLink::want_write(bool wanted) {
  if (wanted == wants_write_ || !socket_) return;
  wants_write_ = wanted;
  loop_.change(socket_->descriptor(), EPOLLIN | (wanted ? EPOLLOUT : 0U));
}

// Every interval: was anything heard? If not, the server is asked; where that brings nothing, it is gone.
void NatsLink::watch_silence() {
  silent_looks_ = std::exchange(heard_, false) ? 0 : silent_looks_ + 1;
  if (silent_looks_ >= kSilentLooks) return end("the server has fallen silent");
  if (silent_looks_ > 0) send(std::string(nats::kPing));
  timer_ = loop_.at(loop_.clock().mono() + options_.ping_interval, [this] { watch_silence(); });
}

}  // namespace qleet
