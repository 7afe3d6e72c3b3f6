#include "common/process/bus_error.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace qleet {
namespace {

// In a signal handler: no memory, no locks, nothing but calls that are allowed there.

void say(const char* text, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(STDERR_FILENO, text, size);
    if (written <= 0) return;
    text += written;
    size -= static_cast<std::size_t>(written);
  }
}
void say(const char* text) { say(text, std::strlen(text)); }

bool hex_number(const char*& at, const char* end, std::uintptr_t& number) {
  number = 0;
  const char* begin = at;
  for (; at < end; ++at) {
    const char c = *at;
    if (c >= '0' && c <= '9')
      number = number << 4 | static_cast<std::uintptr_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      number = number << 4 | static_cast<std::uintptr_t>(c - 'a' + 10);
    else
      break;
  }
  return at > begin;
}

// A line of /proc/self/maps: "<from>-<to> <rights> <offset> <device> <inode>   <path>".
bool names_file_at(const char* line, const char* end, std::uintptr_t address, const char*& path) {
  std::uintptr_t from = 0, to = 0;
  const char* at = line;
  if (!hex_number(at, end, from) || at == end || *at++ != '-' || !hex_number(at, end, to)) return false;
  if (address < from || address >= to) return false;
  while (at < end && *at != '/') ++at;
  path = at;
  return at < end;
}

void name_file_at(std::uintptr_t address) {
  const int fd = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return say("a file");
  static char buffer[8192];
  std::size_t held = 0;
  for (;;) {
    const ssize_t got = ::read(fd, buffer + held, sizeof buffer - held);
    if (got <= 0) break;
    held += static_cast<std::size_t>(got);
    std::size_t begin = 0;
    for (std::size_t i = 0; i < held; ++i) {
      if (buffer[i] != '\n') continue;
      const char* path = nullptr;
      if (names_file_at(buffer + begin, buffer + i, address, path)) {
        say(path, static_cast<std::size_t>(buffer + i - path));
        ::close(fd);
        return;
      }
      begin = i + 1;
    }
    std::memmove(buffer, buffer + begin, held - begin);
    held -= begin;
    if (held == sizeof buffer) held = 0;  // a line that is longer than any path
  }
  ::close(fd);
  say("a file");
}

void on_bus_error(int, siginfo_t* info, void*) {
  say("error component=process msg=\"");
  name_file_at(reinterpret_cast<std::uintptr_t>(info->si_addr));
  say(": cannot be read where it should go on: it was cut off while it was in use, or its disk fails; this "
      "process ends. Look at the disk and at the kernel's log, and restore a backup if the next start says "
      "that "
      "the file is damaged (docs/operations/recovery.md)\"\n");
  ::_exit(kBusErrorExit);
}

}  // namespace

void explain_bus_errors() {
  struct sigaction action{};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace qleet
