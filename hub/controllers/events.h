// What happened to an object, for people: one Event per object and reason, counting up; of one object only
// the newest few are kept. And the audit's records of who did what.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/work.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::controllers {

inline constexpr size_t kMaxEventsPerObject = 20;
inline constexpr std::uint64_t kMaxAuditRecords = 10'000;

struct Happening {
  std::string_view kind;  // of the object, e.g. "Deployment"
  std::string_view name;
  std::string_view type;  // "Normal" or "Warning"
  std::string_view reason;
  std::string message;
  std::string_view source = "controllers";
  // A resource: there is one event for each.
  std::string_view about = {};
};

Result<> record_event(Work& work, const Happening& happening);
// Whether the same was recorded so shortly before.
Result<bool> happened_within(Work& work, const Happening& happening, Millis time);
// Newest first.
Result<std::vector<v1::Event>> events_of(const Reader& reader, std::string_view kind, std::string_view name);
Result<> erase_events(Work& work, std::string_view kind, std::string_view name);

struct Deed {
  std::string_view subject;
  std::string_view verb;
  std::string_view kind;
  std::string_view name;
  std::string detail;
};

// The oldest records go when there are more than kMaxAuditRecords.
Result<> record_audit(Work& work, const Deed& deed);

// Counts up c/<name> and gives the new number; the first is 1.
Result<std::uint64_t> next_number(Txn& txn, std::string_view counter);

}  // namespace qleet::hub::controllers
