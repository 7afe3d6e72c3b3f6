#include "common/engine/frames.h"

#include <algorithm>

namespace qleet::containers {

namespace {
constexpr std::size_t kHeader = 8;
}

bool FrameReader::feed(std::string_view bytes) {
  while (!bytes.empty() && !broken_) {
    if (left_ == 0) {
      const std::size_t take = std::min(kHeader - header_.size(), bytes.size());
      header_.append(bytes.substr(0, take));
      bytes.remove_prefix(take);
      if (header_.size() < kHeader) return true;
      const auto byte = [this](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(header_[i]));
      };
      if (byte(0) > 2 || byte(1) != 0 || byte(2) != 0 || byte(3) != 0) {
        broken_ = true;
        return false;
      }
      stream_ = byte(0) == 2 ? Stream::kErr : Stream::kOut;
      left_ = byte(4) << 24U | byte(5) << 16U | byte(6) << 8U | byte(7);
      header_.clear();
      if (begins_) begins_(stream_);
      continue;
    }
    const std::size_t take = std::min<std::size_t>(left_, bytes.size());
    if (!sink_(stream_, bytes.substr(0, take))) return false;
    bytes.remove_prefix(take);
    left_ -= static_cast<std::uint32_t>(take);
  }
  return !broken_;
}

bool LineReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
      pending_.append(bytes);
      return pending_.size() < max_line_ || flush();
    }
    pending_.append(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
    if (!pending_.empty() && pending_.back() == '\r') pending_.pop_back();
    const std::string line = std::move(pending_);
    pending_.clear();
    if (!sink_(line)) return false;
  }
  return true;
}

bool LineReader::flush() {
  if (pending_.empty()) return true;
  const std::string line = std::move(pending_);
  pending_.clear();
  return sink_(line);
}

}  // namespace qleet::containers
