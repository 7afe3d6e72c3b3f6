#include "hub/fleet/report_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/sync/accept.h"
#include "google/protobuf/util/time_util.h"

namespace qleet::hub {
namespace {

using wire::v1::EventReport;
using wire::v1::Heartbeat;
using wire::v1::ResourceReport;
using wire::v1::StatusReport;

// Cuts at a character's beginning: a half one would make the field invalid UTF-8.
void cut(std::string& text, size_t limit) {
  if (text.size() <= limit) return;
  size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
}

// Agents of before put the last lines of a log behind their message: not for all who read statuses and
// events.
void cut_message(std::string& message, size_t limit) {
  if (const auto log = message.find(", its last lines: "); log != std::string::npos) message.resize(log);
  cut(message, limit);
}

// Of the years that a Timestamp may speak of: what is outside cannot be shown.
bool is_time(const google::protobuf::Timestamp& time) {
  using google::protobuf::util::TimeUtil;
  return time.seconds() >= TimeUtil::kTimestampMinSeconds &&
         time.seconds() <= TimeUtil::kTimestampMaxSeconds && time.nanos() >= 0 &&
         time.nanos() < 1'000'000'000;
}

bool words_fit(const qleet::v1::Condition& condition, size_t limit) {
  return !condition.type().empty() && condition.type().size() <= limit &&
         condition.status().size() <= limit && condition.reason().size() <= limit;
}

bool check(ResourceReport& report, std::string_view region, const ReportLimits& limits) {
  const std::string& name = report.name();
  if (!sync::is_resource_name(name) || !name.starts_with(region) || name.size() <= region.size() ||
      name[region.size()] != '.')
    return false;
  if (report.state().size() > limits.max_word || report.hash().size() > limits.max_word) return false;
  if (report.conditions_size() > limits.max_conditions || report.outputs().size() > limits.max_outputs ||
      static_cast<size_t>(report.secret_outputs_size()) > limits.max_outputs)
    return false;
  for (auto& condition : *report.mutable_conditions()) {
    if (!words_fit(condition, limits.max_word)) return false;
    if (condition.has_last_transition_time() && !is_time(condition.last_transition_time())) return false;
    cut_message(*condition.mutable_message(), limits.max_text);
  }
  size_t bytes = 0;
  for (const auto& [key, value] : report.outputs()) {
    if (key.size() > limits.max_word || value.size() > limits.max_output) return false;
    bytes += key.size() + value.size();
  }
  if (bytes > limits.max_outputs_bytes) return false;
  if (report.images().size() > limits.max_outputs) return false;
  for (const auto& [container, image] : report.images())
    if (container.size() > limits.max_word || image.size() > limits.max_output) return false;
  if (report.has_next_attempt() && !is_time(report.next_attempt())) return false;
  for (const auto& key : report.secret_outputs()) {
    if (key.size() > limits.max_word) return false;
    report.mutable_outputs()->erase(key);
  }
  return true;
}

bool check(EventReport& event, std::string_view region, const ReportLimits& limits) {
  if (event.id().size() > 64 || !sync::is_resource_name(event.id())) return false;
  const std::string& name = event.resource();
  if (!name.empty() && (!sync::is_resource_name(name) || !name.starts_with(std::string(region) + ".")))
    return false;
  if (event.has_time() && !is_time(event.time())) return false;
  if (event.type().size() > limits.max_word || event.reason().size() > limits.max_word) return false;
  cut_message(*event.mutable_message(), limits.max_text);
  return true;
}

template <class Field>
size_t keep_if(Field& field, auto&& good) {
  const int before = field.size();
  field.erase(std::remove_if(field.begin(), field.end(), [&](auto& item) { return !good(item); }),
              field.end());
  return static_cast<size_t>(before - field.size());
}

template <class Field>
void keep_first(Field& field, int limit) {
  if (field.size() > limit) field.DeleteSubrange(limit, field.size() - limit);
}

}  // namespace

std::optional<CheckedReport> check_report(std::string_view data, std::string_view region,
                                          const ReportLimits& limits) {
  CheckedReport out;
  StatusReport& report = out.report;
  if (data.size() > limits.max_bytes || !report.ParseFromArray(data.data(), static_cast<int>(data.size())))
    return std::nullopt;
  // They would be stored along with what is known.
  report.DiscardUnknownFields();
  if (sync::negotiate(0, report.protocol()) == 0 || report.boot_id().size() > limits.max_word ||
      report.epoch().size() > limits.max_word)
    return std::nullopt;
  out.dropped = keep_if(*report.mutable_resources(), [&](auto& item) { return check(item, region, limits); });
  if (report.events_size() > limits.max_events)
    out.dropped += static_cast<size_t>(report.events_size() - limits.max_events);
  keep_first(*report.mutable_events(), limits.max_events);
  out.dropped += keep_if(*report.mutable_events(), [&](auto& item) { return check(item, region, limits); });
  return out;
}

std::optional<Heartbeat> check_heartbeat(std::string_view data, const ReportLimits& limits) {
  Heartbeat beat;
  if (data.size() > limits.max_bytes || !beat.ParseFromArray(data.data(), static_cast<int>(data.size())))
    return std::nullopt;
  beat.DiscardUnknownFields();
  if (beat.boot_id().size() > limits.max_word || beat.epoch().size() > limits.max_word ||
      beat.version().size() > limits.max_word)
    return std::nullopt;
  cut(*beat.mutable_refusal(), limits.max_text);
  cut(*beat.mutable_trouble(), limits.max_text);
  keep_first(*beat.mutable_providers(), limits.max_providers);
  keep_first(*beat.mutable_unclaimed(), limits.max_listed_names);
  keep_first(*beat.mutable_kept(), limits.max_listed_names);
  keep_if(*beat.mutable_providers(), [&](const auto& word) { return word.size() <= limits.max_word; });
  keep_if(*beat.mutable_unclaimed(), [](const auto& name) { return sync::is_resource_name(name); });
  keep_if(*beat.mutable_kept(), [](const auto& name) { return sync::is_resource_name(name); });
  return beat;
}

}  // namespace qleet::hub
