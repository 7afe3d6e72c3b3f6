#include "hub/broker/identities.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/crypto/private_file.h"
#include "common/log/log.h"

namespace qleet::hub {
namespace {

constexpr log::Logger kLog{"broker"};
constexpr std::string_view kUpdate = "$SYS.REQ.CLAIMS.UPDATE";
// Any token of a revoked key is older than this (the year 9999), whatever the clock did when it was issued.
constexpr WallTime kForEver{std::chrono::seconds(253'402'300'799)};
// The same of one that is only suspended: how the two are told apart in the token.
constexpr WallTime kForAWhile = kForEver - std::chrono::seconds(1);

bool is_agent_name(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 63 && alphanumeric(name.front()) && alphanumeric(name.back()) &&
         std::ranges::all_of(name, [&](char c) { return alphanumeric(c) || c == '-'; });
}

Result<> check_user_key(const std::string& public_key) {
  const auto kind = crypto::parse_public_key(public_key);
  if (!kind) return std::unexpected(wrap(kind.error(), "public key"));
  if (*kind != crypto::KeyKind::kUser) return fail(Code::kInvalid, "public key: not that of a user (U...)");
  return {};
}

}  // namespace

struct Identities::Shared : std::enable_shared_from_this<Identities::Shared> {
  Mutex mutex;
  Condition changed;
  std::string jwt GUARDED_BY(mutex);
  WallTime issued GUARDED_BY(mutex);
  WallTime confirmed GUARDED_BY(mutex);  // the issue that the server has said to have
  std::map<std::string, WallTime> revocations GUARDED_BY(mutex);

  // Held while the bus is used, so that use(nullptr) waits. Taken before `mutex`; a state handler of the bus
  // takes it too, so nothing of the bus that waits for its state handlers may be called with it held.
  Mutex bus_mutex;
  Bus* bus GUARDED_BY(bus_mutex) = nullptr;
  std::shared_ptr<void> asked GUARDED_BY(bus_mutex);

  void push() {
    std::shared_ptr<void> previous;
    const MutexLock bus_lock(bus_mutex);
    if (bus == nullptr) return;
    MutexLock lock(mutex);
    const std::string token = jwt;
    const WallTime issue = issued;
    lock.unlock();
    previous = std::exchange(asked, nullptr);
    auto handle = bus->request(kUpdate, token, [weak = weak_from_this(), issue](const Message& answer) {
      if (const auto self = weak.lock()) self->answered(issue, answer);
    });
    // Not connected: pushed when it is.
    if (handle) asked = std::move(*handle);
  }

  void answered(WallTime issue, const Message& answer) {
    if (answer.data.find("\"code\":200") == std::string::npos) {
      kLog.error("the broker refused the fleet's account", {{"answer", answer.data.substr(0, 500)}});
      return;
    }
    const MutexLock lock(mutex);
    confirmed = std::max(confirmed, issue);
    changed.notify_all();
  }
};

Identities::Identities(std::filesystem::path file, const BrokerKeys& keys, const Clock& clock)
    : file_(std::move(file)), keys_(keys), clock_(clock), shared_(std::make_shared<Shared>()) {}

Identities::~Identities() { use(nullptr); }

Result<std::unique_ptr<Identities>> Identities::open(const std::filesystem::path& folder,
                                                     const BrokerKeys& keys, const Clock& clock) {
  auto identities = std::unique_ptr<Identities>(new Identities(folder / "account.jwt", keys, clock));
  std::map<std::string, WallTime> revocations;
  const auto kept = crypto::read_private_file(identities->file_);
  if (kept) {
    const auto claims = crypto::decode(*kept);
    if (!claims || claims->subject != keys.account()) {
      return fail(Code::kInvalid,
                  fmt::format("{}: damaged, or of another account than that of the keys beside "
                              "it; restore both from one backup",
                              identities->file_.string()));
    }
    revocations = claims->revocations;
    std::erase_if(revocations, [](const auto& of) { return of.second == kForAWhile; });
    const MutexLock lock(identities->shared_->mutex);
    identities->shared_->issued = claims->issued;
  } else if (kept.error().code != Code::kNotFound) {
    return std::unexpected(kept.error());
  }
  // Minted anew each time, so that an upgrade's permissions come into force.
  const auto renewed = identities->renew(revocations);
  if (renewed) return identities;
  if (!kept || renewed.error().code != Code::kFull) return std::unexpected(renewed.error());
  // The disk is full: what is there is good, and agents wait.
  kLog.warn("goes on with the fleet's account as it is", {{"error", renewed.error().message}});
  const MutexLock lock(identities->shared_->mutex);
  identities->shared_->jwt = *kept;
  identities->shared_->revocations = std::move(revocations);
  return identities;
}

Result<> Identities::renew(std::map<std::string, WallTime> revocations) {
  WallTime issued;
  {
    const MutexLock lock(shared_->mutex);
    // In whole seconds, and always growing: the server keeps the newer of two.
    const auto now = std::chrono::floor<std::chrono::seconds>(clock_.wall());
    issued = std::max<WallTime>(now, shared_->issued + std::chrono::seconds(1));
  }
  std::string jwt = TRY(keys_.mint_account(revocations, issued));
  TRY(crypto::write_private_file(file_, jwt));
  const MutexLock lock(shared_->mutex);
  shared_->jwt = std::move(jwt);
  shared_->issued = issued;
  shared_->revocations = std::move(revocations);
  return {};
}

Result<std::string> Identities::enrol(const std::string& agent, const std::string& public_key) const {
  if (!is_agent_name(agent)) {
    return fail(
        Code::kInvalid,
        fmt::format("agent: \"{}\" is not a name (lower-case letters, digits and -, at most 63)", agent));
  }
  TRY(check_user_key(public_key));
  if (revoked(public_key)) return fail(Code::kDenied, "this key was revoked; make a new one");
  return keys_.mint_agent(agent, public_key, clock_.wall());
}

bool Identities::revoked(const std::string& public_key) const {
  const MutexLock lock(shared_->mutex);
  const auto found = shared_->revocations.find(public_key);
  return found != shared_->revocations.end() && found->second != kForAWhile;
}

std::string Identities::account_jwt() const {
  const MutexLock lock(shared_->mutex);
  return shared_->jwt;
}

Result<> Identities::change(const std::function<bool(std::map<std::string, WallTime>&)>& change) {
  const MutexLock renewing(renewing_);
  std::map<std::string, WallTime> revocations;
  {
    const MutexLock lock(shared_->mutex);
    revocations = shared_->revocations;
  }
  if (!change(revocations)) return {};
  TRY(renew(std::move(revocations)));
  shared_->push();
  return {};
}

Result<> Identities::suspend(const std::string& public_key) {
  TRY(check_user_key(public_key));
  return change([&](auto& revocations) { return revocations.emplace(public_key, kForAWhile).second; });
}

Result<> Identities::readmit(const std::string& public_key) {
  return change([&](auto& revocations) {
    const auto found = revocations.find(public_key);
    if (found == revocations.end() || found->second != kForAWhile) return false;
    revocations.erase(found);
    return true;
  });
}

Result<> Identities::revoke(const std::vector<std::string>& public_keys, Millis timeout) {
  for (const auto& key : public_keys) TRY(check_user_key(key));
  TRY(change([&](auto& revocations) {
    bool any = false;
    for (const auto& key : public_keys) any |= std::exchange(revocations[key], kForEver) != kForEver;
    return any;
  }));
  MutexLock lock(shared_->mutex);
  const WallTime wanted = shared_->issued;
  if (shared_->changed.wait_for(lock, timeout,
                                [&]() REQUIRES(shared_->mutex) { return shared_->confirmed >= wanted; }))
    return {};
  return fail(
      Code::kUnavailable,
      "the revocation is recorded, but the broker has not confirmed it; it is told again when it is back");
}

void Identities::use(Bus* system) {
  std::shared_ptr<void> asked;
  {
    const MutexLock lock(shared_->bus_mutex);
    shared_->bus = system;
    asked = std::exchange(shared_->asked, nullptr);
  }
  if (system == nullptr) return;
  system->on_state([weak = shared_->weak_from_this(), system](BusState state, const std::string&) {
    const auto shared = weak.lock();
    if (!shared || state != BusState::kConnected) return;
    {
      const MutexLock lock(shared->bus_mutex);
      if (shared->bus != system) return;
    }
    shared->push();
  });
}

}  // namespace qleet::hub
