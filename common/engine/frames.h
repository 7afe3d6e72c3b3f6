// The Docker Engine API's multiplexed stream: output and errors of a process in one body, each piece behind a
// header of 8 bytes (stream, 3 zeros, length big endian).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace qleet::containers {

enum class Stream { kOut, kErr };

// Not thread-safe.
class FrameReader {
 public:
  using Sink = std::function<bool(Stream, std::string_view)>;
  // `begins` is told of each frame before its bytes are handed out.
  explicit FrameReader(Sink sink, std::function<void(Stream)> begins = {})
      : sink_(std::move(sink)), begins_(std::move(begins)) {}

  // Takes bytes as they come, in any cut. False once the sink has had enough or the bytes are no frames.
  bool feed(std::string_view bytes);
  // The bytes were no frames (a container with a terminal sends none).
  bool broken() const { return broken_; }

 private:
  Sink sink_;
  std::function<void(Stream)> begins_;
  std::string header_;
  Stream stream_ = Stream::kOut;
  std::uint32_t left_ = 0;
  bool broken_ = false;
};

// Cuts a stream into lines without their end. Not thread-safe.
class LineReader {
 public:
  using Sink = std::function<bool(std::string_view)>;
  explicit LineReader(Sink sink, std::size_t max_line = 64U << 10U)
      : sink_(std::move(sink)), max_line_(max_line) {}

  // False once the sink has had enough. A line longer than the limit is handed out in pieces.
  bool feed(std::string_view bytes);
  // What came after the last end of line, if anything.
  bool flush();

 private:
  Sink sink_;
  std::size_t max_line_;
  std::string pending_;
};

}  // namespace qleet::containers
