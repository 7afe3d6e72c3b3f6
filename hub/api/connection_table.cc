#include "hub/api/connection_table.h"

namespace qleet::hub::api {
namespace {

// Connections over the limit that are still told so; beyond that they are dropped without a word.
constexpr unsigned kCourtesy = 64;

}  // namespace

bool ConnectionTable::worse(const Member& a, const Member& b) const {
  const unsigned of_a = per_address_.at(a.address_);
  const unsigned of_b = per_address_.at(b.address_);
  return of_a != of_b ? of_a > of_b : a.waiting_since_ < b.waiting_since_;
}

ConnectionTable::Room ConnectionTable::make_room() {
  const MutexLock lock(mutex_);
  if (members_.size() >= limit_ + kCourtesy) return Room::kNone;
  if (members_.size() < limit_) return Room::kThere;
  Member* victim = nullptr;
  for (Member* member : members_)
    if (member->waiting_ && !member->leaving_ && (victim == nullptr || worse(*member, *victim)))
      victim = member;
  if (victim == nullptr) return Room::kThere;
  victim->leaving_ = true;
  ++leaving_;
  victim->make_room();
  return Room::kMade;
}

std::optional<ConnectionTable::Refusal> ConnectionTable::join(Member& newcomer) {
  const MutexLock lock(mutex_);
  members_.insert(&newcomer);
  const unsigned of_address = ++per_address_[newcomer.address_];
  if (members_.size() > limit_ + leaving_)
    return Refusal{503, "this hub has too many connections; try again later"};
  if (of_address > limit_per_address_)
    return Refusal{429, "too many connections from this address; close some, or try again later"};
  return std::nullopt;
}

void ConnectionTable::stay(Member& member) {
  const MutexLock lock(mutex_);
  if (std::exchange(member.leaving_, false)) --leaving_;
}

void ConnectionTable::leave(Member& member) {
  const MutexLock lock(mutex_);
  members_.erase(&member);
  if (member.leaving_) --leaving_;
  const auto it = per_address_.find(member.address_);
  if (--it->second == 0) per_address_.erase(it);
  changed_.notify_all();
}

void ConnectionTable::stop(Millis grace) {
  MutexLock lock(mutex_);
  for (Member* member : members_) member->stop();
  changed_.wait_for(lock, grace, [this]() REQUIRES(mutex_) { return members_.empty(); });
}

unsigned ConnectionTable::size() const {
  const MutexLock lock(mutex_);
  return static_cast<unsigned>(members_.size());
}

}  // namespace qleet::hub::api
