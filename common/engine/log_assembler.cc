#include "common/engine/log_assembler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/clock/duration.h"

namespace qleet::containers {
namespace {

constexpr std::size_t kLongestStamp = 40;  // "2026-11-30T19:00:34.661350369+01:00"

}  // namespace

void LogAssembler::frame_begins(Stream stream) {
  Pending& pending = pending_[static_cast<std::size_t>(stream)];
  if (pending.in_stamp && !pending.stamp.empty()) append(pending, pending.stamp);
  pending.in_stamp = true;
  pending.stamp.clear();
}

bool LogAssembler::feed(Stream stream, std::string_view bytes) {
  Pending& pending = pending_[static_cast<std::size_t>(stream)];
  if (pending.in_stamp) {
    const auto end = std::min(bytes.find_first_of(" \n"), bytes.size());
    pending.stamp += bytes.substr(0, end);
    bytes.remove_prefix(end);
    if (bytes.empty() && pending.stamp.size() < kLongestStamp) return true;
    pending.in_stamp = false;
    const auto time = parse_time(pending.stamp);
    if (!time) {
      append(pending, pending.stamp);
    } else {
      bytes.remove_prefix(1);
      if (!pending.open) pending.time = time;
    }
    pending.open = true;
  }
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    append(pending, bytes.substr(0, end));
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    if (!emit(stream, pending)) return false;
  }
  return true;
}

void LogAssembler::append(Pending& pending, std::string_view bytes) const {
  pending.open = true;
  const auto room = longest_ - std::min(longest_, pending.line.size());
  pending.line += bytes.substr(0, room);
  pending.left_out += bytes.size() - std::min(bytes.size(), room);
}

bool LogAssembler::emit(Stream stream, Pending& pending) {
  pending.open = false;
  if (pending.left_out > 0)
    pending.line +=
        fmt::format(" [{} more bytes of this line were left out]", std::exchange(pending.left_out, 0));
  const std::string line = std::exchange(pending.line, {});
  return sink_({.stream = stream, .time = pending.time, .text = line});
}

void LogAssembler::finish() {
  for (const auto stream : {Stream::kOut, Stream::kErr}) {
    Pending& pending = pending_[static_cast<std::size_t>(stream)];
    if (pending.open && !(pending.line.empty() && pending.left_out == 0) && !emit(stream, pending)) return;
  }
}

}  // namespace qleet::containers
