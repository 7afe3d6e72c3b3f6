// What agents send, at the door: sizes, names and shapes. Pure. What is wrong is dropped and counted, never
// passed on: an agent is trusted for its own region only.
#pragma once

#include <optional>
#include <string_view>

#include "common/sync/accept.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::hub {

struct ReportLimits {
  size_t max_bytes = 256 * 1024;
  int max_conditions = 16;
  size_t max_text = 2048;            // longer messages are cut
  size_t max_word = sync::kMaxWord;  // types, reasons, states, output names
  size_t max_outputs = 64;
  size_t max_output = 4096;
  size_t max_outputs_bytes = 64 * 1024;  // of one resource, together
  int max_events = 200;
  int max_providers = 64;
  int max_listed_names = 256;
};

struct CheckedReport {
  wire::v1::StatusReport report;  // only what passed
  size_t dropped = 0;             // resources and events that did not
};

// nullopt: no StatusReport at all, or of a protocol that this hub does not speak.
std::optional<CheckedReport> check_report(std::string_view data, std::string_view region,
                                          const ReportLimits& limits = {});
std::optional<wire::v1::Heartbeat> check_heartbeat(std::string_view data, const ReportLimits& limits = {});

}  // namespace qleet::hub
