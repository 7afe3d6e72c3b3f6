#include "agent/link/log_queue.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace qleet::agent {

bool LogQueue::push(std::string_view source, std::string_view line) {
  MutexLock lock(mutex_);
  if (!options_.drops) changed_.wait(lock, [&]() REQUIRES(mutex_) { return closed_ || fits(line.size()); });
  if (closed_) return false;
  if (!fits(line.size())) {
    ++dropped_;
    return true;
  }
  // Joined with the newest of its source, so that a few busy sources do not make a message of every line.
  const auto newest = std::ranges::find_if(pieces_ | std::views::reverse,
                                           [&](const auto& piece) { return piece.source == source; });
  const bool joins =
      dropped_ == 0 && newest != pieces_.rend() && newest->data.size() + line.size() <= options_.piece_bytes;
  if (joins) {
    newest->data += line;
  } else {
    pieces_.push_back({std::string(source), std::string(line), std::exchange(dropped_, 0)});
  }
  bytes_ += line.size();
  lock.unlock();
  changed_.notify_all();
  return true;
}

std::optional<LogPiece> LogQueue::pop(Millis wait) {
  MutexLock lock(mutex_);
  changed_.wait_for(lock, wait, [&]() REQUIRES(mutex_) { return closed_ || !pieces_.empty(); });
  if (pieces_.empty()) {
    if (dropped_ == 0) return std::nullopt;
    return LogPiece{.source = {}, .data = {}, .dropped = std::exchange(dropped_, 0)};
  }
  LogPiece piece = std::move(pieces_.front());
  pieces_.pop_front();
  bytes_ -= piece.data.size();
  lock.unlock();
  changed_.notify_all();
  return piece;
}

void LogQueue::close(bool abandon) {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    if (abandon) {
      pieces_.clear();
      bytes_ = 0;
      dropped_ = 0;
    }
  }
  changed_.notify_all();
}

bool LogQueue::drained() const {
  const MutexLock lock(mutex_);
  return closed_ && pieces_.empty() && dropped_ == 0;
}

}  // namespace qleet::agent
