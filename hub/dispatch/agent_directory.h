// Which agent serves which region: the newest that is enrolled for it and not revoked. Derived from the
// store's Agent objects, kept up to date by the change log.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/thread/mutex.h"
#include "hub/store/store.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub {

struct EnrolledAgent {
  std::string name;
  std::string region;
  bool revoked = false;
  std::int64_t created_ms = 0;
  std::string key_mark;  // the beginning of its public key: tells one enrolment from the next
  std::string box_key;   // qleet.v1.AgentSpec.box_key
};

// One thread changes it; the rest may be called by any.
class AgentDirectory {
 public:
  Result<> rebuild(const Reader& reader);
  // One change of the log, of any key, in order.
  Result<> apply(const Change& change);

  std::optional<EnrolledAgent> find(std::string_view agent) const;
  // The agent that serves the region; nullopt: none.
  std::optional<std::string> serving(std::string_view region) const;
  // Whether a message of this agent is to be listened to: enrolled, not revoked, and the one that serves its
  // region. Otherwise why not, as {code, text} of the protocol.
  struct Refusal {
    std::string code;
    std::string text;
  };
  std::optional<Refusal> refusal(std::string_view agent) const;
  std::vector<EnrolledAgent> all() const;
  // Grows with each change: who has seen this number has seen everything.
  std::uint64_t changes() const { return changes_; }

 private:
  using Agents = std::map<std::string, EnrolledAgent, std::less<>>;

  void put_locked(EnrolledAgent agent) REQUIRES(mutex_);
  void erase_locked(std::string_view name) REQUIRES(mutex_);
  const EnrolledAgent* serving_locked(std::string_view region) const REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::atomic<std::uint64_t> changes_ = 1;
  Agents agents_ GUARDED_BY(mutex_);
  std::map<std::string, std::set<std::string>, std::less<>> by_region_ GUARDED_BY(mutex_);
};

}  // namespace qleet::hub
