#include "common/bus/light_nats_bus.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/bus/bus_states.h"
#include "common/bus/gate.h"
#include "common/bus/inbox.h"
#include "common/bus/nats_link.h"
#include "common/bus/subject.h"
#include "common/crypto/encoding.h"
#include "common/crypto/nkey.h"
#include "common/thread/mutex.h"

namespace qleet {
namespace {

// What waits for a connection that takes nothing; beyond it, it counts as not sent.
constexpr std::size_t kMaxBacklog = 16U << 20U;
constexpr std::uint64_t kInboxId = 1;

std::unexpected<Error> not_sent(std::string_view subject, std::string_view why,
                                Code code = Code::kUnavailable) {
  return fail(code, fmt::format("{}: not sent: {}", subject, why));
}

bool wants_tls(const NatsOptions& options) {
  return std::ranges::any_of(options.urls, [](const auto& url) { return url.starts_with("tls://"); });
}

}  // namespace

// mutex_ is held neither while a handler runs nor while states or inbox_ are used.
class LightNatsBus::Core final : public NatsLink::Owner, public std::enable_shared_from_this<Core> {
 public:
  Core(NatsOptions options, IoLoop& loop, std::shared_ptr<const TlsTrust> trust)
      : options_(std::move(options)),
        loop_(loop),
        trust_(std::move(trust)),
        inbox_(std::make_shared<Inbox>(options_.name)) {}

  Result<> start() {
    if (!options_.user_seed.empty()) {
      auto key = crypto::NKey::from_seed(options_.user_seed);
      if (!key) return std::unexpected(wrap(key.error(), "user_seed"));
      key_ = std::move(*key);
      options_.user_seed.clear();
    }
    wait_ = options_.reconnect_wait;
    loop_.post([self = shared_from_this()] { self->connect(); });
    return {};
  }

  Result<> send(std::string_view subject, std::string_view reply, std::string_view data);
  Result<std::shared_ptr<void>> subscribe(std::string_view subject, MessageHandler handler);
  Result<std::shared_ptr<void>> request(std::string_view subject, std::string_view data,
                                        MessageHandler handler);
  Result<> flush(Millis timeout);
  void close();

  BusStates states;

 private:
  struct Subscription {
    std::string subject;
    std::shared_ptr<Gate> gate;
  };
  void connect();
  void push_locked() REQUIRES(mutex_);
  void push();
  void unsubscribe(std::uint64_t id);
  std::shared_ptr<Gate> gate_of(const nats::Received& message);

  std::string opening(const nats::ServerInfo& info, bool tls) override;
  void opened() override;
  void received(const nats::Received& message) override;
  void ponged() override;
  void complained(std::string what) override {
    if (options_.on_error) options_.on_error(what);
  }
  void ended(const std::string& why, bool refused) override;

  NatsOptions options_;
  IoLoop& loop_;
  std::shared_ptr<const TlsTrust> trust_;
  std::optional<crypto::NKey> key_;
  const std::shared_ptr<Inbox> inbox_;

  // The loop's thread alone.
  std::unique_ptr<NatsLink> link_;
  std::size_t attempts_ = 0;
  Millis wait_{};
  std::minstd_rand jitter_{std::random_device{}()};

  mutable Mutex mutex_;
  Condition pong_seen_;
  bool closing_ GUARDED_BY(mutex_) = false;
  bool speaking_ GUARDED_BY(mutex_) = false;   // the link takes what is sent
  bool connected_ GUARDED_BY(mutex_) = false;  // and it arrives
  std::size_t max_payload_ GUARDED_BY(mutex_) = 1U << 20U;
  std::string out_ GUARDED_BY(mutex_);  // not yet handed to the link
  bool pushing_ GUARDED_BY(mutex_) = false;
  std::size_t backlog_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::uint64_t, Subscription> subscriptions_ GUARDED_BY(mutex_);
  std::uint64_t last_id_ GUARDED_BY(mutex_) = kInboxId;
  std::uint64_t pings_ GUARDED_BY(mutex_) = 0;  // of flush(), on this connection
  std::uint64_t pongs_ GUARDED_BY(mutex_) = 0;
  std::uint64_t life_ GUARDED_BY(mutex_) = 0;  // of the connection
};

void LightNatsBus::Core::connect() {
  {
    const MutexLock lock(mutex_);
    if (closing_) return;
  }
  const auto& url = options_.urls[attempts_ % options_.urls.size()];
  link_ =
      std::make_unique<NatsLink>(loop_, *this, options_, url.starts_with("tls://") ? trust_.get() : nullptr);
  link_->start(url, attempts_++ / options_.urls.size());
}

std::string LightNatsBus::Core::opening(const nats::ServerInfo& info, bool tls) {
  nats::ConnectOptions connect{.name = options_.name, .jwt = options_.user_jwt, .tls = tls};
  if (key_) connect.signature = key_->sign(info.nonce);
  std::string out = nats::connect_line(connect);
  nats::append_subscribe(out, inbox_->pattern(), kInboxId);
  const MutexLock lock(mutex_);
  for (const auto& [id, subscription] : subscriptions_) nats::append_subscribe(out, subscription.subject, id);
  max_payload_ = info.max_payload;
  speaking_ = true;
  return out.append(nats::kPing);
}

void LightNatsBus::Core::opened() {
  wait_ = options_.reconnect_wait;
  {
    const MutexLock lock(mutex_);
    connected_ = true;
  }
  states.set(0, BusState::kConnected, "");
}

void LightNatsBus::Core::ended(const std::string& why, bool refused) {
  {
    const MutexLock lock(mutex_);
    speaking_ = connected_ = false;
    out_.clear();
    backlog_ = 0;
    pings_ = pongs_ = 0;
    ++life_;
    pong_seen_.notify_all();
    if (closing_) return;
  }
  // Before what follows from it: the link that has ended must outlive this call.
  const auto spread = static_cast<std::uint64_t>(options_.reconnect_jitter.count()) + 1;
  loop_.at(loop_.clock().mono() + wait_ + Millis(static_cast<Millis::rep>(jitter_() % spread)),
           [weak = weak_from_this()] {
             if (const auto self = weak.lock()) self->connect();
           });
  wait_ = std::min(wait_ * 2, std::max(options_.max_wait, options_.reconnect_wait));
  states.set(0, refused ? BusState::kRefused : BusState::kDisconnected, why);
}

std::shared_ptr<Gate> LightNatsBus::Core::gate_of(const nats::Received& message) {
  if (message.subscription == kInboxId) return inbox_->find(std::string(message.subject));
  const MutexLock lock(mutex_);
  const auto found = subscriptions_.find(message.subscription);
  return found == subscriptions_.end() ? nullptr : found->second.gate;
}

void LightNatsBus::Core::received(const nats::Received& message) {
  if (const auto gate = gate_of(message))
    gate->pass({std::string(message.subject), std::string(message.reply), std::string(message.data)});
}

void LightNatsBus::Core::ponged() {
  const MutexLock lock(mutex_);
  ++pongs_;
  pong_seen_.notify_all();
}

void LightNatsBus::Core::push_locked() {
  if (std::exchange(pushing_, true)) return;
  loop_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->push();
  });
}

void LightNatsBus::Core::push() {
  std::string bytes;
  {
    const MutexLock lock(mutex_);
    pushing_ = false;
    if (!speaking_) return out_.clear();
    bytes.swap(out_);
  }
  link_->send(std::move(bytes));
  const MutexLock lock(mutex_);
  backlog_ = link_->backlog();
}

Result<> LightNatsBus::Core::send(std::string_view subject, std::string_view reply, std::string_view data) {
  if (!is_subject(subject))
    return fail(Code::kInvalid, fmt::format("\"{}\" is not a subject", crypto::hex(subject)));
  const MutexLock lock(mutex_);
  if (!connected_) return not_sent(subject, "not connected to the broker");
  if (data.size() > max_payload_)
    return not_sent(subject, fmt::format("{} bytes, of at most {}", data.size(), max_payload_),
                    Code::kTooLarge);
  if (out_.size() + backlog_ > kMaxBacklog) return not_sent(subject, "the broker does not take more");
  nats::append_publish(out_, subject, reply, data);
  push_locked();
  return {};
}

Result<std::shared_ptr<void>> LightNatsBus::Core::subscribe(std::string_view subject,
                                                            MessageHandler handler) {
  if (!is_subject_pattern(subject))
    return fail(Code::kInvalid, fmt::format("\"{}\" is not a subject or pattern", crypto::hex(subject)));
  auto gate = std::make_shared<Gate>(std::move(handler));
  const MutexLock lock(mutex_);
  if (closing_) return fail(Code::kUnavailable, "the bus is closed");
  const std::uint64_t id = ++last_id_;
  subscriptions_.emplace(id, Subscription{std::string(subject), gate});
  if (speaking_) {
    nats::append_subscribe(out_, subject, id);
    push_locked();
  }
  return std::make_shared<GateHandle>(std::move(gate),
                                      [self = shared_from_this(), id] { self->unsubscribe(id); });
}

void LightNatsBus::Core::unsubscribe(std::uint64_t id) {
  const MutexLock lock(mutex_);
  subscriptions_.erase(id);
  if (!speaking_) return;
  nats::append_unsubscribe(out_, id);
  push_locked();
}

Result<std::shared_ptr<void>> LightNatsBus::Core::request(std::string_view subject, std::string_view data,
                                                          MessageHandler handler) {
  auto answers = inbox_->await(std::move(handler));
  TRY(send(subject, answers.subject, data));
  return std::move(answers.handle);
}

Result<> LightNatsBus::Core::flush(Millis timeout) {
  MutexLock lock(mutex_);
  if (!connected_) return fail(Code::kUnavailable, "not connected to the broker");
  const auto life = life_;
  const auto number = ++pings_;
  out_ += nats::kPing;
  push_locked();
  const bool answered = pong_seen_.wait_for(
      lock, timeout, [&]() REQUIRES(mutex_) { return life_ != life || closing_ || pongs_ >= number; });
  if (life_ != life || closing_) return fail(Code::kUnavailable, "the connection to the broker has ended");
  if (!answered) return fail(Code::kDeadline, "the broker does not answer");
  return {};
}

void LightNatsBus::Core::close() {
  std::vector<std::shared_ptr<Gate>> gates;
  {
    const MutexLock lock(mutex_);
    if (std::exchange(closing_, true)) return;
    speaking_ = connected_ = false;
    pong_seen_.notify_all();
    for (const auto& [id, subscription] : subscriptions_) gates.push_back(subscription.gate);
  }
  states.close();
  for (const auto& gate : gates) gate->close();
  inbox_->close();
  loop_.post([self = shared_from_this()] { self->link_.reset(); });
}

LightNatsBus::LightNatsBus(std::shared_ptr<Core> core) : core_(std::move(core)) {}
LightNatsBus::~LightNatsBus() { close(); }

Result<std::unique_ptr<LightNatsBus>> LightNatsBus::start(NatsOptions options, IoLoop& loop,
                                                          std::shared_ptr<const TlsTrust> trust) {
  TRY(check(options));
  if (!trust && wants_tls(options)) {
    trust = TRY(TlsTrust::make(options.tls_ca_pem, {options.tls_certificate_pem, options.tls_key_pem}));
  }
  options.tls_key_pem.clear();
  auto core = std::make_shared<Core>(std::move(options), loop, std::move(trust));
  TRY(core->start());
  return std::unique_ptr<LightNatsBus>(new LightNatsBus(std::move(core)));
}

Result<> LightNatsBus::publish(std::string_view subject, std::string_view data) {
  return core_->send(subject, "", data);
}
Result<std::shared_ptr<void>> LightNatsBus::subscribe(std::string_view subject, MessageHandler handler) {
  return core_->subscribe(subject, std::move(handler));
}
Result<std::shared_ptr<void>> LightNatsBus::request(std::string_view subject, std::string_view data,
                                                    MessageHandler handler) {
  return core_->request(subject, data, std::move(handler));
}
void LightNatsBus::on_state(std::function<void(BusState, std::string why)> handler) {
  core_->states.tell(std::move(handler));
}
BusState LightNatsBus::state() const { return core_->states.state(); }
bool LightNatsBus::wait_connected(Millis timeout) const { return core_->states.wait_connected(timeout); }
Result<> LightNatsBus::flush(Millis timeout) { return core_->flush(timeout); }
void LightNatsBus::close() { core_->close(); }

}  // namespace qleet
