// Log lines on their way from agents to one client: bounded, so that neither side can fill the hub's memory.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "hub/api/message.h"

namespace qleet::hub::api {

// Thread-safe. Lines of one source stay in order and whole; with `name_sources` each begins with "<source> |
// ". When the client reads too slowly, new lines are dropped and the stream says how many.
class LogSink final : public Stream {
 public:
  explicit LogSink(bool name_sources, size_t max_bytes = 1 << 20);
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
  bool append_line(std::string_view line);
  void wake_locked();

  const bool name_sources_;
  const size_t max_bytes_;
  std::mutex mutex_;
  std::function<void()> wake_;
  std::function<void()> on_cancel_;
  std::map<std::string, std::string, std::less<>> partial_;  // unfinished line per source
  std::string pending_;
  size_t dropped_ = 0;
  bool finished_ = false;
  bool cancelled_ = false;
};

}  // namespace qleet::hub::api
