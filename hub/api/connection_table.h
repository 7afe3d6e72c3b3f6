// Who is connected, and which one makes room for a newcomer: whoever holds many connections, or asks nothing
// on them, does not keep the others out.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"

namespace qleet::hub::api {

// Thread-safe. Outlives its members.
class ConnectionTable {
 public:
  // One connection as the table sees it.
  class Member {
   public:
    explicit Member(std::string address) : address_(std::move(address)) {}
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    const std::string& address() const { return address_; }

   protected:
    ~Member() = default;
    // A whole request has come; only one without may be asked to make room.
    void begin_answer() { waiting_ = false; }
    bool answering() const { return !waiting_; }
    void end_answer() {
      waiting_since_ = now();
      waiting_ = true;
    }

   private:
    friend class ConnectionTable;
    // With the table locked, from any thread: these only post. To close, or to stay() where a request has
    // come meanwhile.
    virtual void make_room() = 0;
    // To end as soon as nothing is being answered.
    virtual void stop() = 0;

    using Ticks = std::chrono::steady_clock::rep;
    static Ticks now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

    const std::string address_;
    std::atomic<bool> waiting_ = true;
    std::atomic<Ticks> waiting_since_ = now();
    bool leaving_ = false;  // asked to make room; guarded by the table
  };

  struct Refusal {
    int status;
    std::string_view why;
  };

  ConnectionTable(unsigned limit, unsigned limit_per_address)
      : limit_(limit), limit_per_address_(limit_per_address) {}

  enum class Room { kThere, kMade, kNone };
  // For a newcomer. Over the limit, of the address with the most connections the one that has waited longest
  // without a request is asked to make room; kNone: too many wait to be refused, there is none even for that.
  Room make_room();
  // What to tell a newcomer that is one too many.
  std::optional<Refusal> join(Member& newcomer);
  // Asked to make room, it has a request to answer instead.
  void stay(Member& member);
  // Before `member` is destroyed.
  void leave(Member& member);
  // Asks all to end and waits until they have left, for `grace` at the most.
  void stop(Millis grace);
  unsigned size() const;

 private:
  // Whether `a` is to make room rather than `b`.
  bool worse(const Member& a, const Member& b) const REQUIRES(mutex_);

  const unsigned limit_;
  const unsigned limit_per_address_;

  mutable Mutex mutex_;
  Condition changed_;
  std::unordered_set<Member*> members_ GUARDED_BY(mutex_);
  std::map<std::string, unsigned> per_address_ GUARDED_BY(mutex_);
  unsigned leaving_ GUARDED_BY(mutex_) = 0;  // of the members
};

}  // namespace qleet::hub::api
