#include "agent/engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/engine/damage.h"
#include "common/log/log.h"
#include "common/model/reasons.h"

namespace qleet::agent {
namespace {

constexpr log::Logger kLog{"engine"};
// One call of `step` looks at no more than this many resources, so that what others post gets its turn.
constexpr unsigned kMaxConsidered = 2'000;
constexpr Millis kJournalRetry{1'000};
constexpr size_t kHashKeyBytes = 32;

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(EngineOptions options, EngineSeams seams) {
  std::unique_ptr<Engine> engine(new Engine(std::move(options), std::move(seams)));
  TRY(engine->restore());
  engine->watch_providers();
  return engine;
}

Engine::Engine(EngineOptions options, EngineSeams seams)
    : options_(std::move(options)),
      seams_(std::move(seams)),
      inbox_(std::make_shared<Inbox>(seams_.wake)),
      board_([inbox = inbox_] { inbox->call([] {}); }),
      ledger_(seams_.journal, graph_, board_, options_.max_events),
      steps_(seams_.executor, inbox_, options_.max_steps_per_provider, seams_.clock, seams_.step_ended) {}

Engine::~Engine() {
  watches_.clear();
  board_.on_change({});
  if (auto flushed = ledger_.flush(); !flushed)
    kLog.error("last flush of the journal failed", {{"error", flushed.error().message}});
  inbox_->close();
}

Result<> Engine::restore() {
  auto contents = TRY(seams_.journal.load());
  JournalChanges boot;
  const auto damage = take_damage(contents, boot);
  meta_ = std::move(contents.meta);
  meta_.set_boots(meta_.boots() + 1);
  if (meta_.hash_key().empty()) meta_.set_hash_key(seams_.random.bytes(kHashKeyBytes));
  // Lower case: names of events are made of it.
  boot_id_ = fmt::format("{}-{}", meta_.boots(), crypto::random_uuid(seams_.random).substr(24));
  boot.meta = meta_;
  for (auto& [name, desired] : contents.desired) {
    Node& node = graph_.add(name);
    node.desired = std::move(desired);
    if (const auto runtime = contents.runtime.find(name); runtime != contents.runtime.end())
      node.runtime = std::move(runtime->second);
    newest_version_ = std::max<std::uint64_t>(newest_version_, node.runtime.report().version());
    // Stated anew just before the end, which the record had no time to follow.
    if (!node.tombstone()) node.runtime.set_gone(false);
  }
  keep_present_secrets(boot);
  TRY(seams_.journal.commit(boot));
  for (const auto& [name, node] : graph_.nodes()) {
    graph_.refresh_edges(*node);
    enqueue(name);
  }
  ledger_.restore(contents.events);
  for (const auto& [name, message] : damage) {
    kLog.error("the journal is damaged", {{"resource", name}, {"what", message}});
    event(name, "Warning", reasons::kJournalDamaged, message);
  }
  kLog.info(
      "journal read",
      {{"resources", std::to_string(graph_.nodes().size())}, {"boot", boot_id_}, {"epoch", meta_.epoch()}});
  return {};
}

void Engine::watch_providers() {
  for (const auto& [name, provider] : seams_.providers) {
    auto handle =
        provider->watch([inbox = inbox_](std::string resource) { inbox->wake(std::move(resource)); });
    watched_[name] = handle != nullptr;
    if (handle) watches_.push_back(std::move(handle));
  }
}

void Engine::hold(bool held) {
  if (std::exchange(held_, held) && !held) report_anew();
}

void Engine::report_anew() {
  const auto now = static_cast<std::uint64_t>(seams_.clock.wall().time_since_epoch().count());
  for (const auto& [name, node] : graph_.nodes()) {
    if (!node->runtime.has_report()) continue;
    report_again(*node, std::max(node->runtime.report().version() + 1, now));
  }
}

void Engine::report_again(Node& node, std::uint64_t version) {
  node.runtime.mutable_report()->set_version(version);
  newest_version_ = std::max(newest_version_, version);
  ledger_.report_changed(node.name);
}

MonoTime Engine::step() {
  absorb(inbox_->take());
  ledger_.take_confirmed(graph_);
  if (held_) return std::min(flush_if_due(), probe_journal());
  for (const auto& name : timers_.take_due(seams_.clock.mono())) {
    Node* node = graph_.find(name);
    if (!node) continue;
    if (node->look_again <= seams_.clock.mono()) {
      node->seen.reset();
      node->look_again = MonoTime::max();
    }
    enqueue(name);
  }
  unsigned considered = 0;
  while (considered < kMaxConsidered) {
    while (!queue_.empty() && considered < kMaxConsidered) {
      const std::string name = std::move(queue_.front());
      queue_.pop_front();
      Node* node = graph_.find(name);
      if (!node) continue;
      node->queued = false;
      ++considered;
      consider(*node);
    }
    launch_acts();
    auto arrived = inbox_->take();
    if (arrived.empty() && queue_.empty()) break;
    absorb(std::move(arrived));
  }
  if (!queue_.empty()) return seams_.clock.mono();
  const MonoTime flush_due = flush_if_due();
  return std::min({timers_.next(), flush_due, probe_journal()});
}

void Engine::absorb(Inbox::Contents contents) {
  for (auto& outcome_ : contents.outcomes) outcome(outcome_);
  for (const auto& name : contents.woken)
    if (Node* node = graph_.find(name)) woken(*node);
  for (const auto& call : contents.calls) call();
}

void Engine::woken(Node& node) {
  if (node.gone()) return;
  if (node.in_flight) {
    node.woken = true;
    return;
  }
  node.pause_until = {};
  const MonoTime at = node.looked_at + options_.wake_spacing;
  if (node.seen && at > seams_.clock.mono()) {
    node.look_again = std::min(node.look_again, at);
  } else {
    node.seen.reset();
  }
  enqueue(node.name);
}

void Engine::enqueue(const std::string& name) {
  Node* node = graph_.find(name);
  if (!node || node->queued) return;
  node->queued = true;
  queue_.push_back(name);
}

void Engine::enqueue_dependents(const Node& node, bool inputs_changed) {
  for (const auto& name : graph_.dependents(node.name)) {
    Node* dependent = graph_.find(name);
    if (!dependent) continue;
    dependent->inputs_stale = dependent->inputs_stale || inputs_changed;
    enqueue(name);
  }
}

void Engine::launch_acts() {
  if (acts_.empty()) return;
  auto acts = std::exchange(acts_, {});
  const bool intents = std::ranges::any_of(acts, [&](const auto& a) { return ledger_.has_changes(a.name); });
  if (intents) {
    if (auto flushed = flush(); !flushed) {
      for (const auto& act : acts) {
        Node* node = graph_.find(act.name);
        if (!node) continue;
        node->in_flight = false;
        failed(*node, Error{Code::kUnavailable, flushed.error().message, {}});
        enqueue(act.name);
      }
      return;
    }
  }
  for (const auto& act : acts) {
    const Node& node = *graph_.find(act.name);
    steps_.start(seams_.providers.at(node.provider()), {.kind = act.kind,
                                                        .provider = node.provider(),
                                                        .resource = provider_resource(node),
                                                        .seen = node.seen.value_or(Observation{})});
  }
}

Result<> Engine::flush(JournalChanges more) {
  auto flushed = ledger_.flush(std::move(more));
  note_journal(flushed);
  flushed_at_ = seams_.clock.mono();
  if (!flushed) return flushed;
  pending_since_.reset();
  retry_flush_at_.reset();
  return {};
}

void Engine::note_journal(const Result<>& written) {
  // A change that is wrong in itself says nothing about the disk.
  if (!written && written.error().code == Code::kInvalid) return;
  if (written.has_value() == trouble_.empty()) return;
  if (written) {
    kLog.info("the journal is written again");
    trouble_.clear();
    return;
  }
  kLog.error("the journal cannot be written; what runs goes on", {{"error", written.error().message}});
  trouble_ = written.error().message;
  probe_at_ = seams_.clock.mono() + kJournalRetry;
}

// Where nothing waits to be written it would not be noticed that the journal can be written again.
MonoTime Engine::probe_journal() {
  if (trouble_.empty()) return MonoTime::max();
  if (probe_at_ > seams_.clock.mono()) return probe_at_;
  JournalChanges same;
  same.meta = meta_;
  (void)flush(std::move(same));
  if (trouble_.empty()) return MonoTime::max();
  return probe_at_ = seams_.clock.mono() + kJournalRetry;
}

// Returns when to come back. The outcome of a step that was alone is written at once; where others are under
// way, what they bring within the spacing goes together.
MonoTime Engine::flush_if_due() {
  if (!ledger_.pending()) {
    pending_since_.reset();
    return MonoTime::max();
  }
  const MonoTime now = seams_.clock.mono();
  if (!pending_since_) pending_since_ = now;
  MonoTime due = *pending_since_ + options_.flush_after;
  if (ledger_.urgent()) due = steps_.in_flight() == 0 ? now : flushed_at_ + options_.flush_spacing;
  if (retry_flush_at_) due = *retry_flush_at_;
  if (due > now) return due;
  if (auto flushed = flush(); !flushed) {
    retry_flush_at_ = now + kJournalRetry;
    return *retry_flush_at_;
  }
  return MonoTime::max();
}

}  // namespace qleet::agent
