#include "hub/api/log_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/text/log_line.h"

namespace qleet::hub::api {

LogSink::LogSink(LogSinkOptions options) : options_(options) {}

LogSink::~LogSink() = default;

bool LogSink::write(std::string_view source, std::string_view data) {
  const MutexLock lock(mutex_);
  if (cancelled_ || finished_) return false;
  while (!data.empty()) {
    const size_t end = std::min(data.find('\n'), data.size() - 1) + 1;
    take_locked(source, data.substr(0, end));
    data.remove_prefix(end);
  }
  wake_locked();
  return true;
}

// At most one end of line, and then at the end.
void LogSink::take_locked(std::string_view source, std::string_view data) {
  const bool ends = data.ends_with('\n');
  auto it = partial_.find(source);
  if (it == partial_.end()) {
    if (ends) return append_line(source, data);
    it = partial_.emplace(source, Partial()).first;
  }
  Partial& line = it->second;
  if (!line.dropped && fits(data.size())) {
    line.text += data;
    partial_bytes_ += data.size();
  } else {
    line.dropped = true;
    partial_bytes_ -= line.text.size();
    line.text = {};
  }
  if (!ends) return;
  const Partial whole = std::move(line);
  partial_bytes_ -= whole.text.size();
  partial_.erase(it);
  if (whole.dropped) {
    ++dropped_;
  } else {
    append_line(source, whole.text);
  }
}

bool LogSink::note(std::string_view text) {
  const MutexLock lock(mutex_);
  if (cancelled_ || finished_) return false;
  append(fmt::format("-- {}\n", text));
  wake_locked();
  return true;
}

void LogSink::finish(std::string_view error) {
  const MutexLock lock(mutex_);
  if (cancelled_ || finished_) return;
  auto rest = std::exchange(partial_, {});
  partial_bytes_ = 0;
  for (const auto& [source, line] : rest) {
    if (line.dropped) ++dropped_;
    if (!line.text.empty()) append_line(source, line.text + '\n');
  }
  if (!error.empty()) append(fmt::format("-- {}\n", error));
  finished_ = true;
  wake_locked();
}

void LogSink::append_line(std::string_view source, std::string_view line) {
  if (!options_.times) line = split_stamp(line).text;
  append(options_.names ? fmt::format("{} | {}", source, line) : std::string(line));
}

void LogSink::append(std::string_view text) {
  if (fits(text.size())) {
    pending_ += text;
  } else {
    ++dropped_;
  }
}

void LogSink::on_cancel(std::function<void()> handler) {
  {
    const MutexLock lock(mutex_);
    if (!cancelled_) {
      on_cancel_ = std::move(handler);
      return;
    }
  }
  handler();
}

void LogSink::cancel() {
  std::function<void()> handler;
  {
    const MutexLock lock(mutex_);
    if (cancelled_) return;
    cancelled_ = true;
    handler = std::move(on_cancel_);
    wake_ = nullptr;
  }
  if (handler) handler();
}

void LogSink::start(std::function<void()> wake) {
  const MutexLock lock(mutex_);
  wake_ = std::move(wake);
}

void LogSink::wake_locked() {
  if (wake_) wake_();
}

Piece LogSink::next() {
  const MutexLock lock(mutex_);
  Piece piece;
  piece.data = std::exchange(pending_, {});
  if (dropped_ > 0)
    piece.data += fmt::format("-- {} lines were left out here: they came faster than they were read\n",
                              std::exchange(dropped_, 0));
  piece.end = finished_;
  return piece;
}

}  // namespace qleet::hub::api
