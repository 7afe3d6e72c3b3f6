// Lines of a container's log, put together of what the engine sends.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/clock/clock.h"
#include "common/engine/frames.h"
#include "common/text/log_line.h"

namespace qleet::containers {

struct LogRecord {
  Stream stream = Stream::kOut;
  std::optional<WallTime> time;
  std::string_view text;  // without its newline; otherwise as it was written, a "\r" or a NUL too
};

// Engines send one frame for each write, with its time in front, and a long line (Docker: 16 KiB, Podman: 8
// KiB) in several, each with a time; frames of output and errors come between each other. Not thread-safe.
class LogAssembler {
 public:
  using Sink = std::function<bool(const LogRecord&)>;
  explicit LogAssembler(Sink sink, std::size_t longest = kLongestLogLine)
      : sink_(std::move(sink)), longest_(longest) {}

  void frame_begins(Stream stream);
  // Bytes of the frame that began last on the stream. False once the sink has had enough.
  bool feed(Stream stream, std::string_view bytes);
  // Lines that have no newline.
  void finish();

 private:
  struct Pending {
    bool in_stamp = false;
    bool open = false;  // a line has begun
    std::string stamp;
    std::string line;
    std::size_t left_out = 0;
    std::optional<WallTime> time;
  };
  void append(Pending& pending, std::string_view bytes) const;
  bool emit(Stream stream, Pending& pending);

  Sink sink_;
  const std::size_t longest_;
  std::array<Pending, 2> pending_;
};

}  // namespace qleet::containers
