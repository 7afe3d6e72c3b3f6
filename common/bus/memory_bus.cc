#include "common/bus/memory_bus.h"

#include <fmt/format.h>

#include "common/bus/subject.h"

namespace qleet {

MemoryBroker::MemoryBroker(const Clock& clock, std::size_t max_payload)
    : clock_(clock), max_payload_(max_payload) {}

std::unique_ptr<MemoryBus> MemoryBroker::connect(std::string name) {
  auto client = std::make_shared<Client>();
  client->name = std::move(name);
  const MutexLock lock(mutex_);
  client->id = ++last_;
  clients_.push_back(client);
  return std::unique_ptr<MemoryBus>(new MemoryBus(*this, std::move(client)));
}

void MemoryBroker::set_fate(Decide decide) {
  const MutexLock lock(mutex_);
  decide_ = std::move(decide);
}

void MemoryBroker::set_connected(std::string_view name, bool connected, const std::string& why) {
  const MutexLock lock(mutex_);
  if (!connected) {
    std::erase_if(queue_, [&](const auto& entry) REQUIRES(mutex_) {
      const auto found = subscriptions_.find(entry.second.subscription);
      return found != subscriptions_.end() && found->second.client == name;
    });
  }
  // A copy: a handler may make further buses.
  for (const auto& client : std::vector(clients_)) {
    if (client->name != name || client->connected == connected) continue;
    client->connected = connected;
    client->why = connected ? "" : why;
    for (const auto& handler : client->handlers) {
      handler(connected ? BusState::kConnected : BusState::kDisconnected, client->why);
    }
  }
}

bool MemoryBroker::step() {
  std::shared_ptr<Gate> gate;
  Message message;
  {
    const MutexLock lock(mutex_);
    const auto next = queue_.begin();
    if (next == queue_.end() || next->first.first > clock_.mono()) return false;
    const auto found = subscriptions_.find(next->second.subscription);
    if (found != subscriptions_.end()) gate = found->second.gate;
    message = std::move(next->second.message);
    queue_.erase(next);
  }
  if (gate) gate->pass(std::move(message));
  return true;
}

std::size_t MemoryBroker::pump() {
  std::size_t delivered = 0;
  while (step()) ++delivered;
  return delivered;
}

std::optional<MonoTime> MemoryBroker::next_due() const {
  const MutexLock lock(mutex_);
  if (queue_.empty()) return std::nullopt;
  return queue_.begin()->first.first;
}

std::size_t MemoryBroker::queued() const {
  const MutexLock lock(mutex_);
  return queue_.size();
}

Result<> MemoryBroker::publish(const Client& from, Message message) {
  if (!is_subject(message.subject)) return fail(Code::kInvalid, "not a subject");
  const MutexLock lock(mutex_);
  if (!from.connected) {
    return fail(Code::kUnavailable,
                fmt::format("{}: not sent: not connected to the broker", message.subject));
  }
  if (message.data.size() > max_payload_) {
    return fail(Code::kTooLarge,
                fmt::format("{}: not sent: larger than {} bytes", message.subject, max_payload_));
  }
  for (const auto& [id, subscription] : subscriptions_) {
    if (!subject_matches(subscription.pattern, message.subject)) continue;
    bool reachable = false;
    for (const auto& client : clients_) reachable |= client->name == subscription.client && client->connected;
    if (!reachable) continue;
    const Fate fate = decide_ ? decide_(from.name, subscription.client, message) : Fate{};
    for (int copy = 0; copy < fate.copies; ++copy) {
      queue_.emplace(std::pair(clock_.mono() + fate.delay, ++last_), Queued{id, message});
    }
  }
  return {};
}

std::uint64_t MemoryBroker::add(Subscription subscription) {
  const MutexLock lock(mutex_);
  subscriptions_.emplace(++last_, std::move(subscription));
  return last_;
}

void MemoryBroker::remove(std::uint64_t subscription) {
  const MutexLock lock(mutex_);
  subscriptions_.erase(subscription);
}

MemoryBus::~MemoryBus() {
  const MutexLock lock(broker_.mutex_);
  client_->connected = false;
  std::erase(broker_.clients_, client_);
}

Result<> MemoryBus::publish(std::string_view subject, std::string_view data) {
  return broker_.publish(*client_, {std::string(subject), "", std::string(data)});
}

Result<std::shared_ptr<void>> MemoryBus::subscribe(std::string_view subject, MessageHandler handler) {
  if (!is_subject_pattern(subject)) return fail(Code::kInvalid, "not a subject or pattern");
  auto gate = std::make_shared<Gate>(std::move(handler));
  const auto id = broker_.add({client_->name, std::string(subject), gate});
  return std::make_shared<GateHandle>(std::move(gate), [&broker = broker_, id] { broker.remove(id); });
}

Result<std::shared_ptr<void>> MemoryBus::request(std::string_view subject, std::string_view data,
                                                 MessageHandler handler) {
  const std::string inbox = fmt::format("_INBOX.{}.{}.{}", client_->name, client_->id, ++last_request_);
  auto handle = TRY(subscribe(inbox, std::move(handler)));
  TRY(broker_.publish(*client_, {std::string(subject), inbox, std::string(data)}));
  return handle;
}

void MemoryBus::on_state(std::function<void(BusState, std::string why)> handler) {
  const MutexLock lock(broker_.mutex_);
  handler(client_->connected ? BusState::kConnected : BusState::kDisconnected, client_->why);
  client_->handlers.push_back(std::move(handler));
}

}  // namespace qleet
