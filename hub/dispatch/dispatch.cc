#include "hub/dispatch/dispatch.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/log/log.h"
#include "common/sync/accept.h"
#include "common/sync/limits.h"
#include "common/sync/subjects.h"
#include "hub/dispatch/messages.h"
#include "hub/store/keys.h"

namespace qleet::hub {
namespace {

namespace subjects = sync::subjects;
constexpr log::Logger kLog{"dispatch"};
constexpr Millis kIdle{60'000};
constexpr Millis kStoreRetry{500};
constexpr size_t kMaxReadsPerStep = 16;
constexpr std::string_view kResources = "o/resources/";
constexpr std::string_view kSkipped = "changes were skipped";

std::string inbox_prefix_of(std::string pattern, std::string_view agent) {
  const size_t at = pattern.find("{agent}");
  if (at != std::string::npos) pattern.replace(at, 7, agent);
  return pattern;
}

bool knows(const StoreIdentity& identity, std::string_view epoch) {
  return epoch == identity.epoch || std::ranges::find(identity.lineage, epoch) != identity.lineage.end();
}

std::string superseded_text(std::string_view agent) {
  return fmt::format(
      "another process with the state of agent {} was started later and serves: this one does nothing while "
      "that "
      "lives. End one of the two; a copy that shall go on needs an empty state folder and an enrolment of "
      "its own",
      agent);
}

}  // namespace

Dispatch::Dispatch(Store& store, Bus& bus, const Clock& clock, DispatchOptions options)
    : store_(store),
      bus_(bus),
      clock_(clock),
      options_(std::move(options)),
      identity_(store.identity()),
      sync_queue_(options_.sync_queue),
      index_([this] { wake_(); }) {}

Dispatch::~Dispatch() = default;

Result<> Dispatch::start() {
  store_subscription_ = store_.subscribe([this](Revision) { wake_(); });
  sync_subscription_ = TRY(bus_.subscribe(subjects::of(subjects::kSync, "*"), [this](Message message) {
    std::string agent(subjects::agent_of(message.subject));
    if (options_.flood) options_.flood->count(agent, message.data.size());
    if (sync_queue_.put({std::move(agent), std::move(message.reply), std::move(message.data)})) wake_();
  }));
  const auto reader = TRY(store_.snapshot());
  const Revision now = reader->revision();
  TRY(begin(*reader, now - std::min(now, options_.poke_recent_revisions), "the hub has started"));
  kLog.info("following the log", {{"revision", std::to_string(cursor_)}, {"epoch", identity_.epoch}});
  return {};
}

Result<> Dispatch::begin(const Reader& reader, Revision since, std::string_view why) {
  TRY(directory_.rebuild(reader));
  std::vector<std::string> behind;
  for (const auto& agent : directory_.all())
    if (directory_.serving(agent.region) == agent.name && TRY(changed_after(reader, agent.region, since)))
      behind.push_back(agent.name);
  index_.forget();
  pending_.clear();
  unbuilt_.clear();
  cursor_ = reader.revision();
  compacted_ = false;
  {
    const MutexLock lock(counters_mutex_);
    ++counters_.begins;
  }
  for (const auto& agent : behind) poke(agent, why);
  return {};
}

MonoTime Dispatch::step() {
  const MonoTime now = clock_.mono();
  MonoTime due = now + kIdle;
  const auto at_end = follow(UINT64_MAX);
  if (!at_end) {
    kLog.error("change log cannot be read", {{"error", at_end.error().message}});
    due = now + kStoreRetry;
  } else if (!*at_end) {
    due = now;
  }
  if (compacted_) {
    const auto reader = store_.snapshot();
    const auto begun = reader ? begin(**reader, cursor_, kSkipped) : std::unexpected(reader.error());
    if (!begun) {
      kLog.error("the change log was compacted and the store cannot be read",
                 {{"error", begun.error().message}});
      return now + kStoreRetry;
    }
  }
  due = std::min(due, flush_due(now));
  due = std::min(due, build_some(now));
  return answer_syncs(now) ? now : due;
}

Result<bool> Dispatch::follow(Revision upto) {
  for (size_t i = 0; i < kMaxReadsPerStep; ++i) {
    auto changes = store_.changes(cursor_, options_.changes_per_read);
    if (!changes) {
      // A log that is damaged is passed over like one that has gone.
      const bool lasts = changes.error().code == Code::kCompacted || changes.error().code == Code::kInternal;
      if (!lasts) return std::unexpected(changes.error());
      if (changes.error().code == Code::kInternal)
        kLog.error("change log cannot be read", {{"error", changes.error().message}});
      compacted_ = true;
      return true;
    }
    const MonoTime now = clock_.mono();
    for (const auto& change : *changes) {
      if (change.revision > upto) return true;
      take_change(change, now);
      cursor_ = change.revision;
    }
    if (changes->size() < options_.changes_per_read) return true;
  }
  return false;
}

void Dispatch::take_change(const Change& change, MonoTime now) {
  auto known = directory_.apply(change);
  auto spec = index_.apply(change, now);
  if (!known || !spec) {
    kLog.error("change skipped", {{"key", change.key},
                                  {"revision", std::to_string(change.revision)},
                                  {"error", (known ? spec.error() : known.error()).message}});
    return;
  }
  if (*spec) return take_spec(std::move(**spec));
  if (change.erased || !change.key.starts_with(kResources)) return;
  const auto name = keys::last(change.key);
  const auto region = name.substr(0, name.find('.'));
  if (!index_.region(region) && directory_.serving(region))
    unbuilt_.try_emplace(std::string(region), change.revision - 1);
}

void Dispatch::take_spec(SpecChange change) {
  auto [it, first] = pending_.try_emplace(change.region);
  Pending& pending = it->second;
  if (first) pending.prev_position = change.prev_position;
  pending.position = change.revision;
  pending.changes.insert_or_assign(change.name, std::move(change));
}

Result<> Dispatch::build(const Reader& reader, const std::string& region, MonoTime now) {
  const auto needed = unbuilt_.extract(region);
  const Revision followed = needed.empty() ? cursor_ : needed.mapped();
  for (auto& change : TRY(index_.build(reader, region, followed, now))) take_spec(std::move(change));
  return {};
}

MonoTime Dispatch::build_some(MonoTime now) {
  for (const auto& region : index_.take_asked()) unbuilt_.try_emplace(region, cursor_);
  if (unbuilt_.empty()) return MonoTime::max();
  const auto reader = store_.snapshot();
  if (!reader) {
    kLog.error("the store cannot be read", {{"error", reader.error().message}});
    return now + kStoreRetry;
  }
  do {
    const std::string region = unbuilt_.begin()->first;
    // Its agent's next heartbeat asks for it again.
    if (const auto built = build(**reader, region, now); !built)
      kLog.error("region cannot be read", {{"region", region}, {"error", built.error().message}});
  } while (!unbuilt_.empty() && clock_.mono() - now <= options_.answering_at_once);
  return unbuilt_.empty() && pending_.empty() ? MonoTime::max() : now;
}

MonoTime Dispatch::flush_due(MonoTime now) {
  MonoTime due = MonoTime::max();
  for (auto it = pending_.begin(); it != pending_.end();) {
    auto& next = next_delta_at_[it->first];
    if (next > now) {
      due = std::min(due, next);
      ++it;
      continue;
    }
    next = now + options_.coalesce;
    flush(it->first, it->second);
    it = pending_.erase(it);
  }
  return due;
}

void Dispatch::flush(const std::string& region, const Pending& pending) {
  const auto agent = directory_.serving(region);
  if (!agent) return;
  wire::v1::Delta delta;
  delta.set_protocol(sync::kProtocolMax);
  put_identity(identity_, delta);
  delta.set_prev_position(pending.prev_position);
  delta.set_position(pending.position);
  size_t bytes = 0;
  const auto recipient = recipient_of(*agent);
  for (const auto& [name, change] : pending.changes) {
    auto resource = desired(name, change.value, recipient);
    if (!resource) {
      kLog.error("left out of a delta", {{"resource", name}, {"error", resource.error().message}});
      continue;
    }
    if (!*resource) continue;
    bytes += (*resource)->ByteSizeLong() + 8;
    *delta.add_resources() = **std::move(resource);
    if (bytes > sync::kFillBytes) return poke(*agent, "a change is too big for one message");
  }
  if (publish(subjects::of(subjects::kDesired, *agent), delta.SerializeAsString())) {
    const MutexLock lock(counters_mutex_);
    ++counters_.deltas;
  }
}

void Dispatch::poke(std::string_view agent, std::string_view why) {
  if (!publish(subjects::of(subjects::kPoke, agent), poke_message(identity_, why))) return;
  const MutexLock lock(counters_mutex_);
  ++counters_.pokes;
}

bool Dispatch::answer_syncs(MonoTime now) {
  for (size_t i = 0; i < options_.syncs_per_step; ++i) {
    if (i > 0 && clock_.mono() - now > options_.answering_at_once) break;
    const auto call = sync_queue_.take();
    if (!call) return false;
    if (within_allowance(call->agent, now)) {
      answer(*call);
    } else {
      const MutexLock lock(counters_mutex_);
      ++counters_.syncs_over;
    }
  }
  return !sync_queue_.empty();
}

bool Dispatch::within_allowance(const std::string& name, MonoTime now) {
  const auto agent = directory_.find(name);
  const auto region = agent ? index_.region(agent->region) : std::nullopt;
  const auto resources = region ? static_cast<double>(region->resources) : 0.0;
  const double answers = resources / static_cast<double>(options_.sync_limits.max_resources);
  const auto& more = options_.syncs_per_answer;
  return allowances_.take(name, 1,
                          {.burst = options_.syncs.burst + answers * more.burst,
                           .per_second = options_.syncs.per_second + answers * more.per_second},
                          now);
}

void Dispatch::answer(const SyncCall& call) {
  // An answer to anywhere else would let an agent speak through the hub.
  if (!call.reply.starts_with(inbox_prefix_of(options_.inbox_prefix, call.agent))) {
    const MutexLock lock(counters_mutex_);
    ++counters_.syncs_invalid;
    return;
  }
  auto batches = answer_request(call);
  if (!batches) {
    const bool invalid = batches.error().code == Code::kInvalid;
    if (!invalid) kLog.error("sync failed", {{"agent", call.agent}, {"error", batches.error().message}});
    batches = std::vector{refuse_sync(identity_, invalid ? "invalid" : "busy",
                                      invalid ? batches.error().message : "the hub's store does not answer")};
  }
  const bool refused = !batches->front().refused().empty();
  {
    const MutexLock lock(counters_mutex_);
    ++(refused ? counters_.syncs_refused : counters_.syncs);
  }
  for (const auto& batch : *batches)
    if (!publish(call.reply, batch.SerializeAsString())) return;
}

Result<std::vector<wire::v1::SyncBatch>> Dispatch::answer_request(const SyncCall& call) {
  if (const auto refusal = directory_.refusal(call.agent))
    return std::vector{refuse_sync(identity_, refusal->code, refusal->text)};
  wire::v1::SyncRequest request;
  if (call.data.size() > sync::kMaxMessageBytes || !request.ParseFromString(call.data))
    return fail(Code::kInvalid, "the request is not a SyncRequest of at most 256 KB");
  const auto protocol = sync::negotiate(request.protocol_min(), request.protocol());
  if (protocol == 0)
    return std::vector{refuse_sync(identity_, "protocol",
                                   sync::protocol_refusal(request.protocol_min(), request.protocol()))};
  if (options_.boots &&
      !options_.boots->heard(call.agent, request.boot_id(), request.superseded(), clock_.mono()))
    return std::vector{refuse_sync(identity_, sync::kSuperseded, superseded_text(call.agent))};
  if (options_.came) options_.came(call.agent);
  if (const auto known = directory_.find(call.agent);
      known && !request.box_key().empty() && request.box_key() != known->box_key && options_.box_key_changed)
    options_.box_key_changed(call.agent, request.box_key());
  // A manifest leaves them out.
  if (!request.manifest() && options_.schemas_told)
    options_.schemas_told(call.agent, std::move(*request.mutable_schemas()));
  // Whether it may enter this epoch the agent alone knows: what it was in before stands in its journal.
  if (!knows(identity_, request.epoch())) {
    auto batch = enter_sync(identity_);
    batch.set_protocol(protocol);
    return std::vector{std::move(batch)};
  }

  const auto reader = TRY(store_.snapshot());
  // The digest must be that of the snapshot, not of a moment before it.
  while (!TRY(follow(reader->revision()))) {
  }
  if (compacted_) TRY(begin(*reader, cursor_, kSkipped));
  const auto agent = directory_.find(call.agent);
  if (!agent) return fail(Code::kUnavailable, "the agent was removed while it was answered");
  if (!index_.region(agent->region)) TRY(build(*reader, agent->region, clock_.mono()));
  const SyncContext context{agent->region, identity_, *index_.region(agent->region), options_.sync_limits,
                            recipient_of(call.agent)};
  auto batches = TRY(answer_sync(*reader, context, request));
  for (auto& batch : batches) batch.set_protocol(protocol);
  return batches;
}

Recipient Dispatch::recipient_of(std::string_view name) const {
  auto agent = directory_.find(name);
  return {options_.boxes, agent ? std::move(agent->box_key) : std::string()};
}

bool Dispatch::publish(std::string_view subject, const std::string& data) {
  if (bus_.publish(subject, data)) return true;
  const MutexLock lock(counters_mutex_);
  ++counters_.publish_failures;
  return false;
}

DispatchCounters Dispatch::counters() const {
  const MutexLock lock(counters_mutex_);
  DispatchCounters counters = counters_;
  counters.syncs_dropped = sync_queue_.dropped();
  return counters;
}

}  // namespace qleet::hub
