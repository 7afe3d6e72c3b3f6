#include "agent/link/log_server.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/sync/subjects.h"

namespace qleet::agent {
namespace {

// How long a look at the queue takes at the most: then whether the stream is still wanted is looked at.
constexpr Millis kLook{50};
// The bus does not take it: it is away, or has much to send.
constexpr Millis kTryAgain{50};

WallTime time_of(const google::protobuf::Timestamp& time) {
  return WallTime(Millis(time.seconds() * 1000 + time.nanos() / 1'000'000));
}

}  // namespace

struct LogServer::Stream {
  Stream(std::string given_subject, const wire::v1::LogsRequest& asked, const LogServerOptions& options)
      : subject(std::move(given_subject)),
        request{.resource = asked.resource(),
                .container = asked.container(),
                .wish = {.follow = asked.follow(),
                         .tail = asked.tail(),
                         .since = asked.has_since() ? std::optional(time_of(asked.since())) : std::nullopt,
                         .previous = asked.previous()}},
        timestamps(asked.timestamps()),
        queue(
            {.max_bytes = options.queue_bytes, .piece_bytes = options.chunk_bytes, .drops = asked.follow()}) {
  }

  const std::string subject;
  const LogReader::Request request;
  const bool timestamps;
  LogQueue queue;
  std::atomic<bool> cancelled = false;
  std::atomic<bool> ended = false;
  std::atomic<MonoTime::rep> leased_until = 0;

  // Of the thread that reads; of the other one once the queue is drained.
  size_t bytes = 0;
  std::string error;

  // Of the thread that sends.
  std::uint64_t next_index = 0;
  MonoTime last_chunk{};
  std::chrono::steady_clock::time_point free_at{};  // when the rate allows more

  std::thread reading;
  std::thread sending;
};

LogServer::LogServer(LogServerOptions options, Bus& bus, const Clock& clock, LogReader& reader)
    : options_(std::move(options)), bus_(bus), clock_(clock), reader_(reader) {}

LogServer::~LogServer() {
  stopping_ = true;
  for (const auto& stream : streams_) stream->cancelled = true;
  for (const auto& stream : streams_) stream->queue.close(true);
  for (const auto& stream : streams_) {
    stream->reading.join();
    stream->sending.join();
  }
}

void LogServer::handle(const wire::v1::LogsRequest& request) {
  reap();
  const std::string& subject = request.reply_subject();
  if (!subject.starts_with(sync::subjects::logs(options_.agent, ""))) return;
  const auto until = (clock_.mono() + options_.lease).time_since_epoch().count();
  const auto known =
      std::ranges::find_if(streams_, [&](const auto& stream) { return stream->subject == subject; });
  if (known != streams_.end()) {
    (*known)->leased_until = until;
    if (request.cancel()) (*known)->cancelled = true;
    return;
  }
  if (request.cancel()) return;
  if (streams_.size() >= options_.max_streams)
    return refuse(subject, "this agent streams as many logs as it may; close one and try again");
  Stream& running = *streams_.emplace_back(std::make_unique<Stream>(subject, request, options_));
  running.leased_until = until;
  running.last_chunk = clock_.mono();
  running.reading = std::thread([this, &running] { read(running); });
  running.sending = std::thread([this, &running] { send(running); });
}

void LogServer::reap() {
  std::erase_if(streams_, [](const auto& stream) {
    if (!stream->ended) return false;
    stream->reading.join();
    stream->sending.join();
    return true;
  });
}

bool LogServer::wanted(const Stream& stream) const {
  const MonoTime leased_until{Millis(stream.leased_until.load())};
  return !stream.cancelled && (!stream.request.wish.follow || clock_.mono() < leased_until);
}

void LogServer::read(Stream& stream) {
  const auto done = reader_.read(stream.request, [&](const LogLine& line) {
    if (!wanted(stream)) return false;
    if (line.source.empty()) return true;
    std::string text = stream.timestamps ? stamp(line.time) : std::string();
    text += line.data;
    text += '\n';
    stream.bytes += text.size();
    if (!stream.request.wish.follow && stream.bytes > options_.max_bytes) {
      stream.error =
          "there is more than fits into one answer; ask for the last lines (--tail), or follow (-f)";
      return false;
    }
    return stream.queue.push(line.source, text);
  });
  if (!done) stream.error = done.error().message;
  stream.queue.close(false);
}

void LogServer::send(Stream& stream) {
  wire::v1::LogsChunk begun;  // so that the hub knows that somebody is there
  (void)publish(stream, begun);
  bool wanted_to_the_end = true;
  while (!stream.queue.drained()) {
    wanted_to_the_end = wanted(stream);
    if (!wanted_to_the_end) {
      stream.queue.close(true);
      break;
    }
    if (const auto piece = stream.queue.pop(kLook)) {
      send_piece(stream, *piece);
    } else if (clock_.mono() - stream.last_chunk >= options_.sign_of_life) {
      wire::v1::LogsChunk alive;
      (void)publish(stream, alive);
    }
  }
  stream.ended = true;
  wanted_to_the_end = wanted_to_the_end && !stopping_;
  // Who follows goes on with the next life of this agent.
  if (stopping_ && stream.request.wish.follow) return;
  wire::v1::LogsChunk last;
  last.set_last(true);
  if (wanted_to_the_end) last.set_error(stream.error);  // the reader has ended
  (void)publish(stream, last);
}

void LogServer::send_piece(Stream& stream, const LogPiece& piece) {
  std::string_view data = piece.data;
  std::uint64_t dropped = piece.dropped;
  do {
    wire::v1::LogsChunk chunk;
    chunk.set_source(piece.source);
    chunk.set_data(std::string(data.substr(0, options_.chunk_bytes)));
    chunk.set_dropped(std::exchange(dropped, 0));
    data.remove_prefix(std::min(data.size(), options_.chunk_bytes));
    const auto now = std::chrono::steady_clock::now();
    if (stream.free_at > now) std::this_thread::sleep_until(stream.free_at);
    stream.free_at = std::max(stream.free_at, now) +
                     std::chrono::microseconds(chunk.data().size() * 1'000'000 / options_.bytes_per_second);
    // The queue fills meanwhile, and says what it drops.
    while (wanted(stream) && !publish(stream, chunk)) std::this_thread::sleep_for(kTryAgain);
  } while (!data.empty());
}

bool LogServer::publish(Stream& stream, wire::v1::LogsChunk& chunk) {
  chunk.set_index(stream.next_index);
  if (!bus_.publish(stream.subject, chunk.SerializeAsString())) return false;
  ++stream.next_index;
  stream.last_chunk = clock_.mono();
  return true;
}

void LogServer::refuse(const std::string& subject, std::string why) {
  wire::v1::LogsChunk chunk;
  chunk.set_last(true);
  chunk.set_error(std::move(why));
  (void)bus_.publish(subject, chunk.SerializeAsString());
}

}  // namespace qleet::agent
