#include "agent/link/session.h"

#include <algorithm>

#include "common/log/log.h"
#include "common/sync/accept.h"
#include "common/sync/subjects.h"

namespace qleet::agent {
namespace {

namespace subjects = sync::subjects;
constexpr log::Logger kLog{"session"};

template <class Message>
bool parse(const std::string& data, Message& message) {
  return data.size() <= sync::kMaxMessageBytes && message.ParseFromString(data);
}

SyncOptions sync_options(const SessionOptions& options) {
  SyncOptions out;
  out.boot_id = options.boot_id;
  out.version = options.version;
  out.providers = options.providers;
  out.enrolled_epoch = options.enrolled_epoch;
  out.box_key = options.box_key;
  out.schemas = options.schemas;
  out.batch_within = options.batch_within;
  out.backoff = options.sync_backoff;
  out.manifest_bytes = options.manifest_bytes;
  return out;
}

ReportOptions report_options(const SessionOptions& options) {
  ReportOptions out;
  out.boot_id = options.boot_id;
  out.coalesce = options.report_coalesce;
  return out;
}

}  // namespace

Session::Session(SessionOptions options, SessionSeams seams)
    : options_(std::move(options)),
      seams_(seams),
      mailbox_(options_.mailbox),
      sync_(
          sync_options(options_),
          [this](const wire::v1::SyncRequest& request, std::uint64_t number) {
            return seams_.bus.request(subjects::of(subjects::kSync, options_.agent),
                                      request.SerializeAsString(), [this, number](Message message) {
                                        post({Incoming::What::kBatch, std::move(message.data), number});
                                      });
          },
          seams_.random, seams_.desired,
          [this]() -> Result<> {
            TRY(seams_.reports.unconfirm_all());
            sender_.restart(seams_.clock.mono());
            return {};
          }),
      sender_(
          report_options(options_),
          [this](const wire::v1::StatusReport& report) {
            return seams_.bus.publish(subjects::of(subjects::kStatus, options_.agent),
                                      report.SerializeAsString());
          },
          seams_.random, seams_.reports) {
  if (seams_.logs) {
    LogServerOptions logs;
    logs.agent = options_.agent;
    log_server_ = std::make_unique<LogServer>(logs, seams_.bus, seams_.clock, *seams_.logs);
  }
}

Session::~Session() {
  seams_.reports.on_change({});
  if (!guard_) return;
  const MutexLock lock(guard_->mutex);
  guard_->session = nullptr;
}

Result<> Session::start() {
  TRY(sync_.load());
  TRY(subscribe(subjects::kDesired, Incoming::What::kDelta));
  TRY(subscribe(subjects::kPoke, Incoming::What::kPoke));
  TRY(subscribe(subjects::kAck, Incoming::What::kAck));
  if (log_server_) TRY(subscribe(subjects::kCommand, Incoming::What::kCommand));
  seams_.reports.on_change([this](const std::string& name) { post({Incoming::What::kReport, name}); });
  // A hint only: what is due is sent whether or not it comes.
  guard_ = std::make_shared<Guard>(this);
  seams_.bus.on_state([guard = guard_](BusState state, const std::string&) {
    const MutexLock lock(guard->mutex);
    if (state == BusState::kConnected && guard->session)
      guard->session->post({Incoming::What::kConnected, {}});
  });
  const MonoTime now = seams_.clock.mono();
  sender_.restart(now);
  sync_.want_sync(now);
  next_beat_ = now;
  return {};
}

void Session::post(Incoming incoming) {
  // A full mailbox loses messages as the network may: syncs and resends make up for it.
  if (mailbox_.put(std::move(incoming))) wake_();
}

Result<> Session::subscribe(std::string_view verb, Incoming::What what) {
  subscriptions_.push_back(
      TRY(seams_.bus.subscribe(subjects::of(verb, options_.agent),
                               [this, what](Message message) { post({what, std::move(message.data)}); })));
  return {};
}

MonoTime Session::step() {
  const MonoTime now = seams_.clock.mono();
  const std::string trouble = seams_.trouble ? seams_.trouble() : "";
  // What the journal did not take is asked for again at once.
  if (trouble.empty() && !trouble_.empty()) sync_.reconnected(now);
  trouble_ = trouble;
  for (const auto& incoming : mailbox_.take()) take(incoming, now);
  if (log_server_) log_server_->reap();
  const MonoTime sync_due = sync_.step(now);
  // Who has been superseded says nothing but that it asks.
  if (sync_.superseded()) return sync_due;
  const MonoTime send_due = sender_.step({sync_.held().epoch(), sync_.protocol()}, now);
  return std::min({sync_due, send_due, beat_if_due(now)});
}

void Session::take(const Incoming& incoming, MonoTime now) {
  switch (incoming.what) {
    case Incoming::What::kDelta:
      if (wire::v1::Delta delta; parse(incoming.data, delta)) sync_.on_delta(delta, now);
      return;
    case Incoming::What::kPoke:
      if (wire::v1::Poke poke; parse(incoming.data, poke)) sync_.want_sync(now);
      return;
    case Incoming::What::kAck:
      if (wire::v1::StatusAck ack; parse(incoming.data, ack) && ack.boot_id() == options_.boot_id)
        take_ack(ack, now);
      return;
    case Incoming::What::kCommand:
      // Where another process serves, that one answers.
      if (wire::v1::LogsRequest request; !sync_.superseded() && parse(incoming.data, request))
        log_server_->handle(request);
      return;
    case Incoming::What::kBatch:
      if (wire::v1::SyncBatch batch; parse(incoming.data, batch) && batch.protocol() != 0)
        sync_.on_batch(incoming.number, batch, now);
      else
        sync_.on_no_hub(incoming.number, now);  // nats-server itself answers so: nobody listens
      return;
    case Incoming::What::kConnected:
      kLog.info("connected");
      sync_.reconnected(now);
      sender_.restart(now);
      next_beat_ = now;
      return;
    case Incoming::What::kReport:
      sender_.changed(incoming.data, now);
      return;
  }
}

void Session::take_ack(const wire::v1::StatusAck& ack, MonoTime now) {
  const auto removals = sender_.removals(ack.sequence());
  if (const auto forgotten = sync_.forget(removals, now); !forgotten) {
    // Unconfirmed, so it is sent and confirmed again.
    kLog.error("removed resources cannot be forgotten", {{"error", forgotten.error().message}});
    return;
  }
  sender_.confirm(ack.sequence(), now);
}

MonoTime Session::beat_if_due(MonoTime now) {
  wire::v1::Heartbeat beat;
  const HeldTable& held = sync_.held();
  beat.set_epoch(held.epoch());
  beat.set_refusal(sync_.refusal());
  beat.set_trouble(trouble_);
  for (auto& name : held.unclaimed(sync::kMaxListedNames)) beat.add_unclaimed(std::move(name));
  for (const auto& name : sync_.kept())
    if (static_cast<size_t>(beat.kept_size()) < sync::kMaxListedNames) beat.add_kept(name);
  // While a sync is under way everything is unclaimed that is yet to be restated: that is no news.
  std::string shown =
      sync_.in_sync() || !sync_.refusal().empty() || !trouble_.empty() ? beat.SerializeAsString() : shown_;
  const bool news = shown != shown_;
  if (now < next_beat_ && !news) return next_beat_;
  if (now >= next_beat_) next_beat_ = std::max(next_beat_ + options_.heartbeat, now + options_.heartbeat / 2);
  shown_ = std::move(shown);
  if (!sync_.in_sync()) beat.clear_unclaimed();
  beat.set_protocol(sync::kProtocolMax);
  beat.set_protocol_min(sync::kProtocolMin);
  beat.set_boot_id(options_.boot_id);
  beat.set_position(held.position());
  beat.set_digest(held.digest().bytes());
  beat.set_version(options_.version);
  beat.mutable_providers()->Assign(options_.providers.begin(), options_.providers.end());
  (void)seams_.bus.publish(subjects::of(subjects::kHeartbeat, options_.agent), beat.SerializeAsString());
  return next_beat_;
}

SessionState Session::state() const {
  const HeldTable& held = sync_.held();
  return {sync_.in_sync(),          held.epoch(),
          held.position(),          sync_.refusal(),
          held.unclaimed(SIZE_MAX), {sync_.kept().begin(), sync_.kept().end()},
          sync_.superseded()};
}

}  // namespace qleet::agent
