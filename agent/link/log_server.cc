#include "agent/link/log_server.h"

#include <algorithm>

#include "common/sync/subjects.h"

namespace qleet::agent {

struct LogServer::Stream {
  std::string subject;
  LogReader::Request request;
  std::atomic<bool> cancelled = false;
  std::atomic<bool> ended = false;
  std::atomic<MonoTime::rep> leased_until = 0;

  // Of the stream's thread.
  std::uint64_t next_index = 0;
  size_t bytes = 0;
  MonoTime last_chunk{};

  std::thread thread;
};

LogServer::LogServer(LogServerOptions options, Bus& bus, const Clock& clock, LogReader& reader)
    : options_(std::move(options)), bus_(bus), clock_(clock), reader_(reader) {}

LogServer::~LogServer() {
  for (const auto& stream : streams_) stream->cancelled = true;
  for (const auto& stream : streams_) stream->thread.join();
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
  auto stream = std::make_unique<Stream>();
  stream->subject = subject;
  stream->request = {request.resource(), request.container(), request.follow(), request.tail()};
  stream->leased_until = until;
  stream->last_chunk = clock_.mono();
  Stream& running = *streams_.emplace_back(std::move(stream));
  running.thread = std::thread([this, &running] { run(running); });
}

void LogServer::reap() {
  std::erase_if(streams_, [](const auto& stream) {
    if (!stream->ended) return false;
    stream->thread.join();
    return true;
  });
}

void LogServer::run(Stream& stream) {
  const auto publish = [&](wire::v1::LogsChunk& chunk) {
    chunk.set_index(stream.next_index++);
    stream.last_chunk = clock_.mono();
    return bus_.publish(stream.subject, chunk.SerializeAsString()).has_value();
  };
  std::string cut_off;
  const auto done = reader_.read(stream.request, [&](std::string_view source, std::string_view data) {
    const MonoTime now = clock_.mono();
    const MonoTime leased_until{Millis(stream.leased_until.load())};
    if (stream.cancelled || (stream.request.follow && now >= leased_until)) return false;
    if (data.empty()) {
      if (now - stream.last_chunk < options_.sign_of_life) return true;
      wire::v1::LogsChunk alive;
      return publish(alive) || stream.request.follow;
    }
    stream.bytes += data.size();
    if (!stream.request.follow && stream.bytes > options_.max_bytes) {
      cut_off = "there is more than fits into one answer; ask for the last lines (tail), or follow";
      return false;
    }
    while (!data.empty()) {
      wire::v1::LogsChunk chunk;
      chunk.set_source(std::string(source));
      chunk.set_data(std::string(data.substr(0, options_.chunk_bytes)));
      data.remove_prefix(std::min(data.size(), options_.chunk_bytes));
      (void)publish(chunk);  // a lost one is seen by the gap in the index
    }
    return true;
  });
  wire::v1::LogsChunk last;
  last.set_last(true);
  last.set_error(done ? cut_off : done.error().message);
  (void)publish(last);
  stream.ended = true;
}

void LogServer::refuse(const std::string& subject, std::string why) {
  wire::v1::LogsChunk chunk;
  chunk.set_last(true);
  chunk.set_error(std::move(why));
  (void)bus_.publish(subject, chunk.SerializeAsString());
}

}  // namespace qleet::agent
