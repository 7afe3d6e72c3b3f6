#include "common/bus/nats_bus.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <thread>

#include "common/bus/bus_states.h"
#include "common/bus/callbacks.h"
#include "common/bus/gate.h"
#include "common/bus/inbox.h"
#include "common/bus/nats_session.h"
#include "common/bus/subject.h"
#include "common/crypto/encoding.h"
#include "common/thread/mutex.h"

namespace qleet {
namespace {

std::unexpected<Error> send_error(natsStatus status, std::string_view subject) {
  const Code code = status == NATS_MAX_PAYLOAD ? Code::kTooLarge : Code::kUnavailable;
  return fail(code, fmt::format("{}: not sent: {}", subject, natsStatus_GetText(status)));
}

}  // namespace

// Lock order: mutex_ before the library's own; states and inbox_ call nothing of it.
class NatsBus::Core : public std::enable_shared_from_this<NatsBus::Core> {
 public:
  explicit Core(NatsOptions options)
      : options_(std::move(options)),
        credentials_(std::make_shared<NatsCredentials>()),
        inbox_(std::make_shared<Inbox>(options_.name)) {
    mux_ = std::make_shared<Gate>([inbox = inbox_](Message message) {
      if (const auto gate = inbox->find(message.subject)) gate->pass(std::move(message));
    });
    mux_number_ = Callbacks<Gate>::instance().add(mux_);
  }

  ~Core() { Callbacks<Gate>::instance().remove(mux_number_); }

  Result<> start() {
    if (!options_.user_seed.empty()) {
      auto key = crypto::NKey::from_seed(options_.user_seed);
      if (!key) return std::unexpected(wrap(key.error(), "user_seed"));
      const MutexLock lock(credentials_->mutex);
      credentials_->key = std::move(*key);
      credentials_->jwt = std::exchange(options_.user_jwt, {});
      options_.user_seed.clear();
    }
    connector_ = std::thread([this] { keep_connected(); });
    return {};
  }

  void close();
  Result<> send(std::string_view subject, const std::string& reply, std::string_view data);
  Result<std::shared_ptr<void>> subscribe(std::string_view subject, MessageHandler handler);
  Result<std::shared_ptr<void>> request(std::string_view subject, std::string_view data,
                                        MessageHandler handler);
  Result<> flush(Millis timeout);

  void set_user_jwt(std::string jwt) {
    const MutexLock lock(credentials_->mutex);
    credentials_->jwt = std::move(jwt);
  }

  BusStates states;

 private:
  struct Subscription {
    std::string subject;
    std::shared_ptr<Gate> gate;
    void* number = nullptr;
    natsSubscription* live = nullptr;  // of the present session
  };
  void keep_connected();
  NatsSession::Events events(std::uint64_t session);
  void adopt(const std::shared_ptr<NatsSession>& session, std::uint64_t number);
  void drop_session();
  Millis jittered(Millis wait);
  void unsubscribe(std::uint64_t id);

  std::shared_ptr<NatsSession> session() {
    const MutexLock lock(mutex_);
    return session_;
  }

  NatsOptions options_;
  const std::shared_ptr<NatsCredentials> credentials_;
  const std::shared_ptr<Inbox> inbox_;
  std::shared_ptr<Gate> mux_;
  void* mux_number_ = nullptr;

  Mutex mutex_;
  Condition wake_;
  bool closing_ GUARDED_BY(mutex_) = false;
  bool lost_ GUARDED_BY(mutex_) = false;  // the library has given up on the session
  std::shared_ptr<NatsSession> session_ GUARDED_BY(mutex_);
  natsSubscription* mux_live_ GUARDED_BY(mutex_) = nullptr;
  std::map<std::uint64_t, Subscription> subscriptions_ GUARDED_BY(mutex_);
  std::uint64_t last_id_ GUARDED_BY(mutex_) = 0;
  std::thread connector_;

  std::minstd_rand jitter_{std::random_device{}()};
};

void NatsBus::Core::keep_connected() {
  Millis wait = options_.reconnect_wait;
  for (std::uint64_t attempt = 1;; ++attempt) {
    {
      const MutexLock lock(mutex_);
      if (closing_) return;
      lost_ = false;
    }
    states.follow(attempt);
    auto made = NatsSession::connect(options_, credentials_, events(attempt));
    if (made) {
      adopt(*made, attempt);
      made->reset();
      wait = options_.reconnect_wait;
      MutexLock lock(mutex_);
      wake_.wait(lock, [this]() REQUIRES(mutex_) { return closing_ || lost_; });
      lock.unlock();
      drop_session();
    } else {
      states.set(attempt, made.error().refused ? BusState::kRefused : BusState::kDisconnected,
                 made.error().why);
      if (made.error().unlucky) continue;
    }
    MutexLock lock(mutex_);
    wake_.wait_for(lock, jittered(wait), [this]() REQUIRES(mutex_) { return closing_; });
    wait = std::min(wait * 2, std::max(options_.max_wait, options_.reconnect_wait));
  }
}

Millis NatsBus::Core::jittered(Millis wait) {
  const auto spread = static_cast<std::uint64_t>(options_.reconnect_jitter.count()) + 1;
  return wait + Millis(static_cast<Millis::rep>(jitter_() % spread));
}

NatsSession::Events NatsBus::Core::events(std::uint64_t session) {
  const auto weak = weak_from_this();
  return {
      .reconnected =
          [weak, session] {
            if (const auto self = weak.lock()) self->states.set(session, BusState::kConnected, "");
          },
      .disconnected =
          [weak, session](const std::string& why) {
            if (const auto self = weak.lock()) self->states.set(session, BusState::kDisconnected, why);
          },
      .closed =
          [weak, session](const std::string& why, bool refused) {
            const auto self = weak.lock();
            if (!self) return;
            self->states.set(session, refused ? BusState::kRefused : BusState::kDisconnected, why);
            const MutexLock lock(self->mutex_);
            self->lost_ = true;
            self->wake_.notify_all();
          },
      .error =
          [weak](const std::string& what) {
            const auto self = weak.lock();
            if (self && self->options_.on_error) self->options_.on_error(what);
          },
  };
}

void NatsBus::Core::adopt(const std::shared_ptr<NatsSession>& session, std::uint64_t number) {
  {
    const MutexLock lock(mutex_);
    session_ = session;
    (void)session->subscribe(inbox_->pattern(), mux_number_, options_, &mux_live_);
    for (auto& [id, subscription] : subscriptions_) {
      // Fails only if the session is lost again, which is noticed by its own event.
      (void)session->subscribe(subscription.subject, subscription.number, options_, &subscription.live);
    }
  }
  if (session->connected()) states.set(number, BusState::kConnected, "");
}

void NatsBus::Core::drop_session() {
  std::shared_ptr<NatsSession> session;
  std::vector<natsSubscription*> dead;
  {
    const MutexLock lock(mutex_);
    session = std::exchange(session_, nullptr);
    dead.push_back(std::exchange(mux_live_, nullptr));
    for (auto& [id, subscription] : subscriptions_) dead.push_back(std::exchange(subscription.live, nullptr));
  }
  session->close();
  for (natsSubscription* subscription : dead) natsSubscription_Destroy(subscription);
}

void NatsBus::Core::close() {
  {
    const MutexLock lock(mutex_);
    closing_ = true;
    wake_.notify_all();
  }
  states.close();
  if (connector_.joinable()) connector_.join();
  std::vector<std::shared_ptr<Gate>> gates;
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, subscription] : subscriptions_) gates.push_back(subscription.gate);
  }
  mux_->close();
  inbox_->close();
  for (const auto& gate : gates) gate->close();
}

Result<> NatsBus::Core::send(std::string_view subject, const std::string& reply, std::string_view data) {
  if (!is_subject(subject)) {
    return fail(Code::kInvalid, fmt::format("\"{}\" is not a subject", crypto::hex(subject)));
  }
  const auto current = session();
  // The library would keep it and send a pile of stale messages after an outage. Its own status is asked, not
  // ours: that one comes late, and would lose what answers a peer that is already back.
  if (!current || !current->connected()) {
    return fail(Code::kUnavailable, fmt::format("{}: not sent: not connected to the broker", subject));
  }
  const natsStatus status = current->publish(std::string(subject), reply, data);
  if (status != NATS_OK) return send_error(status, subject);
  return {};
}

Result<std::shared_ptr<void>> NatsBus::Core::subscribe(std::string_view subject, MessageHandler handler) {
  if (!is_subject_pattern(subject)) {
    return fail(Code::kInvalid, fmt::format("\"{}\" is not a subject or pattern", crypto::hex(subject)));
  }
  auto gate = std::make_shared<Gate>(std::move(handler));
  const MutexLock lock(mutex_);
  if (closing_) return fail(Code::kUnavailable, "the bus is closed");
  const std::uint64_t id = ++last_id_;
  Subscription subscription{std::string(subject), gate, Callbacks<Gate>::instance().add(gate), nullptr};
  if (session_) {
    const natsStatus status =
        session_->subscribe(subscription.subject, subscription.number, options_, &subscription.live);
    // A closed session is about to be replaced, and the next one subscribes.
    if (status != NATS_OK && status != NATS_CONNECTION_CLOSED) {
      Callbacks<Gate>::instance().remove(subscription.number);
      return fail(Code::kUnavailable,
                  fmt::format("{}: not subscribed: {}", subject, natsStatus_GetText(status)));
    }
  }
  subscriptions_.emplace(id, std::move(subscription));
  return std::make_shared<GateHandle>(std::move(gate),
                                      [self = shared_from_this(), id] { self->unsubscribe(id); });
}

void NatsBus::Core::unsubscribe(std::uint64_t id) {
  const MutexLock lock(mutex_);
  const auto found = subscriptions_.find(id);
  Callbacks<Gate>::instance().remove(found->second.number);
  natsSubscription_Destroy(found->second.live);
  subscriptions_.erase(found);
}

Result<std::shared_ptr<void>> NatsBus::Core::request(std::string_view subject, std::string_view data,
                                                     MessageHandler handler) {
  auto answers = inbox_->await(std::move(handler));
  TRY(send(subject, answers.subject, data));
  return std::move(answers.handle);
}

Result<> NatsBus::Core::flush(Millis timeout) {
  const auto current = session();
  if (!current || !current->connected()) return fail(Code::kUnavailable, "not connected to the broker");
  const natsStatus status = current->flush(timeout);
  if (status == NATS_OK) return {};
  return fail(status == NATS_TIMEOUT ? Code::kDeadline : Code::kUnavailable,
              fmt::format("the broker does not answer: {}", natsStatus_GetText(status)));
}

NatsBus::NatsBus(std::shared_ptr<Core> core) : core_(std::move(core)) {}
NatsBus::~NatsBus() { close(); }

Result<std::unique_ptr<NatsBus>> NatsBus::start(NatsOptions options) {
  TRY(check(options));
  auto core = std::make_shared<Core>(std::move(options));
  TRY(core->start());
  return std::unique_ptr<NatsBus>(new NatsBus(std::move(core)));
}

Result<> NatsBus::publish(std::string_view subject, std::string_view data) {
  return core_->send(subject, "", data);
}
Result<std::shared_ptr<void>> NatsBus::subscribe(std::string_view subject, MessageHandler handler) {
  return core_->subscribe(subject, std::move(handler));
}
Result<std::shared_ptr<void>> NatsBus::request(std::string_view subject, std::string_view data,
                                               MessageHandler handler) {
  return core_->request(subject, data, std::move(handler));
}
void NatsBus::on_state(std::function<void(BusState, std::string why)> handler) {
  core_->states.tell(std::move(handler));
}
BusState NatsBus::state() const { return core_->states.state(); }
bool NatsBus::wait_connected(Millis timeout) const { return core_->states.wait_connected(timeout); }
Result<> NatsBus::flush(Millis timeout) { return core_->flush(timeout); }
void NatsBus::set_user_jwt(std::string jwt) { core_->set_user_jwt(std::move(jwt)); }
void NatsBus::close() { core_->close(); }

}  // namespace qleet
