#include "hub/dispatch/log_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "common/sync/accept.h"
#include "common/sync/subjects.h"
#include "common/text/visible.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::hub {

namespace subjects = sync::subjects;

namespace {
constexpr std::size_t kLongestSource = 300;
constexpr std::size_t kLongestError = 2'000;

// Lines are read by their beginnings: what an agent says must not pass for another's, or for the hub's.
std::string in_line(std::string_view text, std::size_t most) {
  std::string out;
  text::append_visible(out, text.substr(0, most), {.lines = false});
  return out;
}

}  // namespace

struct LogStreams::Stream {
  // Constant after construction.
  std::string id;
  LogStreamRequest request;
  std::string subject;
  std::shared_ptr<Wake> wake;
  std::atomic<bool> cancelled = false;  // the handle has gone, or the sink wants no more

  Mutex mutex;  // guards all below; held while the sink is called
  LogStreamSink sink GUARDED_BY(mutex);
  bool ended GUARDED_BY(mutex) = false;  // nothing more is handed to the sink
  std::uint64_t next_index GUARDED_BY(mutex) = 0;
  LogCursor cursor GUARDED_BY(mutex);
  std::string open_source GUARDED_BY(mutex);  // whose line is not complete yet
  bool open_dropped GUARDED_BY(mutex) = false;
  bool silent GUARDED_BY(mutex) = false;  // that was said
  bool asked GUARDED_BY(mutex) = false;   // its agent came, and has not answered since
  MonoTime silent_at GUARDED_BY(mutex){};
  MonoTime renew_at GUARDED_BY(mutex){};

  // Touched by step() and open() only.
  std::shared_ptr<void> subscription;

  // False: no more is wanted.
  bool take(const std::string& source, std::string_view data) REQUIRES(mutex);
  bool close_line() REQUIRES(mutex);
  void finish(std::string error) REQUIRES(mutex);
  void note(std::string_view text) const REQUIRES(mutex) {
    if (sink.note) sink.note(text);
  }
};

// Lines that were handed on before an interruption are left out.
bool LogStreams::Stream::take(const std::string& source, std::string_view data) {
  // A line that goes on does so in the next chunk: whatever an agent sends, one is open at the most.
  if (!open_source.empty() && open_source != source && !close_line()) return false;
  std::string kept;
  while (!data.empty()) {
    const bool begins = open_source.empty();
    const auto end = data.find('\n');
    const auto piece = data.substr(0, end == std::string_view::npos ? data.size() : end + 1);
    data.remove_prefix(piece.size());
    if (begins) open_dropped = !cursor.take(source, split_stamp(piece.substr(0, piece.find('\n'))).time);
    if (!open_dropped) kept += piece;
    open_source = end == std::string_view::npos ? source : std::string();
  }
  return kept.empty() || sink.data(source, kept);
}

// What was lost, or begins anew, does not go on with a line that was cut off.
bool LogStreams::Stream::close_line() {
  if (open_source.empty()) return true;
  const std::string source = std::exchange(open_source, {});
  return open_dropped || sink.data(source, "\n");
}

LogStreams::LogStreams(Bus& bus, const Clock& clock, qleet::Random& random, LogStreamOptions options)
    : bus_(bus), clock_(clock), random_(random), options_(options) {}

LogStreams::~LogStreams() {
  std::map<std::string, std::shared_ptr<Stream>> streams;
  {
    const MutexLock lock(mutex_);
    streams.swap(streams_);
  }
  for (auto& [id, stream] : streams) {
    stream->subscription.reset();
    const MutexLock lock(stream->mutex);
    stream->finish("the hub is stopping");
  }
}

Result<std::shared_ptr<void>> LogStreams::open(LogStreamRequest request, LogStreamSink sink) {
  auto stream = std::make_shared<Stream>();
  stream->id = fmt::format("{:016x}", random_.next());
  stream->subject = subjects::logs(request.agent, stream->id);
  stream->request = std::move(request);
  stream->wake = wake_;
  {
    const MutexLock lock(stream->mutex);
    const MonoTime now = clock_.mono();
    stream->sink = std::move(sink);
    stream->silent_at = now + options_.first_within;
    stream->renew_at = now + options_.renew_every;
  }
  {
    const MutexLock lock(mutex_);
    const auto of_agent = std::ranges::count_if(
        streams_, [&](const auto& other) { return other.second->request.agent == stream->request.agent; });
    if (streams_.size() >= options_.max_streams ||
        static_cast<size_t>(of_agent) >= options_.max_streams_per_agent)
      return fail(Code::kExhausted, "too many log streams are open; close one and try again");
    streams_.emplace(stream->id, stream);
  }
  const Millis silent_within = options_.silent_within;
  auto subscription = bus_.subscribe(
      stream->subject, [this, weak = std::weak_ptr(stream), silent_within](const Message& message) {
        const auto target = weak.lock();
        if (target) receive(*target, message.data, clock_.mono() + silent_within);
      });
  Result<> sent;
  if (subscription) {
    stream->subscription = *std::move(subscription);
    sent = bus_.publish(subjects::of(subjects::kCommand, stream->request.agent), command(*stream, false));
  } else {
    sent = std::unexpected(std::move(subscription).error());
  }
  if (!sent) {
    const MutexLock lock(mutex_);
    streams_.erase(stream->id);
    return fail(Code::kUnavailable, "agents cannot be reached: " + sent.error().message);
  }
  (*wake_)();
  return std::shared_ptr<void>(stream.get(), [weak = std::weak_ptr(stream)](void*) {
    const auto target = weak.lock();
    if (!target) return;
    // Without the lock: the sink may be what destroys the handle. step() does the rest.
    target->cancelled = true;
    (*target->wake)();
  });
}

std::string LogStreams::command(const Stream& stream, bool cancel, std::optional<WallTime> from) const {
  const LogWish& wish = stream.request.wish;
  wire::v1::LogsRequest request;
  request.set_protocol(sync::kProtocolMax);
  request.set_resource(stream.request.resource);
  request.set_container(stream.request.container);
  request.set_follow(wish.follow);
  request.set_tail(wish.tail);
  request.set_previous(wish.previous);
  request.set_timestamps(true);
  request.set_reply_subject(stream.subject);
  request.set_cancel(cancel);
  auto since = wish.since;
  // For an agent that was away: it goes on from there. One that was not takes this as a renewal.
  if (from) {
    since = *from - Millis(1);
    request.set_tail(0);
  }
  if (since) {
    const auto ms = since->time_since_epoch().count();
    request.mutable_since()->set_seconds(ms / 1000);
    request.mutable_since()->set_nanos(static_cast<std::int32_t>(ms % 1000 * 1'000'000));
  }
  return request.SerializeAsString();
}

void LogStreams::receive(Stream& stream, const std::string& data, MonoTime silent_at) {
  wire::v1::LogsChunk chunk;
  if (!chunk.ParseFromString(data)) return;
  const MutexLock lock(stream.mutex);
  // An agent that was started again, or had given the stream up, begins to count anew.
  const bool anew = chunk.index() == 0 && stream.next_index > 0 && stream.request.wish.follow;
  if (stream.ended || stream.cancelled || (chunk.index() < stream.next_index && !anew)) return;
  stream.silent_at = silent_at;
  stream.asked = false;
  bool wanted = true;
  if (anew) {
    wanted = stream.close_line();
    stream.cursor.interrupted();
  } else if (chunk.index() > stream.next_index) {
    wanted = stream.close_line();
    stream.note(fmt::format("{} pieces of this log were lost on the way", chunk.index() - stream.next_index));
  }
  if (std::exchange(stream.silent, false)) stream.note("it answers again");
  stream.next_index = chunk.index() + 1;
  if (chunk.dropped() > 0)
    stream.note(fmt::format("{} lines were left out here: they came faster than they could be sent",
                            chunk.dropped()));
  if (wanted && !chunk.data().empty())
    wanted = stream.take(in_line(chunk.source(), kLongestSource), chunk.data());
  if (!wanted) stream.cancelled = true;
  if (chunk.last()) stream.finish(in_line(chunk.error(), kLongestError));
  if (!wanted || chunk.last()) (*stream.wake)();
}

void LogStreams::Stream::finish(std::string error) {
  if (ended || cancelled) return;
  ended = true;
  if (sink.end) sink.end(std::move(error));
}

void LogStreams::came(const std::string& agent) {
  const MonoTime now = clock_.mono();
  for (const auto& stream : all()) {
    if (stream->request.agent != agent || !stream->request.wish.follow) continue;
    const MutexLock lock(stream->mutex);
    stream->asked = true;
    stream->renew_at = now;
  }
  (*wake_)();
}

std::vector<std::shared_ptr<LogStreams::Stream>> LogStreams::all() const {
  std::vector<std::shared_ptr<Stream>> streams;
  const MutexLock lock(mutex_);
  for (const auto& [id, stream] : streams_) streams.push_back(stream);
  return streams;
}

MonoTime LogStreams::step() {
  const MonoTime now = clock_.mono();
  MonoTime due = now + Millis(60'000);
  for (const auto& stream : all()) {
    const std::string to = subjects::of(subjects::kCommand, stream->request.agent);
    bool clear = false;
    bool tell = false;
    {
      const MutexLock lock(stream->mutex);
      const bool follows = stream->request.wish.follow;
      if (!stream->ended && !stream->cancelled && now >= stream->silent_at) {
        const std::string what = "agent " + stream->request.agent +
                                 (stream->next_index == 0 ? " does not answer" : " has fallen silent");
        if (!follows) {
          stream->finish(what);
          tell = true;
        } else {
          if (!std::exchange(stream->silent, true)) stream->note(what + "; it is waited for");
          stream->silent_at = now + options_.ask_again_every;
          stream->renew_at = now;
        }
      }
      tell = tell || (stream->cancelled && !stream->ended);
      clear = stream->ended || stream->cancelled;
      if (!clear && follows && now >= stream->renew_at) {
        stream->renew_at = now + (stream->asked ? options_.ask_again_every : options_.renew_every);
        // A lost renewal is followed by the next.
        (void)bus_.publish(to, command(*stream, false, stream->cursor.resume_from()));
      }
      due = std::min({due, stream->silent_at, follows ? stream->renew_at : due});
    }
    if (!clear) continue;
    if (tell) (void)bus_.publish(to, command(*stream, true));  // the agent's lease ends what this does not
    stream->subscription.reset();
    const MutexLock lock(mutex_);
    streams_.erase(stream->id);
  }
  return due;
}

size_t LogStreams::open_streams() const {
  const MutexLock lock(mutex_);
  return streams_.size();
}

}  // namespace qleet::hub
