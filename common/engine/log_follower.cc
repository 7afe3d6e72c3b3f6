#include "common/engine/log_follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <thread>
#include <utility>

#include "common/clock/duration.h"
#include "common/thread/mutex.h"

namespace qleet::containers {
namespace {

// Events tell of new containers; without a watch on the engine nobody hears them.
constexpr Millis kLookAgain{2'000};
constexpr std::size_t kMostPrevious = 8U << 20U;  // bytes

// As engines take it, to the millisecond.
std::string seconds_of(WallTime time) {
  const auto ms = time.time_since_epoch().count();
  return fmt::format("{}.{:03}", ms / 1000, ms % 1000);
}

// The same of an engine's own time, with all its digits.
std::string seconds_of(std::string_view rfc3339) {
  const auto time = parse_time(rfc3339);
  if (!time) return {};
  const auto point = rfc3339.find('.');
  std::string fraction;
  if (point != std::string_view::npos)
    fraction = rfc3339.substr(point + 1, rfc3339.find_first_not_of("0123456789", point + 1) - point - 1);
  return fmt::format("{}.{}", time->time_since_epoch().count() / 1000, fraction.empty() ? "0" : fraction);
}

// Engines write the year 1 for never.
bool ever(std::string_view time) { return !time.empty() && !time.starts_with("0001-"); }

std::string since_of(const LogWish& wish) { return wish.since ? seconds_of(*wish.since) : std::string(); }

// What the container wrote before it was started last.
Result<std::deque<LogLine>> lines_before_start(Client& client, const LogSource& source, const LogWish& wish) {
  const auto details = TRY(client.inspect(source.id));
  std::deque<LogLine> lines;
  // Never ended, so there was no run before. (Engines note the start a moment after the first lines.)
  if (!ever(details.finished_at)) return lines;
  std::size_t bytes = 0;
  const std::string until = seconds_of(details.started_at);
  if (until.empty()) return lines;
  TRY(client.logs(source.id, {.since = since_of(wish), .until = until}, {}, [&](const LogRecord& record) {
    lines.push_back({source.name, std::string(record.text), record.time});
    bytes += record.text.size();
    while ((wish.tail > 0 && lines.size() > wish.tail) || (bytes > kMostPrevious && lines.size() > 1)) {
      bytes -= lines.front().data.size();
      lines.pop_front();
    }
    return true;
  }));
  return lines;
}

Result<> read_previous(Client& client, const LogWish& wish, const ListLogSources& list,
                       const std::function<bool(const LogLine&)>& sink) {
  bool any = false;
  for (const auto& source : TRY(list())) {
    for (const auto& line : TRY(lines_before_start(client, source, wish))) {
      any = true;
      if (!sink(line)) return {};
    }
  }
  if (any) return {};
  return fail(Code::kNotFound, "nothing is kept of a run before the present one");
}

Result<> read_present(Client& client, const LogWish& wish, const ListLogSources& list,
                      const std::function<bool(const LogLine&)>& sink) {
  bool more = true;
  for (const auto& source : TRY(list())) {
    if (!more) break;
    const auto read = client.logs(source.id, {.tail = wish.tail, .since = since_of(wish)}, {},
                                  [&](const LogRecord& record) {
                                    return more = sink({source.name, std::string(record.text), record.time});
                                  });
    // One that went meanwhile has no log.
    if (!read && read.error().code != Code::kNotFound) return std::unexpected(read.error());
  }
  return {};
}

// One that is read, or was: what was told of it, for when it is read again.
struct Followed {
  LogCursor cursor;
  bool reading = false;
  bool begun = false;
  bool stopped = false;  // it did not run when it was read to its end
};

class Follower {
 public:
  Follower(Client& client, const LogWish& wish, const ListLogSources& list,
           const std::function<bool(const LogLine&)>& sink)
      : client_(client), wish_(wish), list_(list), sink_(sink) {}

  void run(const WatchLogSources& watch);

 private:
  bool tell(const LogLine& line);
  void begin(const LogSource& source, bool first) REQUIRES(mutex_);
  void read(const LogSource& source, LogOptions options, LogCursor& cursor);

  Client& client_;
  const LogWish& wish_;
  const ListLogSources& list_;
  const std::function<bool(const LogLine&)>& sink_;

  Mutex sink_mutex_;
  std::stop_source enough_;
  Mutex mutex_;
  Condition changed_;
  bool look_ GUARDED_BY(mutex_) = false;
  std::map<std::string, Followed> followed_ GUARDED_BY(mutex_);  // by id
  std::map<std::string, std::jthread> readers_;
};

bool Follower::tell(const LogLine& line) {
  const MutexLock lock(sink_mutex_);
  if (enough_.stop_requested()) return false;
  if (sink_(line)) return true;
  enough_.request_stop();
  return false;
}

void Follower::read(const LogSource& source, LogOptions options, LogCursor& cursor) {
  // An error is what it ends with too: the engine is away, or the container is gone. It is looked at again.
  (void)client_.logs(source.id, options, enough_.get_token(), [&](const LogRecord& record) {
    if (!cursor.take(source.name, record.time)) return !enough_.stop_requested();
    return tell({source.name, std::string(record.text), record.time});
  });
}

void Follower::begin(const LogSource& source, bool first) {
  Followed& followed = followed_[source.id];
  followed.reading = true;
  LogOptions options{.follow = true};
  if (const auto from = followed.cursor.resume_from()) {
    followed.cursor.interrupted();
    options.since = seconds_of(*from - Millis(1));
  } else if (first && !followed.begun) {
    options.tail = wish_.tail;
    options.since = since_of(wish_);
  }
  followed.begun = true;
  followed.stopped = !source.running;
  readers_[source.id] = std::jthread([this, source, options, &followed] {
    read(source, options, followed.cursor);
    const MutexLock lock(mutex_);
    followed.reading = false;
    changed_.notify_all();
  });
}

void Follower::run(const WatchLogSources& watch) {
  std::shared_ptr<void> subscription;
  if (watch)
    subscription = watch([this] {
      const MutexLock lock(mutex_);
      look_ = true;
      changed_.notify_all();
    });
  bool first = true;
  while (tell({})) {
    const auto found = list_();
    MutexLock lock(mutex_);
    const bool told = std::exchange(look_, false);
    if (found) {
      for (const auto& source : *found) {
        const auto known = followed_.find(source.id);
        if (known != followed_.end()) {
          if (known->second.reading) continue;
          // One that does not run is read once more when something happened to it: it may have run meanwhile.
          if (!source.running && known->second.stopped && !told) continue;
        }
        begin(source, first);
      }
      std::erase_if(followed_, [&](const auto& entry) {
        const bool gone = std::ranges::none_of(*found, [&](const auto& s) { return s.id == entry.first; });
        if (!gone || entry.second.reading) return false;
        readers_.erase(entry.first);
        return true;
      });
      first = false;
    }
    changed_.wait_for(lock, enough_.get_token(), kLookAgain, [this]() REQUIRES(mutex_) { return look_; });
  }
  enough_.request_stop();
  subscription.reset();
  readers_.clear();
}

}  // namespace

Result<> read_logs(Client& client, const LogWish& wish, const ListLogSources& list,
                   const WatchLogSources& watch, const std::function<bool(const LogLine&)>& sink) {
  if (wish.previous) return read_previous(client, wish, list, sink);
  if (!wish.follow) return read_present(client, wish, list, sink);
  Follower(client, wish, list, sink).run(watch);
  return {};
}

}  // namespace qleet::containers
