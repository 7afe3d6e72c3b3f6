#include "providers/route/admin.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace qleet::route {

namespace {

constexpr const char* kWorker = "admin.sock";
constexpr const char* kMaster = "master.sock";

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<std::string> Admin::talk(const char* socket, std::string_view line) const {
  const auto away = [&](int error) {
    return fail(Code::kUnavailable, fmt::format("haproxy does not answer on {}: {}",
                                                (folder_ / socket).string(), std::strerror(error)));
  };
  // By way of the folder's descriptor, since a unix socket's address holds short paths alone.
  const Fd folder(::open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return away(errno);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", folder.get(), socket);
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return away(errno);
  const std::string request = std::string(line) + "\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return away(errno);
  }
  ::shutdown(fd.get(), SHUT_WR);
  std::string answer;
  char buffer[16384];
  while (true) {
    const ssize_t got = ::recv(fd.get(), buffer, sizeof(buffer), 0);
    if (got == 0) return answer;
    if (got < 0) {
      // A master that reloads drops the connection.
      if (errno == ECONNRESET && !answer.empty()) return answer;
      if (errno == EINTR) continue;
      return away(errno);
    }
    answer.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<std::string> Admin::ask(int worker, std::string_view command) const {
  if (worker == 0) return talk(kWorker, command);
  return talk(kMaster, fmt::format("@!{} {}", worker, command));
}

Result<std::vector<int>> Admin::old_workers() const {
  return parse_old_workers(TRY(talk(kMaster, "show proc")));
}

Result<> Admin::reload() const {
  const auto answer = talk(kMaster, "reload");
  // The master replaces itself and often does not get to say so.
  if (!answer && answer.error().message.find("reset") == std::string::npos)
    return std::unexpected(answer.error());
  return {};
}

Result<std::string> Admin::description() const { return parse_description(TRY(ask(0, "show info"))); }

std::vector<int> parse_old_workers(std::string_view text) {
  std::vector<int> out;
  bool old = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("# ")) {
      old = line.starts_with("# old workers");
    } else if (old) {
      int pid = 0;
      if (std::from_chars(line.data(), line.data() + line.size(), pid).ec == std::errc{}) out.push_back(pid);
    }
  }
  return out;
}

std::string parse_description(std::string_view text) {
  constexpr std::string_view kName = "\ndescription: ";
  const std::size_t at = text.find(kName);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + kName.size());
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace qleet::route
