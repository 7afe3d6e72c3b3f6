#include "common/engine/kernel_log.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

namespace qleet::containers {

namespace {

using std::chrono::microseconds;

// Between the kill and what an engine takes for the end of the container; a start needs longer than that.
constexpr microseconds kAbout{10'000'000};

std::string read_kernel_log() {
  const int fd = ::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  std::string out;
  if (fd < 0) return out;
  std::array<char, 8192> record;  // one per read
  while (true) {
    const ssize_t got = ::read(fd, record.data(), record.size());
    if (got > 0) {
      out.append(record.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || (errno != EPIPE && errno != EINTR)) {  // EPIPE: it was written over meanwhile
      break;
    }
  }
  ::close(fd);
  return out;
}

microseconds since_boot(WallTime time) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto age = std::chrono::duration_cast<microseconds>(
      std::chrono::system_clock::now().time_since_epoch() - time.time_since_epoch());
  return std::chrono::seconds(now.tv_sec) + microseconds(now.tv_nsec / 1000) - age;
}

// The third of the numbers in front of a record.
microseconds time_of(std::string_view line) {
  for (int skipped = 0; skipped < 2; ++skipped) {
    const std::size_t comma = line.find(',');
    if (comma == std::string_view::npos) return microseconds::min();
    line.remove_prefix(comma + 1);
  }
  std::int64_t out = 0;
  const auto read = std::from_chars(line.data(), line.data() + line.size(), out);
  return read.ec == std::errc() ? microseconds(out) : microseconds::min();
}

// Of "oom_memcg=/docker/<id>,": the cgroup whose limit was reached.
std::string_view limited_group(std::string_view line) {
  constexpr std::string_view kName = "oom_memcg=";
  const std::size_t start = line.find(kName);
  if (start == std::string_view::npos) return {};
  line.remove_prefix(start + kName.size());
  return line.substr(0, line.find(','));
}

}  // namespace

bool says_out_of_memory(std::string_view log, std::string_view container_id, microseconds ended) {
  if (container_id.empty()) return false;
  while (!log.empty()) {
    const std::size_t end = std::min(log.find('\n'), log.size() - 1);
    const std::string_view line = log.substr(0, end + 1);
    log.remove_prefix(end + 1);
    if (limited_group(line).find(container_id) == std::string_view::npos) continue;
    const auto time = time_of(line);
    if (time >= ended - kAbout && time <= ended + kAbout) return true;
  }
  return false;
}

bool out_of_memory(std::string_view container_id, WallTime ended) {
  return says_out_of_memory(read_kernel_log(), container_id, since_boot(ended));
}

}  // namespace qleet::containers
