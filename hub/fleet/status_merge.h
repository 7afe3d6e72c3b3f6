// What one report does to one resource. Pure.
#pragma once

#include "common/clock/clock.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::hub {

enum class Merge {
  kWrite,
  kErase,    // the tombstone was carried out: object and edges go
  kOld,      // a newer report is stored already
  kUnknown,  // no such resource: unclaimed, or gone already
  kForeign,  // another region's
  kAhead,    // of a generation that this store never stated
  kRevived,  // gone, but wanted again meanwhile: the agent will hear of it
};

// What is stored of the resource.
struct Judged {
  std::string_view region;
  std::uint32_t generation = 0;
  bool deleted = false;
  const v1::ResourceStatus& status;
};

// `resource`: null where there is none. Whatever the verdict, the report has been dealt with and is
// confirmed.
struct Reporter {
  std::string_view region;
  std::string_view epoch;
  std::string_view key_mark;  // EnrolledAgent::key_mark
};
Merge judge(const Judged* resource, const wire::v1::ResourceReport& report, const Reporter& reporter);

struct ReportOrigin {
  std::string boot_id;
  std::string epoch;
  WallTime received_at;
  std::string reporter;
};

// What belongs to the hub (unused_since) stays.
void write_status(v1::ResourceStatus& status, const wire::v1::ResourceReport& report,
                  const ReportOrigin& origin);

// An agent from before there were secrets cannot say what is wrong with a resource of type "secret": it knows
// no provider for it.
void explain_old_agent(v1::ResourceStatus& status, std::string_view type);

}  // namespace qleet::hub
