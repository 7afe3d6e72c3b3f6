// Status on its way to the hub: small bundles, sent again until they are confirmed.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/link/seams.h"
#include "common/clock/clock.h"
#include "common/random/random.h"
#include "common/sync/backoff.h"

namespace qleet::agent {

struct ReportOptions {
  std::string boot_id;
  Millis coalesce{10};  // longest that a bundle waits for the confirmation of the one before it
  Millis linger{20};    // what is only on its way is mostly overtaken within that time, and then not sent
  size_t window = 4;    // unconfirmed bundles
  size_t events_at_once = 100;
  sync::Backoff::Limits resend{Millis(2'000), Millis(30'000)};
};

class ReportSender {
 public:
  using Publish = std::function<Result<>(const wire::v1::StatusReport&)>;

  // `random` and `reports` must outlive this object.
  ReportSender(ReportOptions options, Publish publish, qleet::Random& random, Reports& reports);

  // Everything that is unconfirmed is to be sent (again): at start, and after a new connection.
  void restart(MonoTime now);
  // An empty name: there is a new event.
  void changed(const std::string& name, MonoTime now);
  // Names and generations of those removals that the hub has confirmed; they are to be forgotten before
  // `confirm`, so that a crash between the two loses nothing.
  std::vector<std::pair<std::string, std::uint32_t>> removals(std::uint64_t sequence) const;
  void confirm(std::uint64_t sequence, MonoTime now);
  // Under which reports go.
  struct Terms {
    std::string epoch;
    std::uint32_t protocol = 0;
  };
  // Sends what is due. Returns when to come back.
  MonoTime step(const Terms& terms, MonoTime now);
  bool idle() const { return waiting_.empty() && bundles_.empty() && !events_waiting_; }

 private:
  struct Sent {
    ReportVersion version;
    std::uint32_t generation = 0;
    bool gone = false;
  };
  struct Bundle {
    std::vector<Sent> reports;
    std::vector<std::string> events;
    MonoTime resend_at{};
  };

  void resend_late(MonoTime now);
  void requeue(const Bundle& bundle);
  bool send(const Terms& terms, MonoTime now);
  void want_send(MonoTime at) { wanted_at_ = std::min(wanted_at_, at); }
  MonoTime may_send_at() const;
  bool events_in_flight() const;

  const ReportOptions options_;
  const Publish publish_;
  Reports& reports_;
  sync::Backoff backoff_;
  Millis resend_after_;
  std::set<std::string> waiting_;
  bool events_waiting_ = true;
  std::map<std::uint64_t, Bundle> bundles_;  // by sequence
  std::uint64_t last_sequence_ = 0;
  MonoTime wanted_at_{};  // when what waits is to go at the latest; max: nothing waits
  MonoTime last_send_{};
  MonoTime not_before_{};  // after an error
};

}  // namespace qleet::agent
