// Answers LogsRequests of the hub: each stream with two threads of its own, one that reads and one that
// sends, their number and what lies between them bounded.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "agent/link/log_queue.h"
#include "agent/link/seams.h"
#include "common/bus/bus.h"
#include "common/clock/clock.h"

namespace qleet::agent {

struct LogServerOptions {
  std::string agent;
  size_t max_streams = 8;
  // A following stream that was not renewed for so long has no reader any more.
  Millis lease{60'000};
  // An empty chunk is sent after so much silence.
  Millis sign_of_life{10'000};
  size_t chunk_bytes = 64 * 1024;
  size_t max_bytes = 8 << 20;  // of a stream that does not follow
  // What waits to be sent. A stream that follows drops lines that come when it is full, and says so; one that
  // does not waits.
  size_t queue_bytes = 2 << 20;
  // More than so much in a second is not sent, whatever a workload writes: others use the same connection,
  // and the hub listens to many.
  size_t bytes_per_second = 16 << 20;
};

class LogServer {
 public:
  // All must outlive this object. The destructor ends all streams and waits for them.
  LogServer(LogServerOptions options, Bus& bus, const Clock& clock, LogReader& reader);
  ~LogServer();

  // Begins, renews or cancels a stream. A request for another's subject is ignored.
  void handle(const wire::v1::LogsRequest& request);
  // Joins the threads of streams that have ended.
  void reap();
  size_t streams() const { return streams_.size(); }

 private:
  struct Stream;

  bool wanted(const Stream& stream) const;
  void read(Stream& stream);
  void send(Stream& stream);
  bool publish(Stream& stream, wire::v1::LogsChunk& chunk);
  void send_piece(Stream& stream, const LogPiece& piece);
  void refuse(const std::string& subject, std::string why);

  const LogServerOptions options_;
  Bus& bus_;
  const Clock& clock_;
  LogReader& reader_;
  std::atomic<bool> stopping_ = false;
  std::list<std::unique_ptr<Stream>> streams_;
};

}  // namespace qleet::agent
