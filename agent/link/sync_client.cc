#include "agent/link/sync_client.h"

#include <algorithm>

#include "common/log/log.h"
#include "common/sync/accept.h"
#include "common/sync/limits.h"

namespace qleet::agent {
namespace {

using sync::Authority;
using sync::DeltaVerdict;
using sync::EntryVerdict;
using sync::EpochVerdict;
constexpr log::Logger kLog{"sync"};

// A resource that fits into no journal, or into no manifest, must not hold up the others.
bool is_well_formed(const wire::v1::DesiredResource& stated) {
  return sync::is_resource_name(stated.name()) && stated.hash().size() <= sync::kMaxWord &&
         stated.uid().size() <= sync::kMaxWord && stated.ByteSizeLong() <= sync::kMaxResourceBytes;
}

constexpr size_t kLongestRefusal = 1024;

std::vector<std::string> lineage_of(const auto& message) {
  return {message.lineage().begin(), message.lineage().end()};
}

}  // namespace

SyncClient::SyncClient(SyncOptions options, Send send, qleet::Random& random, Desired& desired,
                       std::function<Result<>()> entered)
    : options_(std::move(options)),
      send_(std::move(send)),
      desired_(desired),
      entered_(std::move(entered)),
      backoff_(options_.backoff, random) {}

Result<> SyncClient::load() {
  auto holding = TRY(desired_.holding());
  if (holding.epoch.empty()) holding.epoch = options_.enrolled_epoch;
  held_.load(holding);
  kept_.clear();
  for (const auto& resource : holding.resources)
    if (resource.kept && resource.epoch == holding.epoch) kept_.insert(resource.name);
  deltas_.reset();
  return {};
}

void SyncClient::want_sync(MonoTime now) {
  if (superseded_) return;  // it asks by itself, now and then
  if (flight_) {
    asked_again_ = true;
    return;
  }
  if (unanswered_) {
    // Whoever asks for it is there again: the wait was for a hub that was not.
    unanswered_ = false;
    backoff_.reset();
    next_try_ = now;
  }
  if (!wanted_) next_try_ = std::max(next_try_, now);
  wanted_ = true;
}

void SyncClient::reconnected(MonoTime now) {
  flight_.reset();
  manifest_.reset();
  backoff_.reset();
  wanted_ = true;
  next_try_ = now;
}

void SyncClient::on_delta(const wire::v1::Delta& delta, MonoTime now) {
  if (superseded_) return;
  const sync::DeltaStatement statement{delta.epoch(), lineage_of(delta), delta.prev_position(),
                                       delta.position()};
  const DeltaVerdict verdict = sync::accept_delta({held_.epochs(), held_.position()}, statement);
  if (flight_) {
    if (verdict == DeltaVerdict::kNewEpoch) asked_again_ = true;
    if (verdict == DeltaVerdict::kApply || verdict == DeltaVerdict::kGap)
      passed_over_ = std::max(passed_over_, delta.position());
    return;
  }
  switch (verdict) {
    case DeltaVerdict::kStale:
      return;
    case DeltaVerdict::kRefused:
      refusal_ = sync::epoch_refusal(held_.epoch(), delta.epoch(),
                                     sync::accept_epoch(held_.epochs(), statement.epoch, statement.lineage));
      return;
    case DeltaVerdict::kGap:
    case DeltaVerdict::kNewEpoch:
      return want_sync(now);
    case DeltaVerdict::kApply:
      break;
  }
  if (delta.protocol() > sync::kProtocolMax) return want_sync(now);
  if (!deltas_) deltas_ = std::make_unique<DesiredChange>();
  DesiredChange step = new_change();
  step.position = delta.position();
  for (const auto& resource : delta.resources()) take(resource, Authority::kOrdered, step);
  held_.apply(step);
  deltas_->epoch = step.epoch;
  deltas_->lineage = step.lineage;
  deltas_->position = step.position;
  for (auto& resource : step.put) {
    std::erase(deltas_->kept, resource.name());
    const auto same = std::ranges::find(deltas_->put, resource.name(), &wire::v1::DesiredResource::name);
    if (same != deltas_->put.end())
      *same = std::move(resource);
    else
      deltas_->put.push_back(std::move(resource));
  }
  deltas_->kept.insert(deltas_->kept.end(), step.kept.begin(), step.kept.end());
}

void SyncClient::take(const wire::v1::DesiredResource& stated, Authority authority, DesiredChange& change) {
  if (!is_well_formed(stated)) {
    kLog.error("a malformed resource is left out", {{"resource", stated.name().substr(0, sync::kMaxWord)}});
    return;
  }
  const sync::Entry statement{stated.generation(), stated.hash(), change.epoch, stated.deleted(),
                              stated.uid()};
  switch (sync::accept_entry(held_.find(stated.name()), statement, authority)) {
    case EntryVerdict::kIgnore:
      return;
    case EntryVerdict::kPut:
      change.put.push_back(stated);
      return;
    case EntryVerdict::kPutLive:
      kLog.warn("tombstone not honoured, kept running",
                {{"resource", stated.name()}, {"generation", std::to_string(stated.generation())}});
      change.put.push_back(stated);
      change.put.back().set_deleted(false);
      change.kept.push_back(stated.name());
      return;
  }
}

DesiredChange SyncClient::new_change() const {
  DesiredChange change;
  change.epoch = held_.epoch();
  change.lineage = held_.epochs().lineage;
  change.position = held_.position();
  return change;
}

void SyncClient::note_kept(const DesiredChange& change) {
  for (const auto& resource : change.put) kept_.erase(resource.name());
  kept_.insert(change.kept.begin(), change.kept.end());
}

void SyncClient::on_batch(std::uint64_t number, const wire::v1::SyncBatch& batch, MonoTime now) {
  if (!flight_ || flight_->number != number) return;
  if (!batch.refused().empty()) {
    refusal_ = batch.refused().substr(0, kLongestRefusal);
    if (batch.refused_code() == sync::kSuperseded && !std::exchange(superseded_, true))
      kLog.error("another process has this agent's state; this one does nothing", {{"why", refusal_}});
    // Only "busy" passes by itself soon.
    return failed(now, batch.refused_code() == "busy" ? backoff_.next() : options_.backoff.longest);
  }
  if (batch.index() < flight_->next_index) return;  // delivered twice
  if (batch.index() > flight_->next_index) return failed(now, backoff_.next());
  if (sync::negotiate(batch.protocol(), batch.protocol()) == 0) {
    refusal_ = sync::protocol_refusal(batch.protocol(), batch.protocol());
    return failed(now, options_.backoff.longest);
  }
  const auto verdict = sync::accept_epoch(held_.epochs(), batch.epoch(), lineage_of(batch));
  if (sync::refused(verdict)) {
    refusal_ = sync::epoch_refusal(held_.epoch(), batch.epoch(), verdict);
    kLog.error("hub refused", {{"why", refusal_}});
    return failed(now, options_.backoff.longest);
  }
  if (std::exchange(superseded_, false)) kLog.warn("the other process is gone: this one goes on");
  auto change = change_of(batch);
  if (!change) {
    kLog.error("sync cannot be carried out", {{"error", change.error().message}});
    return failed(now, backoff_.next());
  }
  if (!commit(*change, now)) return;
  protocol_ = batch.protocol();
  ++flight_->next_index;
  flight_->deadline = now + options_.batch_within;
  if (batch.last()) answered(batch, now);
}

void SyncClient::on_no_hub(std::uint64_t number, MonoTime now) {
  if (!flight_ || flight_->number != number) return;
  failed(now, backoff_.next());
  unanswered_ = true;
}

Result<DesiredChange> SyncClient::change_of(const wire::v1::SyncBatch& batch) {
  DesiredChange change = new_change();
  auto known = sync::known_after(held_.epochs(), batch.epoch(), lineage_of(batch));
  change.epoch = std::move(known.current);
  change.lineage = std::move(known.lineage);
  if (batch.epoch() != held_.epoch()) {
    TRY(entered_());
    kLog.warn("entering another epoch of the hub", {{"from", held_.epoch()}, {"to", batch.epoch()}});
    change.position = 0;
    // The answer cannot be one to a manifest: that spoke of the epoch before.
    flight_->by_manifest = false;
    manifest_.reset();
  }
  const auto authority = flight_->by_manifest ? Authority::kManifest : Authority::kOrdered;
  for (const auto& resource : batch.resources()) take(resource, authority, change);
  if (flight_->by_manifest)
    for (const auto& name : batch.unclaimed())
      if (const auto* entry = held_.find(name); entry && !entry->epoch.empty()) change.disown.push_back(name);
  if (!batch.last()) return change;
  if (!flight_->by_manifest) {
    change.position = batch.position();
  } else if (!batch.more() && manifest_->left.empty()) {
    change.position = manifest_->position.value_or(batch.position());
  }
  return change;
}

void SyncClient::answered(const wire::v1::SyncBatch& batch, MonoTime now) {
  const bool by_manifest = flight_->by_manifest;
  const bool moved = held_.position() > flight_->position || held_.epoch() != flight_->epoch;
  flight_.reset();
  refusal_.clear();
  if (batch.more() && !by_manifest && !moved) return failed(now, backoff_.next());
  if (by_manifest) {
    // "more" must lead on: it would go round for ever otherwise.
    const auto& range = manifest_->current;
    const bool leads_on =
        batch.covered_until() > range.after && (range.until.empty() || batch.covered_until() < range.until);
    if (batch.more() && !leads_on) return failed(now, backoff_.next());
    if (!manifest_->position) manifest_->position = batch.position();
    if (batch.more()) manifest_->left.push_front({batch.covered_until(), manifest_->current.until});
    backoff_.reset();
    if (!manifest_->left.empty()) return request(now);
    manifest_.reset();
    return finished(now);
  }
  backoff_.reset();
  if (batch.more()) return request(now);
  if (batch.digest() != held_.digest().bytes()) return begin_manifest(now);
  finished(now);
}

void SyncClient::finished(MonoTime now) {
  wanted_ = asked_again_ || passed_over_ > held_.position();
  asked_again_ = false;
  passed_over_ = 0;
  synced_ = true;
  next_try_ = now;
}

void SyncClient::failed(MonoTime now, Millis wait) {
  flight_.reset();
  manifest_.reset();
  wanted_ = true;
  asked_again_ = false;
  passed_over_ = 0;
  unanswered_ = false;
  next_try_ = now + wait;
}

MonoTime SyncClient::step(MonoTime now) {
  commit_deltas(now);
  if (flight_ && now >= flight_->deadline) {
    kLog.warn("no answer to a sync", {{"tries", std::to_string(backoff_.failures() + 1)}});
    failed(now, backoff_.next());
    unanswered_ = true;
  }
  if (!flight_ && wanted_ && now >= next_try_) request(now);
  if (flight_) return flight_->deadline;
  return wanted_ ? next_try_ : MonoTime::max();
}

wire::v1::SyncRequest SyncClient::new_request() const {
  wire::v1::SyncRequest request;
  request.set_protocol(sync::kProtocolMax);
  request.set_protocol_min(sync::kProtocolMin);
  request.set_boot_id(options_.boot_id);
  request.set_version(options_.version);
  request.set_box_key(options_.box_key);
  request.set_superseded(superseded_);
  request.set_epoch(held_.epoch());
  request.set_position(held_.position());
  request.set_digest(held_.digest().bytes());
  request.mutable_providers()->Assign(options_.providers.begin(), options_.providers.end());
  return request;
}

void SyncClient::request(MonoTime now) {
  auto message = new_request();
  if (!manifest_) {
    // A manifest fills its message, and comes after a request without one.
    message.mutable_schemas()->Assign(options_.schemas.begin(), options_.schemas.end());
  } else {
    const sync::NameRange& range = manifest_->current = std::move(manifest_->left.front());
    manifest_->left.pop_front();
    message.set_manifest(true);
    message.set_range_after(range.after);
    message.set_range_until(range.until);
    for (auto it = held_.entries().upper_bound(range.after);
         it != held_.entries().end() && range.contains(it->first); ++it) {
      auto& held = *message.add_held();
      held.set_name(it->first);
      held.set_generation(it->second.generation);
      held.set_hash(it->second.hash);
      held.set_uid(it->second.uid);
      if (it->second.epoch.empty())
        held.set_disowned(true);
      else if (it->second.epoch != held_.epoch())
        held.set_epoch(it->second.epoch);
    }
  }
  wanted_ = true;
  flight_ = std::make_unique<Flight>();
  flight_->number = ++last_number_;
  flight_->position = held_.position();
  flight_->epoch = held_.epoch();
  // Short at first, so that a request into the void costs little; a busy hub is given its time.
  flight_->deadline =
      now + std::min(options_.batch_within, options_.first_within * (1 + backoff_.failures()));
  flight_->by_manifest = manifest_ != nullptr;
  auto handle = send_(message, flight_->number);
  if (!handle) return failed(now, backoff_.next());
  if (flight_) flight_->handle = *std::move(handle);
}

void SyncClient::begin_manifest(MonoTime now) {
  manifest_ = std::make_unique<ManifestRound>();
  const auto ranges = sync::cut(
      held_.entries(), options_.manifest_bytes, [](const std::string& name, const sync::Entry& entry) {
        return name.size() + entry.hash.size() + entry.uid.size() + entry.epoch.size() + 28;
      });
  manifest_->left.assign(ranges.begin(), ranges.end());
  request(now);
}

Result<> SyncClient::forget(const std::vector<std::pair<std::string, std::uint32_t>>& gone, MonoTime now) {
  if (!commit_deltas(now)) return fail(Code::kUnavailable, "the journal does not take it");
  DesiredChange change = new_change();
  for (const auto& [name, generation] : gone)
    if (const auto* entry = held_.find(name); entry && entry->deleted && entry->generation == generation)
      change.forget.push_back(name);
  if (change.forget.empty()) return {};
  TRY(desired_.commit(change));
  held_.apply(change);
  return {};
}

bool SyncClient::commit(const DesiredChange& change, MonoTime now) {
  const bool nothing = change.put.empty() && change.disown.empty() && change.epoch == held_.epoch() &&
                       change.lineage == held_.epochs().lineage && change.position == held_.position();
  if (nothing) return true;
  const bool entered = change.epoch != held_.epoch();
  const auto stored = desired_.commit(change);
  if (stored) {
    held_.apply(change);
    if (entered) kept_.clear();
    note_kept(change);
    return true;
  }
  kLog.error("journal does not take what the hub stated", {{"error", stored.error().message}});
  failed(now, backoff_.next());
  return false;
}

bool SyncClient::commit_deltas(MonoTime now) {
  if (!deltas_) return true;
  const auto change = std::exchange(deltas_, nullptr);
  const auto stored = desired_.commit(*change);
  if (stored) {
    note_kept(*change);
    return true;
  }
  kLog.error("journal does not take what the hub stated", {{"error", stored.error().message}});
  // The table ran ahead of the journal.
  if (const auto loaded = load(); !loaded)
    kLog.error("journal cannot be read", {{"error", loaded.error().message}});
  failed(now, backoff_.next());
  return false;
}

}  // namespace qleet::agent
