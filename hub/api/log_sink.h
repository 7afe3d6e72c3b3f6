// Log lines on their way from agents to one client: bounded, so that neither side can fill the hub's memory.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "common/thread/mutex.h"
#include "hub/api/message.h"

namespace qleet::hub::api {

struct LogSinkOptions {
  bool names = true;           // each line begins with "<source> | "
  bool times = false;          // lines come with their time in front (common/text/log_line.h), and keep it
  size_t max_bytes = 2 << 20;  // of all that waits, unfinished lines included
};

// Thread-safe. Lines of one source stay in order and whole. When the client reads too slowly, new lines are
// dropped and the stream says how many.
class LogSink final : public Stream {
 public:
  explicit LogSink(LogSinkOptions options = {});
  ~LogSink() override;

  // For the producer. False once nobody listens any more: stop sending.
  bool write(std::string_view source, std::string_view data);
  // A line of the hub's own, e.g. "eu-1: its agent is away".
  bool note(std::string_view text);
  // No more lines will come; `error` (may be empty) is written last.
  void finish(std::string_view error = {});
  // Called once, from any thread, when the client has gone.
  void on_cancel(std::function<void()> handler);

  void start(std::function<void()> wake) override;
  Piece next() override;
  void cancel() override;

 private:
  // The beginning of a line whose end has not come yet.
  struct Partial {
    std::string text;
    bool dropped = false;  // it did not fit: the rest of it goes too
  };
  void take_locked(std::string_view source, std::string_view data) REQUIRES(mutex_);
  void append_line(std::string_view source, std::string_view line) REQUIRES(mutex_);
  void append(std::string_view text) REQUIRES(mutex_);
  bool fits(size_t bytes) const REQUIRES(mutex_) {
    return pending_.size() + partial_bytes_ + bytes <= options_.max_bytes;
  }
  void wake_locked() REQUIRES(mutex_);

  const LogSinkOptions options_;
  Mutex mutex_;
  std::function<void()> wake_ GUARDED_BY(mutex_);
  std::function<void()> on_cancel_ GUARDED_BY(mutex_);
  std::map<std::string, Partial, std::less<>> partial_ GUARDED_BY(mutex_);  // per source
  size_t partial_bytes_ GUARDED_BY(mutex_) = 0;
  std::string pending_ GUARDED_BY(mutex_);
  size_t dropped_ GUARDED_BY(mutex_) = 0;
  bool finished_ GUARDED_BY(mutex_) = false;
  bool cancelled_ GUARDED_BY(mutex_) = false;
};

}  // namespace qleet::hub::api
