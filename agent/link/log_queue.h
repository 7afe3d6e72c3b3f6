// Log lines between the thread that reads them and the one that sends them: bounded, whatever a workload
// writes and however slow the way to the hub is.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "common/clock/clock.h"
#include "common/thread/mutex.h"

namespace qleet::agent {

struct LogQueueOptions {
  std::size_t max_bytes = 2 << 20;
  std::size_t piece_bytes = 64 * 1024;  // lines of one source go out together, up to so much
  // Full: a line that does not fit is dropped and counted; otherwise who reads waits.
  bool drops = false;
};

// Lines of one source that follow each other.
struct LogPiece {
  std::string source;
  std::string data;           // whole lines with their ends; longer than a piece only where one line is
  std::uint64_t dropped = 0;  // lines that were dropped before it
};

// Thread-safe. Lines of one source stay in order; those of several may change places while they wait.
class LogQueue {
 public:
  explicit LogQueue(LogQueueOptions options) : options_(options) {}

  // A line with its end. False once it is closed.
  bool push(std::string_view source, std::string_view line);
  // nullopt: nothing came in that time, or it is closed and empty.
  std::optional<LogPiece> pop(Millis wait);
  // No more lines come; what is there may still be taken. `abandon`: nor that.
  void close(bool abandon);
  bool drained() const;

 private:
  bool fits(std::size_t more) const REQUIRES(mutex_) {
    return bytes_ == 0 || bytes_ + more <= options_.max_bytes;
  }

  const LogQueueOptions options_;
  mutable Mutex mutex_;
  Condition changed_;
  std::deque<LogPiece> pieces_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t dropped_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace qleet::agent
