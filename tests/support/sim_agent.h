// An agent's journal and engine in memory: what is made true is a map. Survives the session that is destroyed
// beside it, as a disk and a world would.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/link/seams.h"
#include "common/clock/clock.h"

namespace qleet::testing {

class SimAgent final : public agent::Desired, public agent::Reports {
 public:
  explicit SimAgent(const Clock& clock) : clock_(clock) {}

  struct Held {
    wire::v1::DesiredResource resource;
    std::string epoch;
    bool gone = false;
    bool kept = false;  // a tombstone that is not honoured
  };
  struct Running {
    std::uint32_t generation = 0;
    std::string hash;
    bool operator==(const Running&) const = default;
  };

  // Asked before each commit; false: the disk refuses it.
  std::function<bool()> disk = [] { return true; };
  // Told of each entry that goes from live to being deleted.
  std::function<void(const std::string& name, const Held& before, const std::string& epoch,
                     const wire::v1::DesiredResource& tombstone)>
      on_delete = [](auto&&...) {};

  std::string epoch;
  std::vector<std::string> lineage;
  std::uint64_t position = 0;
  std::map<std::string, Held> held;
  std::map<std::string, Running> world;
  size_t commits = 0;

  // Carries out what is to be removed.
  void work();
  // Something changed by itself: a new report of a resource.
  void touch(const std::string& name);
  void add_event(const std::string& id, const std::string& resource, const std::string& message);
  bool reports_confirmed() const;

  Result<agent::Holding> holding() override;
  Result<> commit(const agent::DesiredChange& change) override;

  void on_change(std::function<void(const std::string&)> changed) override { changed_ = std::move(changed); }
  std::vector<std::string> unconfirmed() override;
  std::optional<wire::v1::ResourceReport> report(const std::string& name) override;
  Result<> confirm(const std::vector<agent::ReportVersion>& versions) override;
  Result<> unconfirm_all() override;
  std::vector<wire::v1::EventReport> events(size_t limit) override;
  Result<> confirm_events(const std::vector<std::string>& ids) override;

 private:
  void say(const std::string& name, const std::string& state, bool gone);

  const Clock& clock_;
  std::function<void(const std::string&)> changed_;
  std::map<std::string, wire::v1::ResourceReport> reports_;
  std::map<std::string, std::uint64_t> confirmed_;
  std::vector<wire::v1::EventReport> events_;
};

}  // namespace qleet::testing
