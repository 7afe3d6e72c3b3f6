#include "hub/api/log_sink.h"

#include <fmt/format.h>

#include <utility>

namespace qleet::hub::api {
namespace {

constexpr size_t kLongestLine = 16 * 1024;

}  // namespace

LogSink::LogSink(bool name_sources, size_t max_bytes) : name_sources_(name_sources), max_bytes_(max_bytes) {}

LogSink::~LogSink() = default;

bool LogSink::write(std::string_view source, std::string_view data) {
  const std::lock_guard lock(mutex_);
  if (cancelled_ || finished_) return false;
  auto it = partial_.find(source);
  if (it == partial_.end()) it = partial_.emplace(source, std::string()).first;
  std::string& line = it->second;
  const std::string prefix = name_sources_ ? fmt::format("{} | ", source) : std::string();
  while (!data.empty()) {
    const size_t newline = data.find('\n');
    const size_t room = kLongestLine - line.size();
    const size_t take = std::min({newline, data.size(), room});
    line += data.substr(0, take);
    data.remove_prefix(take);
    const bool ends = !data.empty() && data.front() == '\n';
    if (ends) data.remove_prefix(1);
    if (ends || line.size() == kLongestLine) {
      append_line(prefix + line + '\n');
      line.clear();
    }
  }
  wake_locked();
  return true;
}

bool LogSink::note(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (cancelled_ || finished_) return false;
  append_line(fmt::format("-- {}\n", text));
  wake_locked();
  return true;
}

void LogSink::finish(std::string_view error) {
  const std::lock_guard lock(mutex_);
  if (cancelled_ || finished_) return;
  for (const auto& [source, line] : partial_)
    if (!line.empty()) append_line((name_sources_ ? source + " | " : "") + line + '\n');
  if (!error.empty()) append_line(fmt::format("-- {}\n", error));
  finished_ = true;
  wake_locked();
}

bool LogSink::append_line(std::string_view line) {
  if (pending_.size() + line.size() > max_bytes_) {
    ++dropped_;
    return false;
  }
  pending_ += line;
  return true;
}

void LogSink::on_cancel(std::function<void()> handler) {
  {
    const std::lock_guard lock(mutex_);
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
    const std::lock_guard lock(mutex_);
    if (cancelled_) return;
    cancelled_ = true;
    handler = std::move(on_cancel_);
    wake_ = nullptr;
  }
  if (handler) handler();
}

void LogSink::start(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

void LogSink::wake_locked() {
  if (wake_) wake_();
}

Piece LogSink::next() {
  const std::lock_guard lock(mutex_);
  Piece piece;
  piece.data = std::exchange(pending_, {});
  if (dropped_ > 0)
    piece.data += fmt::format("-- {} lines were left out here: they came faster than they were read\n",
                              std::exchange(dropped_, 0));
  piece.end = finished_;
  return piece;
}

}  // namespace qleet::hub::api
