// Server-sent events, as they come in pieces. Source: WHATWG HTML, section 9.2.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace qleet::cli {

struct SseEvent {
  std::string id;
  std::string name;  // "message" where the event has none
  std::string data;
};

class SseReader {
 public:
  explicit SseReader(std::function<void(const SseEvent&)> on_event) : on_event_(std::move(on_event)) {}
  void feed(std::string_view bytes);

 private:
  void line(std::string_view text);

  std::function<void(const SseEvent&)> on_event_;
  std::string rest_;
  SseEvent event_;
  bool has_data_ = false;
};

}  // namespace qleet::cli
