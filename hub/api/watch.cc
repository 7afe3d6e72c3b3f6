#include "hub/api/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/log/log.h"
#include "hub/api/application_status.h"
#include "hub/api/problem.h"
#include "hub/store/keys.h"

namespace qleet::hub::api {
namespace {

constexpr log::Logger kLog{"api"};
constexpr size_t kChangesAtOnce = 256;
constexpr size_t kObjectsAtOnce = 256;
const std::string kDeployments = keys::object("deployments", "");

// What became others' is told of by its name alone.
void keep_name(google::protobuf::Message& object) {
  const auto name = model::meta(object).name();
  for (const auto* field : {"metadata", "spec", "status"})
    if (const auto* found = object.GetDescriptor()->FindFieldByName(field))
      object.GetReflection()->ClearField(&object, found);
  model::meta(object).set_name(name);
}

}  // namespace

WatchStream::WatchStream(Store& store, const Clock& clock, const Shower& shower, WatchOptions options)
    : store_(store),
      clock_(clock),
      shower_(shower),
      options_(std::move(options)),
      prefix_(options_.filter.key_prefix(*options_.kind)),
      of_applications_(options_.kind->name == "Application") {}

Result<std::shared_ptr<WatchStream>> WatchStream::open(Store& store, const Clock& clock, const Shower& shower,
                                                       WatchOptions options) {
  std::shared_ptr<WatchStream> stream(new WatchStream(store, clock, shower, std::move(options)));
  const Revision now = TRY(store.snapshot())->revision();
  if (!stream->options_.after) {
    stream->listing_ = true;
    stream->cursor_ = now;
    return stream;
  }
  const Revision after = *stream->options_.after;
  if (after > now)
    return fail(
        Code::kCompacted,
        fmt::format("revision {} is not part of this store's history, which ends at {}: list again, and "
                    "watch from the list's resourceVersion",
                    after, now));
  TRY(store.changes(after, 1));
  stream->cursor_ = after;
  stream->announced_ = after;
  return stream;
}

void WatchStream::start(std::function<void()> wake) {
  subscription_ = store_.subscribe([wake = std::move(wake)](Revision) { wake(); });
}

void WatchStream::cancel() { subscription_.reset(); }

Piece WatchStream::next() {
  Piece piece;
  const Result<bool> more = listing_ ? list_some(piece.data) : follow_some(piece.data);
  if (more) {
    piece.more = *more;
  } else {
    piece.data += last_word(more.error());
    piece.end = true;
  }
  return piece;
}

std::string WatchStream::last_word(const Error& error) {
  if (error.code != Code::kCompacted && error.code != Code::kExhausted)
    kLog.error("watch failed", {{"kind", std::string(options_.kind->plural)}, {"error", error.message}});
  return fmt::format("event: error\ndata: {}\n\n", problem(error).body);
}

Result<bool> WatchStream::list_some(std::string& out) {
  const auto reader = TRY(store_.snapshot());
  const auto entries = TRY(reader->scan({.prefix = prefix_, .after = list_after_, .limit = kObjectsAtOnce}));
  for (const Entry& entry : entries) {
    const std::string_view name = std::string_view(entry.key).substr(entry.key.rfind('/') + 1);
    const auto read = shower_.show(*options_.kind, name, entry.value, entry.revision);
    if (!read) {
      kLog.error("object left out of a watch", {{"key", entry.key}, {"error", read.error().message}});
      continue;
    }
    const auto& shown = *read;
    const bool matches = options_.filter.matches(*shown.object);
    if (options_.filter.may_change()) known_[std::hash<std::string>()(entry.key)] = matches;
    (void)is_news(entry.key, *shown.object);
    // No id: a client that comes back in the middle of a list has to begin again.
    options_.filter.narrow(*shown.object);
    if (matches) out += fmt::format("event: added\ndata: {}\n\n", model::to_json(*shown.object));
  }
  const bool complete = entries.size() < kObjectsAtOnce;
  pages_.push_back({complete ? std::string() : entries.back().key, reader->revision()});
  if (!complete) {
    list_after_ = entries.back().key;
    return true;
  }
  listing_ = false;
  // What the client has now is at least as new as the first page; the rest follows from there.
  cursor_ = pages_.front().revision;
  out += bookmark();
  return true;
}

bool WatchStream::in_list(const Change& change) const {
  for (const Page& page : pages_)
    if (page.last_key.empty() || change.key <= page.last_key) return change.revision <= page.revision;
  return false;
}

Result<bool> WatchStream::follow_some(std::string& out) {
  const auto changes = TRY(store_.changes(cursor_, kChangesAtOnce));
  if (changes.size() < kChangesAtOnce) {
    behind_since_.reset();
  } else if (!behind_since_) {
    behind_since_ = clock_.mono();
  } else if (clock_.mono() - *behind_since_ > options_.patience) {
    return fail(
        Code::kExhausted,
        fmt::format("this client reads too slowly: behind for more than {} s, at revision {}; watch again "
                    "from there, or list again",
                    options_.patience.count() / 1000, cursor_));
  }
  // Only the last event of a revision carries its id: a client that resumes in the middle of one gets it
  // again, whole.
  std::string event;
  for (size_t i = 0; i < changes.size(); ++i) {
    const Change& change = changes[i];
    std::string next;
    if (change.key.starts_with(prefix_)) {
      if (!in_list(change)) next = event_for(change);
    } else if (of_applications_ && change.key.starts_with(kDeployments)) {
      next = TRY(event_for_deployment(change));
    }
    if (!next.empty()) {
      out += event;
      event = std::move(next);
    }
    const bool last_of_revision = i + 1 == changes.size() || changes[i + 1].revision != change.revision;
    if (!last_of_revision) continue;
    cursor_ = change.revision;
    if (event.empty()) continue;
    out += fmt::format("id: {}\n", cursor_) + event;
    event.clear();
    announced_ = cursor_;
  }
  if (!pages_.empty() && pages_.back().revision <= cursor_) pages_.clear();
  return changes.size() >= kChangesAtOnce;
}

std::string WatchStream::event_for(const Change& change) {
  const std::string_view name = std::string_view(change.key).substr(change.key.rfind('/') + 1);
  const auto shown = shower_.show(*options_.kind, name, change.value, change.revision);
  if (!shown) {
    kLog.error("cannot show changed object", {{"key", change.key}, {"error", shown.error().message}});
    return {};
  }
  bool matches = options_.filter.matches(*shown->object);
  if (change.erased)
    told_.erase(std::hash<std::string>()(change.key));
  else
    (void)is_news(change.key, *shown->object);
  options_.filter.narrow(*shown->object);
  std::string_view event = change.erased ? "deleted" : change.created ? "added" : "modified";
  if (options_.filter.may_change()) {
    // An object that no longer matches is gone for this client, and one that begins to is new. Where it
    // resumed, it may know more than this stream does: rather delete what it never had than leave it what is
    // no more.
    const auto key = std::hash<std::string>()(change.key);
    const auto it = known_.find(key);
    const bool unknown = it == known_.end() && !change.created;
    const bool had = it != known_.end() && it->second;
    if (change.erased)
      known_.erase(key);
    else
      known_[key] = matches;
    if (matches && !change.erased && !had && !unknown) event = "added";
    const bool others = !options_.filter.reaches(*shown->object);
    if (!matches && (had || (unknown && !others))) {
      event = "deleted";
      matches = true;
      if (others) keep_name(*shown->object);
    }
  }
  if (!matches) return {};
  return fmt::format("event: {}\ndata: {}\n\n", event, model::to_json(*shown->object));
}

bool WatchStream::is_news(const std::string& key, const google::protobuf::Message& object) {
  const auto* application = dynamic_cast<const v1::Application*>(&object);
  if (application == nullptr) return false;
  const auto told = std::hash<std::string>()(told_status(*application));
  const auto [known, fresh] = told_.try_emplace(std::hash<std::string>()(key), told);
  return fresh || std::exchange(known->second, told) != told;
}

Result<std::string> WatchStream::event_for_deployment(const Change& change) {
  const auto name = application_of(std::string_view(change.key).substr(kDeployments.size()));
  const auto key = keys::object(options_.kind->plural, name);
  if (!key.starts_with(prefix_)) return std::string();
  const auto entry = TRY(TRY(store_.snapshot())->get(key));
  // Written since, or with the deployment: all of it is told when that change is reached.
  if (!entry || entry->revision >= change.revision) return std::string();
  const auto shown = shower_.show(*options_.kind, name, entry->value, entry->revision);
  if (!shown || !options_.filter.matches(*shown->object)) return std::string();
  if (!is_news(key, *shown->object)) return std::string();
  return fmt::format("event: modified\ndata: {}\n\n", model::to_json(*shown->object));
}

std::string WatchStream::bookmark() {
  announced_ = cursor_;
  return fmt::format("id: {0}\nevent: bookmark\ndata: {{\"resourceVersion\":\"{0}\"}}\n\n", cursor_);
}

std::string WatchStream::heartbeat() {
  if (listing_ || announced_ == cursor_) return ": heartbeat\n\n";
  // Others' changes move the resume point too, so that it does not fall out of the log.
  return bookmark();
}

}  // namespace qleet::hub::api
