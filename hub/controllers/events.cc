#include "hub/controllers/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/crypto/token.h"
#include "common/model/model.h"
#include "hub/store/keys.h"

namespace qleet::hub::controllers {
namespace {

constexpr size_t kAboutDigits = 12;

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out;
}

std::string plural_of(std::string_view kind) {
  const auto* known = model::find_kind(kind);
  return known == nullptr ? lower(kind) : std::string(known->plural);
}

// What one transaction tells has one time.
bool older(const v1::Event& a, const v1::Event& b) {
  const auto key = [](const v1::Event& event) {
    return std::pair(objects::wall_time(event.spec().last_seen()), event.spec().sequence());
  };
  return key(a) < key(b);
}

Result<> erase_event(Txn& txn, const std::string& plural, std::string_view name, const std::string& event) {
  TRY(objects::erase(txn, model::kind_of(v1::Event::default_instance()), event));
  txn.erase(keys::event_of(plural, name, event));
  return {};
}

std::string name_of(const Happening& happening) {
  auto name = fmt::format("{}.{}.{}", lower(happening.kind), happening.name, lower(happening.reason));
  if (!happening.about.empty()) name += "." + crypto::sha256_hex(happening.about).substr(0, kAboutDigits);
  return name;
}

}  // namespace

Result<bool> happened_within(Work& work, const Happening& happening, Millis time) {
  const auto known = TRY(objects::get<v1::Event>(work.txn, name_of(happening)));
  return known && work.now() - objects::wall_time(known->spec().last_seen()) < time;
}

Result<> record_event(Work& work, const Happening& happening) {
  const auto plural = plural_of(happening.kind);
  v1::Event event;
  const auto name = name_of(happening);
  const auto known = TRY(objects::get<v1::Event>(work.txn, name));
  if (known) event = *known;
  event.mutable_metadata()->set_name(name);
  auto& spec = *event.mutable_spec();
  spec.set_regarding_kind(std::string(happening.kind));
  spec.set_regarding_name(std::string(happening.name));
  spec.set_type(std::string(happening.type));
  spec.set_reason(std::string(happening.reason));
  spec.set_message(happening.message);
  spec.set_source(std::string(happening.source));
  spec.set_count(spec.count() + 1);
  if (!known) *spec.mutable_first_seen() = objects::timestamp(work.now());
  *spec.mutable_last_seen() = objects::timestamp(work.now());
  spec.set_sequence(TRY(next_number(work.txn, "event")));
  TRY(objects::put(work.txn, event, work.stamp));
  if (known) return {};
  work.txn.put(keys::event_of(plural, happening.name, name), "");
  auto all = TRY(events_of(work.txn, happening.kind, happening.name));
  while (all.size() > kMaxEventsPerObject) {
    TRY(erase_event(work.txn, plural, happening.name, all.back().metadata().name()));
    all.pop_back();
  }
  return {};
}

Result<std::vector<v1::Event>> events_of(const Reader& reader, std::string_view kind, std::string_view name) {
  std::vector<v1::Event> events;
  for (const auto& entry : TRY(reader.scan({.prefix = keys::event_of(plural_of(kind), name, "")}))) {
    if (auto event = TRY(objects::get<v1::Event>(reader, keys::last(entry.key))))
      events.push_back(*std::move(event));
  }
  std::ranges::sort(events, [](const auto& a, const auto& b) { return older(b, a); });
  return events;
}

Result<> erase_events(Work& work, std::string_view kind, std::string_view name) {
  const auto plural = plural_of(kind);
  for (const auto& event : TRY(events_of(work.txn, kind, name)))
    TRY(erase_event(work.txn, plural, name, event.metadata().name()));
  return {};
}

Result<> record_audit(Work& work, const Deed& deed) {
  const auto number = TRY(next_number(work.txn, "audit"));
  v1::AuditRecord record;
  const auto name_of = [](std::uint64_t n) { return fmt::format("{:012}", n); };
  record.mutable_metadata()->set_name(name_of(number));
  auto& spec = *record.mutable_spec();
  *spec.mutable_time() = objects::timestamp(work.now());
  spec.set_subject(std::string(deed.subject));
  spec.set_verb(std::string(deed.verb));
  spec.set_regarding_kind(std::string(deed.kind));
  spec.set_regarding_name(std::string(deed.name));
  spec.set_detail(deed.detail);
  spec.set_revision(work.txn.revision());
  TRY(objects::put(work.txn, record, work.stamp));
  if (number > kMaxAuditRecords)
    TRY(objects::erase(work.txn, model::kind_of(record), name_of(number - kMaxAuditRecords)));
  return {};
}

Result<std::uint64_t> next_number(Txn& txn, std::string_view counter) {
  const auto key = keys::counter(counter);
  std::uint64_t number = 0;
  if (const auto entry = TRY(txn.get(key)))
    std::from_chars(entry->value.data(), entry->value.data() + entry->value.size(), number);
  ++number;
  txn.put(key, std::to_string(number));
  return number;
}

}  // namespace qleet::hub::controllers
