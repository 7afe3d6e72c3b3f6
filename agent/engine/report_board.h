// Reports and events that are durable, where the session with the hub finds them: the engine publishes, the
// session reads and confirms.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/link/seams.h"
#include "common/thread/mutex.h"

namespace qleet::agent {

// What the reports say, counted.
struct ReportCounts {
  std::map<std::string, std::uint64_t> by_state;
  std::uint64_t restarts = 0;
  std::uint64_t unconfirmed = 0;
};

// Thread-safe.
class ReportBoard final : public Reports {
 public:
  // `confirmed` is called (any thread, must not block) when take_confirmed has something.
  explicit ReportBoard(std::function<void()> confirmed) : notify_engine_(std::move(confirmed)) {}

  // For the engine.
  void publish(const wire::v1::ResourceReport& report, std::uint64_t acked_version);
  void publish_event(std::uint64_t sequence, const wire::v1::EventReport& event);
  void drop_event(std::uint64_t sequence);
  void erase(const std::string& name);
  struct Confirmed {
    std::map<std::string, std::uint64_t> versions;  // 0: no longer confirmed
    std::set<std::uint64_t> events;
  };
  Confirmed take_confirmed();

  ReportCounts counts() const;

  // For the session.
  void on_change(std::function<void(const std::string& name)> changed) override;
  std::vector<std::string> unconfirmed() override;
  std::optional<wire::v1::ResourceReport> report(const std::string& name) override;
  Result<> confirm(const std::vector<ReportVersion>& versions) override;
  Result<> unconfirm_all() override;
  std::vector<wire::v1::EventReport> events(size_t limit) override;
  Result<> confirm_events(const std::vector<std::string>& ids) override;

 private:
  struct Posted {
    wire::v1::ResourceReport report;
    std::uint64_t acked = 0;
  };
  void tell(const std::string& name);

  const std::function<void()> notify_engine_;
  Mutex listener_mutex_;  // held while the listener runs
  std::function<void(const std::string&)> changed_ GUARDED_BY(listener_mutex_);
  mutable Mutex mutex_;
  std::map<std::string, Posted> posted_ GUARDED_BY(mutex_);
  std::set<std::string> unconfirmed_ GUARDED_BY(mutex_);
  std::map<std::uint64_t, wire::v1::EventReport> events_ GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t> event_ids_ GUARDED_BY(mutex_);
  Confirmed confirmed_ GUARDED_BY(mutex_);
};

}  // namespace qleet::agent
