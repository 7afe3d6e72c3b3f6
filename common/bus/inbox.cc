#include "common/bus/inbox.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "common/crypto/encoding.h"
#include "common/crypto/token.h"

namespace qleet {

Inbox::Inbox(const std::string& name) {
  crypto::SystemRandom random;
  prefix_ = fmt::format("_INBOX.{}.{}", name, crypto::hex(random.bytes(8)));
}

Inbox::Awaited Inbox::await(MessageHandler handler) {
  auto gate = std::make_shared<Gate>(std::move(handler));
  const MutexLock lock(mutex_);
  std::string subject = fmt::format("{}.{}", prefix_, ++last_);
  awaited_.emplace(subject, gate);
  auto forget = [self = shared_from_this(), subject] {
    const MutexLock relock(self->mutex_);
    self->awaited_.erase(subject);
  };
  return {.subject = std::move(subject),
          .handle = std::make_shared<GateHandle>(std::move(gate), std::move(forget))};
}

std::shared_ptr<Gate> Inbox::find(const std::string& subject) const {
  const MutexLock lock(mutex_);
  const auto found = awaited_.find(subject);
  return found == awaited_.end() ? nullptr : found->second;
}

void Inbox::close() {
  std::vector<std::shared_ptr<Gate>> gates;
  {
    const MutexLock lock(mutex_);
    for (const auto& [subject, gate] : awaited_) gates.push_back(gate);
  }
  for (const auto& gate : gates) gate->close();
}

}  // namespace qleet
